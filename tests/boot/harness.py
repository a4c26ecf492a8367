# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot tests: start a machine, wait for what its console says, answer, report TAP.

    from harness import Machine, Tap, guest

    tap = Tap()
    kit = guest("busybox")
    with Machine(["-m", "256", "-kernel", kit / "vmlinuz", ...]) as m:
        with tap.test("reaches user space"):
            m.expect("BUSYBOX-UP")
        m.send("poweroff -f\\n")
        with tap.test("powers off"):
            m.wait()
    tap.done()

The machine is $VIV_MACHINE (an absolute path; meson sets it), with the words of
$VIV_MACHINE_ARGS before the test's own. Limits are wall-clock seconds and only catch hangs.
Standard library only."""
import contextlib
import os
import pathlib
import pty
import re
import select
import shlex
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
HANG = 900
NOISE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\r")
TAIL = 1500


class BootError(AssertionError):
    """What was waited for did not come: says what, when and the console's last words."""


class Machine:
    """A running machine whose terminal is ours. Use it in a "with": leaving kills it."""

    def __init__(self, args, program=None, log=None, env=None):
        """args: its options; program: in place of $VIV_MACHINE; log: a file for the
        console ($VIV_BOOT_LOG when none is named)."""
        words = [program] if program else [machine_program()] + machine_args()
        self.argv = [str(w) for w in words + list(args)]
        log = log or os.environ.get("VIV_BOOT_LOG")
        self.log = open(log, "ab") if log else None
        self.console = bytearray()   # everything so far
        self.seen = 0                # how much of it expect() has passed
        self.start = time.monotonic()
        self.master, slave = pty.openpty()
        raw_terminal(slave)
        self.child = subprocess.Popen(self.argv, stdin=slave, stdout=slave, stderr=slave,
                                      env=dict(os.environ, **(env or {})))
        os.close(slave)
        self.open = True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    def seconds(self):
        return time.monotonic() - self.start

    def _pump(self, limit):
        """Takes what the console has, waiting up to limit seconds. False when it has closed."""
        if not self.open:
            return False
        if select.select([self.master], [], [], max(limit, 0))[0]:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            if not data:
                self.open = False
                return False
            self.console += data
            if self.log:
                self.log.write(data)
                self.log.flush()
        return True

    def expect(self, pattern, limit=HANG):
        """Waits until the console, from where the last expect ended, matches the regular
        expression; colour codes and carriage returns are left out. Returns the match."""
        regex = re.compile(pattern.encode() if isinstance(pattern, str) else pattern)
        end = time.monotonic() + limit
        while True:
            text = NOISE.sub(b"", bytes(self.console[self.seen:]))
            match = regex.search(text)
            if match:
                self._pass(text, match.end())
                return match
            if time.monotonic() > end:
                raise BootError(self._trouble(f"{limit} s passed", pattern))
            if not self._pump(min(1.0, end - time.monotonic())):
                text = NOISE.sub(b"", bytes(self.console[self.seen:]))
                if not regex.search(text):
                    raise BootError(self._trouble("the machine ended", pattern))

    def _pass(self, text, end):
        """Continue behind a match: keep only what the cleaned text has after it."""
        self.console[self.seen:] = text
        self.seen += end

    def _trouble(self, what, pattern):
        tail = bytes(self.console[-TAIL:]).decode("latin1").replace("\r", "")
        return (f"{what} (T+{self.seconds():.1f} s) waiting for {pattern!r}; "
                f"the console's end:\n{tail}")

    def send(self, text):
        """Types text at the console."""
        os.write(self.master, text.encode() if isinstance(text, str) else text)

    def command(self, text, limit=HANG):
        """Runs a shell command in a guest that shows a prompt; returns (status, output)."""
        mark = f"{time.monotonic_ns():x}"
        self.send(f"{text}; echo mark-$?-\"{mark[:4]}\"\"{mark[4:]}\"\n")
        start = self.seen
        match = self.expect(f"mark-([0-9]+)-{mark}", limit)
        output = bytes(self.console[start:self.seen]).decode("utf-8", "replace")
        body = output[:output.rindex("mark-")].split("\n", 1)
        return int(match.group(1)), body[1].replace("\r", "") if len(body) > 1 else ""

    def wait(self, limit=HANG):
        """Waits for the machine to end by itself; its exit status."""
        end = time.monotonic() + limit
        while self.child.poll() is None:
            if time.monotonic() > end:
                raise BootError(self._trouble(f"{limit} s passed", "the machine's end"))
            if not self._pump(0.2):
                time.sleep(0.05)
        while self._pump(0):
            if not select.select([self.master], [], [], 0)[0]:
                break
        return self.child.returncode

    def text(self):
        """The whole console as text, colour codes left out."""
        return NOISE.sub(b"", bytes(self.console)).decode("utf-8", "replace")

    def kill(self):
        """Ends the machine if it still runs: SIGTERM, then SIGKILL."""
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(10)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        if self.master >= 0:
            os.close(self.master)
            self.master = -1
            self.open = False
        if self.log:
            self.log.close()
            self.log = None


class Tap:
    """Test Anything Protocol on stdout."""

    def __init__(self):
        self.number = 0
        self.failed = 0

    @contextlib.contextmanager
    def test(self, name):
        """One test: passes when its body ends without BootError or AssertionError."""
        start = time.monotonic()
        try:
            yield
        except AssertionError as e:
            self.failed += 1
            self._line("not ok", name)
            for line in str(e).splitlines() or ["assertion failed"]:
                print(f"# {line}")
            sys.stdout.flush()
            raise Stop from e
        self._line("ok", name)
        print(f"# {time.monotonic() - start:.1f} s", flush=True)

    def skip(self, name, why):
        """Needs a row in tests/skips."""
        self._line("ok", f"{name} # SKIP {why}")

    def _line(self, verdict, name):
        self.number += 1
        print(f"{verdict} {self.number} - {name}", flush=True)

    def done(self):
        print(f"1..{self.number}", flush=True)
        sys.exit(1 if self.failed else 0)

    def run(self, body):
        """Runs body(tap); a failed test ends it (what follows a failed boot step has no
        meaning). Any other exception is a failure too."""
        try:
            body(self)
        except Stop:
            pass
        except Exception as e:  # the report must be whole whatever happens
            self.failed += 1
            self._line("not ok", f"the test itself: {type(e).__name__}: {e}".replace("\n", " "))
        self.done()


class Stop(Exception):
    """A test failed and has been reported."""


def machine_program():
    path = os.environ.get("VIV_MACHINE") or str(TOP / "build/bin/viv-machine")
    if not os.path.exists(path):
        raise BootError(f"no machine at {path}: script/build makes it, VIV_MACHINE names another")
    return path


def machine_args():
    return shlex.split(os.environ.get("VIV_MACHINE_ARGS", ""))


def raw_terminal(fd):
    """Bytes as they are: no echo, no signals, no newline translation."""
    mode = termios.tcgetattr(fd)
    mode[0] &= ~(termios.ICRNL | termios.IXON)
    mode[1] &= ~(termios.OPOST | termios.ONLCR)
    mode[3] &= ~(termios.ECHO | termios.ICANON | termios.ISIG)
    termios.tcsetattr(fd, termios.TCSANOW, mode)


def guest(*words):
    """The folder of a guest, from tools/mk-guest: guest("debian", "--cloud-init")."""
    made = subprocess.run([TOP / "tools/mk-guest", *words], check=True, stdout=subprocess.PIPE,
                          text=True)
    return pathlib.Path(made.stdout.strip())


@contextlib.contextmanager
def scratch():
    """A folder that goes away."""
    path = tempfile.mkdtemp(prefix="viv-boot-")
    try:
        yield pathlib.Path(path)
    finally:
        shutil.rmtree(path, ignore_errors=True)


def own_copy(image, folder):
    """A sparse copy of a cached image that a test may write."""
    copy = pathlib.Path(folder) / pathlib.Path(image).name
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", image, copy], check=True)
    return copy


# --- a network of the test's own

class Server(threading.Thread):
    """A TCP server on the host's loopback that sends a greeting and keeps what it is told."""

    def __init__(self, greeting=b"hello from the host\n"):
        super().__init__(daemon=True)
        self.greeting = greeting
        self.received = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            peer, _ = self.socket.accept()
            with peer:
                peer.sendall(self.greeting)
                peer.shutdown(socket.SHUT_WR)
                self.received.append(peer.recv(4096))


class NameServer(threading.Thread):
    """Answers every DNS question of type A with one address, on 127.0.0.1:53."""

    def __init__(self, address="192.0.2.7"):
        super().__init__(daemon=True)
        self.address = socket.inet_aton(address)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        self.start()

    def run(self):
        while True:
            query, peer = self.socket.recvfrom(512)
            if len(query) < 17:
                continue
            end = query.index(b"\0", 12) + 5
            is_a = query[end - 4:end - 2] == b"\0\1"
            head = query[:2] + struct.pack(">5H", 0x8180, 1, int(is_a), 0, 0)
            answer = b"\xc0\x0c" + struct.pack(">2HIH", 1, 1, 60, 4) + self.address
            self.socket.sendto(head + query[12:end] + (answer if is_a else b""), peer)


def own_network():
    """Runs this test again inside name spaces of its own, with only a loopback and with
    NameServer as the host's resolver, so that it needs no network and disturbs none. Call it
    first. Returns False when this host allows no such name spaces."""
    if os.environ.get("VIV_OWN_NETWORK") == "yes":
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        with tempfile.NamedTemporaryFile("w", suffix=".resolv") as conf:
            conf.write("nameserver 127.0.0.1\n")
            conf.flush()
            os.chmod(conf.name, 0o644)
            target = os.path.realpath("/etc/resolv.conf")
            subprocess.run(["mount", "--bind", conf.name, target], check=True)
        NameServer()
        return True
    flags = ["-m", "-n"] if os.geteuid() == 0 else ["-r", "-m", "-n"]
    unshare = ["unshare", *flags]
    if subprocess.run([*unshare, "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        return False
    sys.stdout.flush()
    os.environ["VIV_OWN_NETWORK"] = "yes"
    os.execvp("unshare", [*unshare, sys.executable, *sys.argv])
    return False
