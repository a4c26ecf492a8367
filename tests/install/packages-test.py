#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages of script/deb on a host of the test's own, an overlay of this one: installed by dpkg
with their dependencies, run from there, upgraded, removed, and nothing is left.
usage: packages-test.py TREE"""
import contextlib
import os
import pathlib
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "manage"))
from host import ABLE, accounts, apart, modes, run  # noqa: E402
from vivd import Tap  # noqa: E402

PACKAGES = ["libviv-dev", "vivarium", "vivarium-client", "vivarium-daemon"]
UNITS = ["vivd.service", "vivd.socket", "vivd-ro.socket"]
CONF = "etc/vivarium/vivd.conf"
LIMIT, BUILD_LIMIT = 120, 3000
# What dpkg, useradd, ldconfig and man-db keep for themselves.
KEPT = re.compile(r"(var/lib/dpkg|var/cache/man|var/cache/ldconfig|tmp|dev|proc|run)(/.*)?"
                  r"|var/log/dpkg\.log|etc/ld\.so\.cache|etc/(passwd|group|shadow|gshadow)-?"
                  r"|etc/sub[ug]id-?|etc/\.pwd\.lock|(etc|var|var/\w+)")
DOMAIN = """<domain type='qemu'><name>guest</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='q35'>hvm</type></os>
<devices><emulator>/usr/bin/viv-machine</emulator></devices></domain>"""
PROGRAM = """#include <stdio.h>
#include <viv/connection.h>
int main(void)
{
    struct viv_connection *c = viv_open("test:///default", 0, NULL);
    char *uri = c ? viv_uri(c) : NULL;
    printf("%s\\n", uri ? uri : "none");
    return 0;
}
"""
tap = Tap()


@contextlib.contextmanager
def result(name):
    """One result: what is appended, and an exception, is a problem."""
    found = []
    try:
        yield found
    except (AssertionError, OSError, subprocess.TimeoutExpired, IndexError) as e:
        found.append(e)
    tap.result(name, found)


# --- what is built

def field(deb, name):
    return run("dpkg-deb", "-f", deb, name).stdout.strip()


def names_of(depends):
    return set(re.findall(r"(?:^|, |\| )([a-z0-9][a-z0-9+.-]+)", depends))


def needed(deb, folder):
    """The packages of this host that have what the programs of this one are linked with."""
    run("dpkg-deb", "-x", deb, folder)
    libraries = set()
    for path in (p for p in pathlib.Path(folder).rglob("*") if p.is_file() and not p.is_symlink()):
        if path.read_bytes()[:4] == b"\x7fELF":
            libraries |= set(re.findall(r"NEEDED.*\[(.*)\]", run("readelf", "-dW", path).stdout))
            if run("readelf", "-SW", path).stdout.count(".debug_info"):
                raise AssertionError(f"{path} is not stripped")
    owners = set()
    for name in libraries - {"libviv.so.0"}:
        place = run("ldconfig", "-p").stdout.partition(f"\t{name} ")[2].split("=> ")[1].split()[0]
        found = [run("dpkg", "-S", p, check=False).stdout for p in (place, os.path.realpath(place),
                                                                   place.removeprefix("/usr"))]
        owners.add(next(f for f in found if f).partition(":")[0])
    return owners | ({"vivarium-client"} if "libviv.so.0" in libraries else set())


def built(tree, folder):
    """{package: file}, of the tree's version and of a later one."""
    debs = {}
    for name, words in (("first", []), ("again", []), ("later", ["--version", "99"])):
        out = folder / name
        run(tree / "script/deb", "--out", out, *words, timeout=BUILD_LIMIT)
        debs[name] = {field(p, "Package"): p for p in sorted(out.glob("*.deb"))}
    with result("script/deb builds the packages") as found:
        if sorted(debs["first"]) != PACKAGES:
            found.append(debs["first"])
    with result("again, and they are the same to the byte") as found:
        found += [package for package, path in debs["first"].items()
                  if path.read_bytes() != debs["again"][package].read_bytes()]
    for package, path in debs["first"].items():
        with result(f"{package} depends on what its programs are linked with") as found:
            lacks = needed(path, folder / f"x-{package}") - names_of(field(path, "Depends")) - {package}
            found += sorted(lacks)
    return debs


# --- a host of the test's own

class Host:
    """An overlay of this host, whose mounts and processes go with the name spaces. Nobody may empty
    its folder while they are there: the devices in it are this host's."""

    def __init__(self, folder):
        folder.mkdir()
        self.root, self.upper = folder / "root", folder / "upper"
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", folder)
        for path in (self.root, self.upper, folder / "work"):
            path.mkdir()
        run("mount", "-t", "overlay", "-o", f"lowerdir=/,upperdir={self.upper},workdir="
            f"{folder / 'work'}", "overlay", self.root)
        run("mount", "-t", "proc", "proc", self.root / "proc")
        run("mount", "--rbind", "/dev", self.root / "dev")
        for where in ("run", "tmp"):
            run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", self.root / where)
        self.child = None

    def run(self, *words, **more):
        return run("chroot", self.root, *words, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                                                     "HOME": "/root", "LC_ALL": "C.UTF-8",
                                                     "DEBIAN_FRONTEND": "noninteractive"}, **more)

    def install(self, debs):
        for path in debs.values():
            shutil.copy(path, self.root / "tmp")
        return self.run("dpkg", "-i", *(f"/tmp/{path.name}" for path in debs.values()))

    def left(self):
        """What is there and was not, and what is gone or changed."""
        found = []
        for path in sorted(self.upper.rglob("*")):
            name = str(path.relative_to(self.upper))
            if KEPT.fullmatch(name):
                continue
            if stat.S_ISDIR(path.lstat().st_mode) and os.path.isdir("/" + name):
                continue  # a folder of this host, in which something was
            found.append(name)
        return found

    def start(self):
        self.child = subprocess.Popen(["chroot", self.root, "vivd"], stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + LIMIT
        while not (self.root / "run/vivarium/vivd-sock-ro").exists() and time.monotonic() < end:
            time.sleep(0.05)

    def stop(self):
        self.child.terminate()
        said = self.child.communicate(timeout=LIMIT)[1]
        if self.child.returncode != 0:
            raise AssertionError(said)

    def virsh(self, *words, **more):
        return self.run("virsh", "-c", "qemu+unix:///system?socket=/run/vivarium/vivd-sock", *words,
                        **more).stdout.strip()


def install_and_purge(host, debs):
    """A host that never ran it."""
    with result("dpkg installs them, dependencies and all") as found:
        said = host.install(debs).stdout
        if "account vivarium: made" not in said:
            found.append(said)
        if verify := host.run("dpkg", "-V", *PACKAGES).stdout:
            found.append(verify)
    with result("the account, the folders, units that are enabled and right") as found:
        users, groups = accounts(str(host.root))
        if len(users) != 1 or groups.get("kvm", "").split(",")[-1] != "vivarium":
            found.append((users, groups))
        if {m for m, *_ in modes(str(host.root)).values()} != {"0o40711", "0o40755", "0o40700"}:
            found.append(modes(str(host.root)))
        wants = host.root / "etc/systemd/system"
        found += [name for name in ("sockets.target.wants/vivd.socket",
                                    "sockets.target.wants/vivd-ro.socket",
                                    "multi-user.target.wants/vivd.service")
                  if not (wants / name).is_symlink()
                  or not (host.root / os.readlink(wants / name)[1:]).exists()]
        r = run("systemd-analyze", "verify", f"--root={host.root}", "--man=no", *UNITS, check=False)
        found += [line for line in r.stderr.splitlines() if "vivd" in line]
    with result("purged at once, nothing is left but the account") as found:
        host.run("dpkg", "--purge", *PACKAGES)
        found += host.left()


def programs(host):
    with result("the machine and the images") as found:
        host.run("viv-img", "create", "-f", "qcow2", "/tmp/a.qcow2", "8M")
        for words, wanted in ((["viv-machine", "-version"], "vivarium"),
                              (["viv-machine-riscv64", "-machine", "help"], "RISC-V"),
                              (["qemu-img", "info", "/tmp/a.qcow2"], "8 MiB"),
                              (["man", "-w", "viv-machine-riscv64"], "viv-machine"),
                              (["viv", "-c", "test:///default", "list", "--all"], "test")):
            if wanted not in (r := host.run(*words)).stdout:
                found.append(r)
    with result("a program is built with libviv, and runs") as found:
        (host.root / "tmp/a.c").write_text(PROGRAM)
        flags = host.run("pkg-config", "--cflags", "--libs", "libviv").stdout.split()
        host.run("gcc", "-Wall", "-Werror", "-o", "/run/a", "/tmp/a.c", *flags)
        if host.run("/run/a").stdout != "test:///default\n":
            found.append(host.run("/run/a"))


def upgraded(host, later):
    """A machine goes on while its manager is replaced, and a changed configuration stays."""
    conf = host.root / CONF
    host.start()
    (host.root / "run/guest.xml").write_text(DOMAIN)
    try:
        with result("vivd starts a machine as the account, for virsh and for viv") as found:
            host.virsh("define", "/run/guest.xml")
            host.virsh("start", "guest")
            if "guest" not in host.run("viv", "-c", "viv:///system", "list").stdout:
                found.append("viv does not see it")
            owner = host.run("ps", "-C", "viv-machine", "-o", "user=").stdout.split()
            if "vivarium" not in owner:
                found.append(owner)
        with result("an upgrade: the machine goes on, the configuration stays") as found:
            conf.write_text("max_clients = 7\n")
            host.stop()
            host.install(later)
            if conf.read_text() != "max_clients = 7\n":
                found.append(conf.read_text())
            if (v := host.run("dpkg-query", "-W", "-f", "${Version}", "vivarium").stdout) != "99":
                found.append(v)
            host.start()
            if host.virsh("domstate", "guest") != "running":
                found.append(host.virsh("domstate", "guest"))
    finally:
        host.virsh("destroy", "guest", check=False)
        host.stop()


def removed(host):
    with result("removed, all is gone but configuration and state") as found:
        host.run("dpkg", "--remove", *PACKAGES)
        if not (host.root / CONF).exists():
            found.append(f"{CONF} is gone")
        found += [n for n in host.left() if n.startswith("usr/")]
    with result("purged, only what was defined is left") as found:
        host.run("dpkg", "--purge", *PACKAGES)
        found += [n for n in host.left() if not re.match("var/lib/(vivarium|libvirt)(/|$)", n)]
        if not list((host.root / "var/lib/vivarium/domains").glob("*.xml")):
            found.append("the definition is gone")


def inside(folder):
    debs = {name: {field(p, "Package"): p for p in sorted((folder / name).glob("*.deb"))}
            for name in ("first", "later")}
    install_and_purge(Host(folder / "host-1"), debs["first"])
    host = Host(folder / "host-2")
    host.install(debs["first"])
    programs(host)
    upgraded(host, debs["later"])
    removed(host)
    tap.done()


def main():
    if sys.argv[1] == "inside":
        inside(pathlib.Path(sys.argv[2]))
    with tempfile.TemporaryDirectory(prefix="packages-") as folder:
        built(pathlib.Path(sys.argv[1]), pathlib.Path(folder))
        if ABLE:
            r = apart("inside", folder, options=["-pf"], timeout=BUILD_LIMIT)
            print("".join(f"# {line}\n" for line in (r.stdout + r.stderr).splitlines()), end="")
            tap.result("on a host of the test's own",
                       [] if r.returncode == 0 and "1..9" in r.stdout else ["see above"])
        else:
            tap.count += 1
            print(f"ok {tap.count} - on a host of the test's own # SKIP needs root and name spaces")
    tap.done()


main()
