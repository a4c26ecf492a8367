# SPDX-License-Identifier: LGPL-2.1-or-later
"""vivd beside its clients: its configuration, the sockets on which it listens, who may use them,
and libvirt's clients that start it."""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from vivd import ENV, LIMIT, Tap, Vivd, virsh

VIVD = os.environ["VIVD"]
tap = Tap()

# (what the file says, part of what is answered; None: it is right)
FILES = [
    ("max_clients = 3\n\n# none\nsocket_group = \"a # b\"\n", None),
    ("max_clients = 0\n", ":1: Parameter 'max_clients' expects a number from 1 to 100000, not '0'"),
    ("\nlibvirt_sockets = maybe\n", ":2: Parameter 'libvirt_sockets' expects 'on' or 'off'"),
    ("max_client = 3\n", ":1: there is no key 'max_client'"),
    ("timeout 3\n", ":1: expected \"key = value\""),
    ("socket_group = \"open\n", ":1: a value in quotes ends with"),
    ("a" * 65537, "not text of at most 64 KiB"),
    ("\udcff", "not text"),
]


def vivd(*words, **env):
    """What it says and ends with; not to be used for what runs a daemon, in the user's folders."""
    return subprocess.run([VIVD, *words], capture_output=True, text=True, env=ENV | env,
                          timeout=LIMIT, check=False)


def configuration(folder):
    path = os.path.join(folder, "vivd.conf")
    for text, answer in FILES:
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as f:
            f.write(text)
        r = vivd("--session", "--config", path, "--check")
        good = r.returncode == 0 if answer is None else r.returncode == 2 and answer in r.stderr
        tap.result(f"a configuration: {ascii(text.partition('#')[0][:30])}", [] if good else [r])
    sample = vivd("--sample-config").stdout
    with open(path, "w", encoding="utf-8") as f:
        f.write(sample.replace("\n#", "\n").replace("\n ", "\n# "))
    r = vivd("--session", "--config", path, "--check")
    tap.result("the sample with its defaults set is right", [] if r.returncode == 0 else [r])
    r = vivd("--session", "--config", os.path.join(folder, "none"), "--check")
    tap.result("a file that was named is there",
               [] if r.returncode == 2 and "No such file" in r.stderr else [r])
    own = os.path.join(folder, "vivarium", "vivd.conf")
    os.mkdir(os.path.dirname(own))
    for text, status, words in (("timeout = 60\n", 0, f"{own}: right"),
                                ("max_client = 3\n", 2, f"{own}:1: there is no key 'max_client'")):
        with open(own, "w", encoding="utf-8") as f:
            f.write(text)
        r = vivd("--session", "--check", XDG_CONFIG_HOME=folder)
        tap.result(f"a session's is in the user's folder: {text.strip()}",
                   [] if r.returncode == status and words in r.stdout + r.stderr else [r])
    runtime = os.path.join(folder, "none")
    r = vivd("--session", "--timeout", "1", "--runtime-dir", runtime, XDG_CONFIG_HOME=folder,
             XDG_RUNTIME_DIR=runtime)
    tap.result("no daemon starts on an unknown key",
               [] if r.returncode == 2 and "there is no key" in r.stderr
               and not os.path.exists(runtime) else [r])


def limits(folder):
    """One client is let in; after a reload two are, and a wrong file changes nothing."""
    path = os.path.join(folder, "limits.conf")

    def write(text):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)

    def second_gets_in(daemon):
        first = subprocess.Popen(["virsh", "-c", daemon.uri()], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, env=ENV, text=True)
        first.stdin.write("uri\n")
        first.stdin.flush()
        while "test" not in first.stdout.readline():
            if first.poll() is not None:
                return None
        status = daemon.virsh("uri")[0]
        first.communicate("quit\n", timeout=LIMIT)
        return status == 0

    def reload(daemon, text, wanted):
        """A signal is not answered: asks until it shows, or for good."""
        write(text)
        daemon.child.send_signal(signal.SIGHUP)
        end = time.monotonic() + LIMIT
        while second_gets_in(daemon) != wanted and time.monotonic() < end:
            time.sleep(0.1)
        return second_gets_in(daemon) == wanted

    write("max_clients = 1\n")
    with Vivd("--config", path) as daemon:
        tap.result("a second client is one too many",
                   [] if second_gets_in(daemon) is False else ["it got in"])
        tap.result("SIGHUP lets it in",
                   [] if reload(daemon, "max_clients = 2\n", True) else ["it did not"])
        write("max_clients = none\n")
        daemon.child.send_signal(signal.SIGHUP)
        tap.result("a wrong file changes nothing",
                   [] if daemon.virsh("uri")[0] == 0 and second_gets_in(daemon) else ["it did"])


def succession(folder):
    """Calls behind each other are answered the same however long the loop stays awake for the
    next, and with none to come it sleeps."""
    path = os.path.join(folder, "poll.conf")
    answers, problems = [], []
    for microseconds in (0, 100, 10000):
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"call_poll = {microseconds}\n")
        with Vivd("--config", path) as daemon:
            r = subprocess.run(["virsh", "-c", daemon.uri()], input="dominfo test\ndomstate test\n" * 50,
                               capture_output=True, text=True, env=ENV, timeout=LIMIT, check=False)
            answers.append((r.returncode, re.sub(r"(?m)^CPU time:.*", "", r.stdout), r.stderr))
            time.sleep(0.1)
            before = ticks(daemon.child.pid)
            time.sleep(1)
            after = ticks(daemon.child.pid)
            if after - before > os.sysconf("SC_CLK_TCK") // 2:
                problems.append(f"call_poll = {microseconds}: {after - before} ticks in a second")
    status, said, complained = answers[0]
    if status != 0 or said.count("Name:") != 50:
        problems.append((status, said[-300:], complained))
    problems += ["not the same answers" for a in answers[1:] if a != answers[0]]
    tap.result("calls in close succession, with and without waiting for the next", problems)


def ticks(pid):
    """The CPU time that a process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def libvirt_sockets(folder):
    """Root's clients look for the system's daemon, so root becomes nobody."""
    runtime = os.path.join(folder, "runtime")
    os.mkdir(runtime, 0o700)
    program = os.path.join(folder, "libvirtd")
    shutil.copy(VIVD, program)
    os.chmod(folder, 0o755)
    prefix = []
    if os.geteuid() == 0:
        prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        for path in (folder, runtime):
            os.chown(path, 65534, 65534)
    env = ENV | {f"XDG_{kind}": os.path.join(folder, kind.lower())
                 for kind in ("CONFIG_HOME", "CACHE_HOME", "DATA_HOME")} | {"XDG_RUNTIME_DIR": runtime}
    r = subprocess.run([*prefix, "virsh", "-c", "qemu:///session", "version", "--daemon"],
                       text=True, env=env | {"LIBVIRTD_PATH": folder, "HOME": folder},
                       capture_output=True, timeout=LIMIT, check=False)
    tap.result("virsh starts it by LIBVIRTD_PATH",
               [] if r.returncode == 0 and "Running against daemon: 9.0.0" in r.stdout else [r])
    socket = os.path.join(runtime, "libvirt", "libvirt-sock")
    r = subprocess.run([*prefix, program, "--session"], env=env, text=True,
                       capture_output=True, timeout=LIMIT, check=False)
    owner = re.search(r"in use by process (\d+), which answers", r.stderr)
    if owner is None:
        tap.result("it listens on its own sockets, too", [r])
        return
    os.kill(int(owner.group(1)), signal.SIGTERM)
    end = time.monotonic() + LIMIT
    while os.path.exists(socket) and time.monotonic() < end:
        time.sleep(0.1)
    tap.result("it ends and takes its sockets away",
               [f"{socket} is there"] if os.path.exists(socket) else [])
    with Vivd() as daemon:
        r = subprocess.run([VIVD, "--session", "--runtime-dir", daemon.folder], env=env, text=True,
                           capture_output=True, timeout=LIMIT, check=False)
        words = f"in use by process {daemon.child.pid}, which answers"
        tap.result("a socket that answers is not taken",
                   [] if r.returncode == 1 and words in r.stderr else [r])
        tap.result("and its owner goes on", [] if daemon.virsh("uri")[0] == 0 else ["it does not"])


# --- the system's daemon, in a mount name space of its own

def as_user(uid, gid, *words):
    r = subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={gid}", "--init-groups",
                        "virsh", "-c", *words], env=ENV | {"HOME": "/"}, capture_output=True,
                       text=True, timeout=LIMIT, check=False, cwd="/", input="")
    return r


def system_daemon():
    """Run by `unshare -m` as root: what it mounts nobody else sees."""
    def add(path, line):
        copy = "/run/" + os.path.basename(path)
        with open(path, encoding="utf-8") as f, open(copy, "w", encoding="utf-8") as g:
            g.write(f.read() + line)
        subprocess.run(["mount", "--bind", copy, path], check=True)

    for where in ("/run", "/var/lib", "/var/log"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", where], check=True)
    add("/etc/passwd", "viv-in:x:64001:64001::/:/bin/sh\nviv-out:x:64002:64002::/:/bin/sh\n")
    add("/etc/group", "viv-in:x:64001:\nviv-out:x:64002:\nviv-admins:x:64003:viv-in\n")
    with open("/run/vivd.conf", "w", encoding="utf-8") as f:
        f.write("socket_group = viv-admins\n")
    child = subprocess.Popen([VIVD, "--config", "/run/vivd.conf", "--libvirt-sockets"], env=ENV)
    end = time.monotonic() + LIMIT
    # The last of the four sockets that it makes.
    while not os.path.exists("/run/libvirt/libvirt-sock-ro") and time.monotonic() < end:
        time.sleep(0.05)
    try:
        check_users()
        for group, gid in (("viv-out", 64002), ("viv-nobody", 0)):
            check_group(child, group, gid)
    finally:
        child.terminate()
        child.wait(LIMIT)
    tap.done()


def check_users():
    writer, reader = (f"test+unix:///default?socket=/run/vivarium/vivd-sock{x}" for x in ("", "-ro"))
    r = as_user(64001, 64001, writer, "uri")
    tap.result("a member of the group may", [] if r.returncode == 0 else [r])
    r = as_user(64002, 64002, writer, "uri")
    tap.result("somebody else may not open the socket",
               [] if r.returncode == 1 and "Permission denied" in r.stderr else [r])
    os.chmod("/run/vivarium/vivd-sock", 0o666)
    r = as_user(64002, 64002, writer, "uri")
    words = "user 'viv-out' is not in the group 'viv-admins', whose members may change machines"
    tap.result("nor use it, were it open",
               [] if r.returncode == 1 and words in r.stderr else [r])
    r = as_user(64002, 64002, reader, "list", "--all")
    tap.result("anybody may read", [] if r.returncode == 0 and "test" in r.stdout else [r])
    r = as_user(64002, 64002, reader, "destroy", "test")
    tap.result("and not change",
               [] if r.returncode == 1 and "read only access prevents" in r.stderr else [r])
    status, out, err = virsh("qemu:///system", "uri")
    tap.result("libvirt's clients find it where libvirtd would be",
               [] if status == 0 and "qemu:///system" in out else [status, out, err])
    status, out, err = virsh("qemu:///system", "pool-info", "default")
    tap.result("a fresh host has the pool default, and the folder where virt-install puts kernels",
               [] if status == 0 and "running" in out and os.path.isdir("/var/lib/libvirt/boot")
               else [status, out, err])


def check_group(daemon, group, gid):
    """Another group by SIGHUP: its members get in by the socket's mode, and nobody else."""
    with open("/run/vivd.conf", "w", encoding="utf-8") as f:
        f.write(f"socket_group = {group}\n")
    daemon.send_signal(signal.SIGHUP)
    paths = ("/run/vivarium/vivd-sock", "/run/libvirt/libvirt-sock")
    os.chmod(paths[0], 0o660)
    end = time.monotonic() + LIMIT
    while any(os.stat(p).st_gid != gid for p in paths) and time.monotonic() < end:
        time.sleep(0.02)
    found = []
    for path in paths:
        for user in (64001, 64002):
            r = as_user(user, user, f"test+unix:///default?socket={path}", "uri")
            if (r.returncode == 0) != (user == gid):
                found.append(r)
    tap.result(f"SIGHUP gives the sockets to {group}", found)


def users():
    """Other users need root, and a name space in which there are some."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        tap.count += 1
        print(f"ok {tap.count} - the system's daemon # SKIP needs root and name spaces")
        return
    r = subprocess.run(["unshare", "-m", "--propagation", "private", sys.executable, __file__,
                        "system"], capture_output=True, text=True, timeout=4 * LIMIT, check=False)
    tap.result("the system's daemon: who may do what",
               [] if r.returncode == 0 and "1..9" in r.stdout else [r.stdout + r.stderr])


def main():
    if sys.argv[1:] == ["system"]:
        system_daemon()
    folder = tempfile.mkdtemp(prefix="vivd-daemon-")
    try:
        configuration(folder)
        limits(folder)
        succession(folder)
        libvirt_sockets(folder)
        users()
    finally:
        shutil.rmtree(folder)
    tap.done()


main()
