# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests share that move checksummed data under Linux and reset devices meanwhile: a
machine with a shell on its console and QMP beside it."""
import hashlib
import json
import os
import random
import socket
import time

from harness import BootError, Machine

SIZE = int(os.environ.get("TRAFFIC_MIB", "1024")) << 20
HANG = 3600
PIECE = 1 << 20


class Monitor:
    """QMP on a socket in `folder`."""

    def __init__(self, folder):
        self.path = folder / "qmp"
        self.options = ["-qmp", f"unix:{self.path},server=on,wait=off"]
        self.file = None
        self.events = []

    def connect(self):
        end = time.monotonic() + 60
        while True:
            self.socket = socket.socket(socket.AF_UNIX)
            try:
                self.socket.connect(str(self.path))
                break
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)
        self.socket.settimeout(HANG)
        self.file = self.socket.makefile("r", encoding="utf-8")
        self._read()
        self.ask("qmp_capabilities")

    def _read(self):
        line = self.file.readline()
        if not line:
            raise BootError("the monitor has closed")
        return json.loads(line)

    def ask(self, command, **arguments):
        self.socket.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
        while "event" in (message := self._read()):
            self.events.append(message)
        if "error" in message:
            raise BootError(f"{command}: {message['error']['desc']}")
        return message["return"]

    def wait_event(self, name):
        while True:
            for i, event in enumerate(self.events):
                if event["event"] == name:
                    return self.events.pop(i)
            message = self._read()
            if "event" in message:
                self.events.append(message)

    def written(self, device):
        """Bytes the guest has written to the block device of this QOM id."""
        for entry in self.ask("query-blockstats"):
            if device in entry.get("qdev", "") or device == entry.get("device"):
                return entry["stats"]["wr_bytes"]
        raise BootError(f"no block device {device}")


def shell(kit, folder, options, append="", memory="256M"):
    """(machine, monitor) of a guest whose console is a shell; the caller enters the machine."""
    monitor = Monitor(folder)
    m = Machine(["-m", memory, "-nographic", "-nic", "none", *monitor.options, *options,
                 "-kernel", kit / "vmlinuz", "-initrd", kit / "initrd.img",
                 "-append", f"console=ttyS0 panic=-1 quiet {append}"])
    return m, monitor


def random_file(path, size=None):
    """A file of random bytes; prints the seed that makes it again."""
    seed = int(os.environ.get("VIV_SEED", random.randrange(1 << 30)))
    print(f"# {path.name}: VIV_SEED={seed}")
    chance = random.Random(f"{seed} {path.name}")
    with open(path, "wb") as f:
        for _ in range((size or SIZE) // PIECE):
            f.write(chance.randbytes(PIECE))


def digest(path):
    total = hashlib.sha256()
    with open(path, "rb") as f:
        while piece := f.read(PIECE):
            total.update(piece)
    return total.hexdigest()
