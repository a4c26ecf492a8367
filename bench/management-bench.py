# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of the management layer beside libvirtd: both daemons serve one user, with folders of
their own, and the same clients (virsh, libvirt's Python binding) talk to both."""
import atexit
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from row import TOP, BenchError, Row  # noqa: E402

VIVD = TOP / "build/bin/vivd"
LIBVIRTD = "/usr/sbin/libvirtd"
HANG = 120
REMOTE_PROGRAM = 0x20008086
AUTH_LIST = 66
MANY = 1000
CALLS = 2000
DEFINES = 100
NOBODY = 65534

# libvirt's binding is of the distribution's own interpreter.
CLIENT = """
import statistics, sys, time, libvirt
def calls(conn, n):
    for _ in range(100):
        conn.getLibVersion()
    times = []
    for _ in range(n):
        start = time.perf_counter()
        conn.getLibVersion()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6
def define(conn, n):
    texts = sys.stdin.read().split("\\0")[:n]
    start = time.perf_counter()
    for text in texts:
        conn.defineXML(text)
    return len(texts) / (time.perf_counter() - start)
def listing(conn, n):
    start = time.perf_counter()
    rows = [(d.name(), d.state()[0]) for d in conn.listAllDomains(0)]
    if len(rows) != n:
        raise SystemExit(f"{len(rows)} domains, not {n}")
    return (time.perf_counter() - start) * 1e3
def stats(conn, n):
    start = time.perf_counter()
    rows = conn.getAllDomainStats(0, 0)
    if len(rows) != n:
        raise SystemExit(f"{len(rows)} domains, not {n}")
    return (time.perf_counter() - start) * 1e3
uri, what, n = sys.argv[1:]
print(globals()[what](libvirt.open(uri), int(n)))
"""

DOMAIN = """<domain type='qemu'>
  <name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>64</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
      <source file='/var/tmp/{name}.qcow2'/><target dev='vda' bus='virtio'/></disk>
    <interface type='user'><model type='virtio'/></interface>
    <serial type='pty'><target port='0'/></serial>
  </devices>
</domain>
"""


class Side:
    """A daemon in a folder of its own. libvirtd run by root is the system's: root becomes nobody
    for both."""

    def __init__(self, name, program, path):
        self.folder = tempfile.mkdtemp(prefix=f"viv-bench-{name}-")
        self.socket = os.path.join(self.folder, "run", path)
        self.child = None
        self.names = []
        self.prefix = []
        # Where a user who is not the builder can run it.
        self.program = os.path.join(self.folder, os.path.basename(program))
        self.env = {k: v for k, v in os.environ.items() if not k.startswith(("LIBVIRT", "XDG_"))}
        self.env |= {"HOME": self.folder, "LC_ALL": "C.UTF-8",
                     "PATH": os.environ["PATH"] + ":/usr/sbin"}
        for kind, where in (("RUNTIME_DIR", "run"), ("CONFIG_HOME", "config"),
                            ("CACHE_HOME", "cache")):
            self.env[f"XDG_{kind}"] = os.path.join(self.folder, where)
            os.mkdir(self.env[f"XDG_{kind}"], 0o700)
        shutil.copy(program, self.program)
        if os.geteuid() == 0:
            self.prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
            subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", self.folder], check=True)
        os.chmod(self.folder, 0o755)
        self.uri = f"qemu+unix:///session?socket={self.socket}"
        atexit.register(self.forget)

    def start(self):
        """The milliseconds from its start to its first reply."""
        begin = time.perf_counter()
        self.child = subprocess.Popen([*self.prefix, self.program], env=self.env,
                                      cwd=self.folder, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not self.answers():
            if self.child.poll() is not None or time.perf_counter() - begin > HANG:
                raise BenchError(f"{self.program} does not start")
            time.sleep(0.0005)
        return (time.perf_counter() - begin) * 1e3

    def answers(self):
        """Whether it replies to a first call, the list of ways to prove who one is."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(HANG)
            if s.connect_ex(self.socket) != 0:
                return False
            s.sendall(struct.pack(">7I", 28, REMOTE_PROGRAM, 1, AUTH_LIST, 0, 0, 0))
            return len(s.recv(64)) >= 28

    def stop(self):
        if self.child is not None:
            self.child.send_signal(signal.SIGTERM)
            self.child.wait(HANG)
            self.child = None

    def forget(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def virsh(self, *words):
        r = subprocess.run([*self.prefix, "virsh", "-c", self.uri, *words], env=self.env,
                           capture_output=True, text=True, timeout=HANG, check=False)
        if r.returncode != 0:
            raise BenchError(f"virsh {' '.join(words)}: {r.stderr.strip()}")
        return r.stdout

    def client(self, what, n, given=""):
        r = subprocess.run([*self.prefix, "/usr/bin/python3", "-c", CLIENT, self.uri, what, str(n)],
                           env=self.env, input=given, capture_output=True, text=True, timeout=HANG,
                           check=False)
        if r.returncode != 0:
            raise BenchError(f"{what}: {(r.stderr or r.stdout).strip()[-300:]}")
        return float(r.stdout)

    def running(self):
        if self.child is None:
            self.start()
        return self

    def define(self, n):
        """Defines n more domains: as many a second."""
        names = [f"bench{len(self.names) + i}" for i in range(n)]
        text = "\0".join(DOMAIN.format(name=name, uuid=uuid.uuid4()) for name in names)
        rate = self.running().client("define", n, text)
        self.names += names
        return rate

    def with_many(self):
        if len(self.names) < MANY:
            self.define(MANY - len(self.names))
        return self

    def anonymous(self):
        """MB that the process alone holds, ten clients' calls after its start."""
        with open(f"/proc/{self.daemon_pid()}/status", encoding="utf-8") as f:
            return int(re.search(r"RssAnon:\s+(\d+) kB", f.read()).group(1)) / 1024

    def daemon_pid(self):
        return self.running().child.pid

    def restart(self):
        self.stop()
        return self.start()


sides = {}


def side(name):
    if name not in sides:
        sides[name] = (Side("vivd", str(VIVD), "vivarium/vivd-sock") if name == "ours" else
                       Side("libvirtd", LIBVIRTD, "libvirt/libvirt-sock"))
    return sides[name]


def both(name, unit, work, aim, lower=True):
    return Row("management/" + name, unit, lambda: work(side("ours")), lambda: work(side("peer")),
               lower_is_better=lower, aim=aim, needs=(VIVD, LIBVIRTD))


# In this order: the first four see no domain, those behind the defining see a thousand.
ROWS = [
    both("start", "ms", Side.restart, "under 30 ms"),
    both("memory", "MB", Side.anonymous, "under 4 MB"),
    both("call", "us", lambda s: s.running().client("calls", CALLS), "under half"),
    both("define", "1/s", lambda s: s.define(DEFINES), "60% of the bare rate", lower=False),
    both("list-1000", "ms", lambda s: s.with_many().client("listing", len(s.names)),
         "2.5 times better"),
    both("statistics-1000", "ms", lambda s: s.with_many().client("stats", len(s.names)),
         "10 times better"),
    both("start-1000", "ms", lambda s: s.with_many().restart(), "under 100 ms"),
    both("memory-1000", "MB", lambda s: s.with_many().anonymous(), "under 15 MB"),
]
