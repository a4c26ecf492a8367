#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""vivd as a service of systemd: its units and rules by systemd's own tools, sockets that are passed
to it, and what it tells its manager. usage: service-test.py BUILD"""
import contextlib
import fcntl
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "manage"))
from host import ABLE, accounts, apart, enter, modes, run  # noqa: E402
from vivd import ENV, LIMIT, Tap, virsh  # noqa: E402

VIVD = os.environ["VIVD"]
UNITS = ("vivd.service", "vivd.socket", "vivd-ro.socket")
PASSWD, GROUP = "root:x:0:0:root:/root:/bin/sh\n", "root:x:0:\n"
tap = Tap()


@contextlib.contextmanager
def problems(name):
    """One result: what is appended, and an exception, is a problem."""
    found = []
    try:
        yield found
    except (AssertionError, OSError, subprocess.TimeoutExpired) as e:
        found.append(repr(e))
    tap.result(name, found)


# --- what is installed

def units(root, installed):
    """A root of its own with systemd's units and ours, where the programs that they name are."""
    shutil.copytree("/usr/lib/systemd/system", root / "usr/lib/systemd/system", symlinks=True)
    program = next(line.partition("=")[2].split()[0]
                   for line in installed["vivd.service"].read_text().splitlines()
                   if line.startswith("ExecStart="))
    for path, of in ((program, VIVD), ("/bin/kill", "/bin/kill")):
        (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(of, root / path[1:])
    with problems("systemd finds nothing wrong with the units") as found:
        r = run("systemd-analyze", "verify", f"--root={root}", "--man=no", *UNITS, check=False)
        if r.returncode or r.stderr:
            found.append(r)
    with problems("and would, were a name in them wrong") as found:
        installed["vivd.socket"].write_text(
            installed["vivd.socket"].read_text().replace("SocketMode", "SocketMood"))
        r = run("systemd-analyze", "verify", f"--root={root}", "--man=no", *UNITS, check=False)
        if "SocketMood" not in r.stderr:
            found.append(r)


def rules(root):
    """systemd's tools make the account and the folders below a root."""
    (root / "etc").mkdir(exist_ok=True)
    (root / "etc/passwd").write_text(PASSWD)
    (root / "etc/group").write_text(GROUP)
    with problems("systemd-sysusers makes the account") as found:
        for _ in range(2):
            run("systemd-sysusers", f"--root={root}")
        users, groups = accounts(str(root))
        if [[u[0], u[3]] for u in users] != [["vivarium", "/usr/sbin/nologin"]] \
                or groups != {"vivarium": "", "kvm": "vivarium"}:
            found.append((users, groups))
    with problems("systemd-tmpfiles makes the folders, and mends their modes") as found:
        for _ in range(2):
            run("systemd-tmpfiles", f"--root={root}", "--create", "vivd.conf")
            made = {path: mode for path, (mode, *_) in modes(str(root)).items()}
            if made != {"/run/vivarium": "0o40755", "/var/lib/vivarium": "0o40711",
                        "/var/log/vivarium": "0o40700", "/var/cache/vivarium": "0o40700"}:
                found.append(made)
            (root / "var/lib/vivarium").chmod(0o777)


def installed_for_systemd(build):
    with tempfile.TemporaryDirectory(prefix="vivd-units-") as folder:
        root = pathlib.Path(folder)
        run("meson", "install", "-C", build, "--no-rebuild", "--tags", "systemd", "--quiet",
            env=os.environ | {"DESTDIR": folder})
        installed = {p.name: p for p in root.rglob("*") if p.is_file()}
        where = {name: str(p.parent).partition("/lib/")[2] for name, p in installed.items()}
        tap.result("units and rules are where systemd looks",
                   [] if where == {u: "systemd/system" for u in UNITS} | {
                       "vivarium.conf": "sysusers.d", "vivd.conf": "tmpfiles.d"} else [where])
        rules(root)
        units(root, installed)


# --- what is passed

class Manager:
    """What starts vivd as a service: it listens, passes its sockets, and is told."""

    def __init__(self, names=("vivd", "vivd-ro"), abstract=False):
        self.folder = tempfile.mkdtemp(prefix="vivd-service-")
        self.paths = [os.path.join(self.folder, name) for name in names]
        self.sockets = [socket.socket(socket.AF_UNIX) for _ in names]
        for s, path in zip(self.sockets, self.paths):
            s.bind(path)
            s.listen(8)
        self.names = ":".join(names)
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        address = ("\0" + self.folder) if abstract else os.path.join(self.folder, "notify")
        self.notify.bind(address)
        self.notify.settimeout(LIMIT)
        self.env = ENV | {f"XDG_{kind}": os.path.join(self.folder, "home") for kind in
                          ("CONFIG_HOME", "CACHE_HOME", "DATA_HOME", "RUNTIME_DIR")} | {
                              "NOTIFY_SOCKET": address.replace("\0", "@")}
        os.mkdir(os.path.join(self.folder, "home"), 0o700)
        self.children = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in self.children:
            child.kill()
            child.wait(LIMIT)
        self.notify.close()
        for s in self.sockets:
            s.close()
        shutil.rmtree(self.folder)

    def start(self, *options, pid="$$", **more):
        """vivd, with the sockets from descriptor 3 on, as sd_listen_fds(3) has it."""
        high = [fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 40) for s in self.sockets]
        moves = " ".join(f"{3 + i}<&{fd}" for i, fd in enumerate(high))
        env = self.env | {"LISTEN_FDS": str(len(high)), "LISTEN_FDNAMES": self.names} | more
        child = subprocess.Popen(["bash", "-c", f"export LISTEN_PID={pid}; exec \"$@\" {moves}",
                                  "bash", VIVD, *options], env=env, pass_fds=high, text=True,
                                 stderr=subprocess.PIPE)
        for fd in high:
            os.close(fd)
        self.children.append(child)
        return child

    def told(self):
        return self.notify.recv(4096).decode()

    def uri(self, n):
        return f"test+unix:///default?socket={self.paths[n]}"


def end(child, found):
    child.terminate()
    said = child.communicate(timeout=LIMIT)[1]
    if child.returncode != 0 or said:
        found.append((child.returncode, said))


def served():
    """Real clients on sockets that vivd did not make, over two lives of it."""
    with problems("a client on a socket that was passed") as found, Manager() as manager:
        child = manager.start("--session")
        if (said := manager.told()) != "READY=1":
            found.append(said)
        r = virsh(manager.uri(0), "destroy", "test")
        if r[0] != 0:
            found.append(r)
        r = virsh(manager.uri(1), "destroy", "test")
        if r[0] != 1 or "read only access prevents" not in r[2]:
            found.append(r)
        if left := os.listdir(os.path.join(manager.folder, "home")):
            found += [name for name in left if "sock" in name]
        end(child, found)
        if (said := manager.told()) != "STOPPING=1":
            found.append(said)
        found += [f"{path} is gone" for path in manager.paths if not os.path.exists(path)]
        # Nobody is there now: a client waits, and is served by the next.
        client = subprocess.Popen(["timeout", str(LIMIT), "virsh", "-c",
                                   manager.uri(0), "uri"], env=ENV, text=True,
                                  stdout=subprocess.PIPE)
        time.sleep(0.2)
        child = manager.start("--session")
        out = client.communicate(timeout=LIMIT)[0]
        if client.returncode != 0 or manager.uri(0) not in out:
            found.append(out)
        end(child, found)


def reloaded():
    with problems("SIGHUP is told, with its time and its end") as found, \
            Manager(abstract=True) as manager:
        child = manager.start("--session")
        manager.told()
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        child.send_signal(signal.SIGHUP)
        first, second = manager.told(), manager.told()
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        words = dict(line.split("=") for line in first.splitlines())
        if words.get("RELOADING") != "1" or second != "READY=1" \
                or not before <= int(words.get("MONOTONIC_USEC", 0)) <= after:
            found.append((first, second))
        end(child, found)


def others():
    """Sockets for another process are not taken; one that was not passed is made."""
    with problems("sockets for another process are left alone") as found, Manager() as manager:
        child = manager.start("--session", "--runtime-dir", manager.folder, pid="1")
        manager.told()
        r = virsh(f"test+unix:///default?socket={manager.folder}/vivd-sock", "uri")
        if r[0] != 0:
            found.append(r)
        end(child, found)
    with problems("the read-only socket is made where only the other is passed") as found, \
            Manager(names=["vivd"]) as manager:
        child = manager.start("--session", "--runtime-dir", manager.folder)
        manager.told()
        own = os.path.join(manager.folder, "vivd-sock")
        if os.path.exists(own):
            found.append("it listens beside the socket that was passed")
        r = virsh(f"test+unix:///default?socket={own}-ro", "destroy", "test")
        if "read only access prevents" not in r[2] or virsh(manager.uri(0), "uri")[0] != 0:
            found.append(r)
        end(child, found)


def refused():
    """(what is passed, what vivd says): it ends with status 1."""
    def tcp(manager):
        manager.sockets[0] = socket.create_server(("127.0.0.1", 0))

    def connected(manager):
        manager.sockets[0] = socket.socketpair()[0]

    def no_socket(manager):
        manager.sockets[0] = open("/dev/null", "rb")

    cases = (("a TCP socket", tcp, {}, "descriptor 3 ('vivd'), passed by the service manager, is no "
                                       "listening local socket"),
             ("a connection", connected, {}, "descriptor 3 ('vivd')"),
             ("a file", no_socket, {}, "descriptor 3 ('vivd')"),
             ("a descriptor that is not open", None, {"LISTEN_FDS": "3", "LISTEN_FDNAMES":
              "vivd:vivd-ro:vivd"}, "descriptor 5 ('vivd')"),
             ("an unknown name", None, {"LISTEN_FDNAMES": "vivd:unknown"},
              "passed a socket named 'unknown'; vivd knows 'vivd' and 'vivd-ro'"),
             ("too few names", None, {"LISTEN_FDNAMES": "vivd"}, "has 1 names for 2 sockets"),
             ("too many", None, {"LISTEN_FDS": "9"}, "at most 8 sockets"),
             ("no number", None, {"LISTEN_FDS": "-1"}, "LISTEN_FDS is '-1'"))
    for name, change, env, words in cases:
        with problems(f"refused: {name}") as found, Manager() as manager:
            if change:
                manager.sockets[0].close()
                change(manager)
            child = manager.start("--session", **env)
            said = child.communicate(timeout=LIMIT)[1]
            if child.returncode != 1 or words not in said:
                found.append((child.returncode, said))


def inherited():
    """What vivd starts finds neither the variables nor the descriptors."""
    with problems("programs that it starts do not take the sockets for theirs") as found, \
            Manager() as manager:
        program, said = (os.path.join(manager.folder, name) for name in ("emulator", "said"))
        with open(program, "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\n{{ env; ls -l /proc/$$/fd; }} > {said}\nexit 1\n")
        os.chmod(program, 0o755)
        child = manager.start("--session")
        manager.told()
        uri = manager.uri(0).replace("test+unix:///default", "qemu+unix:///session")
        r = virsh(uri, "domcapabilities", "--emulatorbin", program)
        with open(said, encoding="utf-8") as f:
            text = f.read()
        for fd in (3, 4):
            with open(f"/proc/{child.pid}/fdinfo/{fd}", encoding="ascii") as f:
                flags = int(f.read().partition("flags:")[2].split()[0], 8)
            if not flags & os.O_CLOEXEC:
                found.append(f"descriptor {fd} is inherited")
        inodes = [f"socket:[{os.fstat(s.fileno()).st_ino}]" for s in manager.sockets]
        found += [word for word in ("LISTEN_", "NOTIFY_SOCKET", *inodes) if word in text]
        if "XDG_RUNTIME_DIR=" not in text or " -> " not in text:
            found.append((r, text))
        end(child, found)


def by_systemd():
    """systemd's own launcher starts it for the first client."""
    with problems("systemd-socket-activate starts it for virsh") as found, \
            tempfile.TemporaryDirectory(prefix="vivd-activated-") as folder:
        paths = [os.path.join(folder, name) for name in ("a", "b")]
        env = [f"--setenv=XDG_{k}={folder}" for k in ("CONFIG_HOME", "CACHE_HOME", "DATA_HOME",
                                                       "RUNTIME_DIR")]
        child = subprocess.Popen(["systemd-socket-activate", "-l", paths[0], "-l", paths[1],
                                  "--fdname=vivd:vivd-ro", *env, VIVD, "--session"], text=True,
                                 stderr=subprocess.PIPE, env=ENV)
        limit = time.monotonic() + LIMIT
        while not os.path.exists(paths[1]) and time.monotonic() < limit:
            time.sleep(0.02)
        for path, status in ((paths[1], 1), (paths[0], 0)):
            r = virsh(f"test+unix:///default?socket={path}", "destroy", "test")
            if r[0] != status:
                found.append(r)
        child.terminate()
        said = child.communicate(timeout=LIMIT)[1]
        if child.returncode != 0:
            found.append((child.returncode, said))


# --- the system's

def configuration(build):
    """What is installed is what the system's daemon reads, has every key, and is right."""
    run("meson", "install", "-C", build, "--no-rebuild", "--tags", "config", "--quiet",
        env=os.environ | {"DESTDIR": "/run/config"})
    installed, = (p for p in pathlib.Path("/run/config").rglob("*") if p.is_file())
    path = pathlib.Path("/") / installed.relative_to("/run/config")
    for text, status, words in ((None, 0, f"{path}: not there: the defaults hold"),
                                (installed.read_text(), 0, f"{path}: right"),
                                ("no_such_key = 1\n", 2, f"{path}:1: there is no key 'no_such_key'")):
        if text is not None:
            if path.parts[1] != "etc":
                break  # a folder configured otherwise, on a host that is not the test's own
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        r = run(VIVD, "--check", check=False)
        if r.returncode != status or words not in r.stdout + r.stderr:
            raise SystemExit(f"{text}: {r}")
    path.unlink(missing_ok=True)


def system(build):
    """In name spaces: systemd's tools on this host, then the daemon on sockets that it is passed."""
    enter()
    shutil.rmtree("/etc/vivarium", ignore_errors=True)
    configuration(build)
    installed_rules = run(VIVD, "--sysusers").stdout, run(VIVD, "--tmpfiles").stdout
    for program, text in zip(("systemd-sysusers", "systemd-tmpfiles --create"), installed_rules):
        run(*program.split(), "-", input=text)
    with Manager() as manager:
        os.chmod(manager.folder, 0o755)
        os.chmod(manager.paths[0], 0o660)
        os.chmod(manager.paths[1], 0o666)
        child = manager.start()
        if (said := manager.told()) != "READY=1":
            raise SystemExit(said)
        found = []
        member = run("id", "-g", "vivarium").stdout.strip()
        if str(os.stat(manager.paths[0]).st_gid) != member:
            found.append(f"the socket's group is not {member}")
        for who, n, words, status in (("0", 0, ["uri"], 0), ("65534", 1, ["uri"], 0),
                                      ("65534", 1, ["destroy", "test"], 1), ("65534", 0, ["uri"], 1)):
            r = run("setpriv", f"--reuid={who}", f"--regid={who}", "--clear-groups", "virsh", "-c",
                    manager.uri(n), *words, check=False, env=ENV | {"HOME": "/"}, cwd="/")
            if r.returncode != status:
                found.append(r)
        r = virsh(manager.uri(0).replace("test+unix:///default", "qemu+unix:///system"), "pool-list")
        if "default" not in r[1]:
            found.append(r)
        end(child, found)
        if found:
            raise SystemExit(str(found))
    print("all good")


def main():
    build = sys.argv[1]
    if sys.argv[2:] == ["system"]:
        system(build)
        return
    installed_for_systemd(build)
    served()
    reloaded()
    others()
    refused()
    inherited()
    by_systemd()
    if ABLE:
        r = apart(build, "system")
        tap.result("the system's daemon: on sockets that were passed",
                   [] if r.returncode == 0 and "all good" in r.stdout else [r.stdout + r.stderr])
    else:
        tap.count += 1
        print(f"ok {tap.count} - the system's daemon # SKIP needs root and name spaces")
    tap.done()


main()
