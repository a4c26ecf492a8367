# SPDX-License-Identifier: GPL-2.0-or-later
"""Errors of SATA drives, seen as a driver sees them: what becomes of a request that fails is what
werror= and rerror= say, one that the machine stopped for is done again after cont, queued or not,
of a disk or a CD-ROM; a reset forgets it; a full file system stops the machine until there is
room. Errors come from blkdebug, once at one sector, and from a small tmpfs."""
import os
import subprocess
import sys
import tempfile
import time

from qtest import LIMIT
from rig import MMIO, Rig

SECTOR = 8           # where errors are
LENGTH = 512
LIST, FIS, TABLE, DATA = 0x50000, 0x51000, 0x60000, 0x200000
P_IS, P_CMD, P_TFD, P_SERR, P_SACT, P_CI = (0x100 + n for n in (0x10, 0x18, 0x20, 0x30, 0x34, 0x38))
TFES, BSY, ERR = 1 << 30, 0x80, 1
READ, WRITE, FLUSH, PACKET = 0x25, 0x35, 0xEA, 0xA0
READ_QUEUED, WRITE_QUEUED, READ_LOG = 0x60, 0x61, 0x2F
EIO, ENOSPC = 5, 28
count, failed = 0, 0


def check(name, problems):
    global count, failed
    count += 1
    for p in problems:
        print(f"# {p}")
    print(f"{'not ok' if problems else 'ok'} {count} - {name}", flush=True)
    failed += bool(problems)


def same(got, wanted):
    return [] if got == wanted else [f"{got!r}, not {wanted!r}"]


class Drive(Rig):
    """A driver of the controller's first port."""
    def rd(self, register):
        return self.number(f"readl {MMIO + register:#x}")

    def wr(self, register, value):
        self.ask(f"writel {MMIO + register:#x} {value:#x}")

    def begin(self):
        self.ports()
        self.wr(P_IS, 0xFFFFFFFF)
        self.qmp("cont")
        return self

    def put(self, slot, command, lba=SECTOR, n=1, length=LENGTH, cdb=b""):
        """Fills a slot; its data is at DATA + slot * 64 KiB."""
        queued = command in (READ_QUEUED, WRITE_QUEUED)
        fis = bytearray(20)
        fis[:3] = 0x27, 0x80, command
        fis[3], fis[12] = (n, slot << 3) if queued else (0, n & 255)
        fis[13] = 0 if queued else n >> 8
        fis[7] = 0x40
        for i in range(3):
            fis[4 + i], fis[8 + i] = lba >> 8 * i & 255, lba >> (24 + 8 * i) & 255
        table = bytes(fis).ljust(0x40, b"\0") + cdb.ljust(0x40, b"\0")
        if length:
            table += ((DATA + slot * 0x10000).to_bytes(8, "little") + bytes(4) +
                      (length - 1).to_bytes(4, "little"))
        self.write(TABLE + slot * 0x400, table)
        self.write(LIST + slot * 32, (5 | (1 if length else 0) << 16).to_bytes(4, "little") +
                   bytes(4) + (TABLE + slot * 0x400).to_bytes(8, "little") + bytes(16))

    def issue(self, slots, queued=False):
        if queued:
            self.wr(P_SACT, slots)
        self.wr(P_CI, slots)

    def settle(self, slots):
        """Until the slots are done or the port says that one failed; its interrupt status."""
        end = time.monotonic() + LIMIT
        while (self.rd(P_CI) | self.rd(P_SACT)) & slots and not self.rd(P_IS) & TFES:
            if time.monotonic() > end:
                raise TimeoutError(f"slots {slots:#x} are not done")
            time.sleep(0.001)
        return self.rd(P_IS)

    def run(self, command, **more):
        """One command in slot 0: (failed, task file's error)."""
        self.put(0, command, **more)
        self.issue(1, command in (READ_QUEUED, WRITE_QUEUED))
        bad = bool(self.settle(1) & TFES)
        return bad, self.rd(P_TFD) >> 8 if bad else 0

    def recover(self):
        """As a driver does: the port is stopped, what it says is cleared, and it starts again."""
        self.wr(P_CMD, 0x10)
        self.wr(P_IS, 0xFFFFFFFF)
        self.wr(P_SERR, 0xFFFFFFFF)
        self.wr(P_CMD, 0x11)

    def stopped(self):
        return self.qmp("query-status")["status"] == "io-error"


def rig(folder, iotype, options, cd=False, errno=EIO):
    path = f"{folder}/disk"
    with open(path, "wb") as f:
        f.write(b"\xa5" * (1 << 20))
    where = "" if iotype == "flush" else f"inject-error.0.sector={SECTOR},"
    return Drive("-blockdev", f"driver=file,node-name=f,filename={path}", "-blockdev",
                 "driver=blkdebug,node-name=b,image=f,inject-error.0.event=none,"
                 f"inject-error.0.iotype={iotype},{where}inject-error.0.errno={errno},"
                 f"inject-error.0.once=on{',read-only=on' if cd else ''}", "-device",
                 f"{'ide-cd' if cd else 'ide-hd'},drive=b,bus=ide.0,{options}").begin()


def on_disk(folder, sector):
    with open(f"{folder}/disk", "rb") as f:
        f.seek(sector * 512)
        return f.read(LENGTH)


# command, what blkdebug fails, the policy's property, the guest's error code
REQUESTS = {"read": (READ, "read", "rerror", 0x40), "write": (WRITE, "write", "werror", 0x04),
            "flush": (FLUSH, "flush", "werror", 0x04),
            "queued read": (READ_QUEUED, "read", "rerror", 0x40),
            "queued write": (WRITE_QUEUED, "write", "werror", 0x04)}
# policy, the host's error, what is done
POLICIES = [("ignore", EIO, "ignore"), ("report", ENOSPC, "report"), ("stop", EIO, "stop"),
            ("enospc", EIO, "report"), ("enospc", ENOSPC, "stop")]


def request(name, policy, errno, action):
    command, iotype, option, code = REQUESTS[name]
    length = 0 if command == FLUSH else LENGTH
    with tempfile.TemporaryDirectory() as folder, \
            rig(folder, iotype, f"{option}={policy}", errno=errno) as t:
        t.ask(f"memset {DATA:#x} {LENGTH} 0x3c")
        t.put(0, command, length=length)
        t.issue(1, "queued" in name)
        event = t.event("BLOCK_IO_ERROR")
        problems = same([event["action"], event["operation"], event.get("nospace")],
                        [action, "read" if iotype == "read" else "write", errno == ENOSPC])
        if action == "stop":
            t.event("STOP")
            problems += same([t.stopped(), t.rd(P_IS) & TFES], [True, 0])
            problems += same((t.rd(P_CI) | t.rd(P_SACT)) & 1, 1)
            t.qmp("cont")
        bad = bool(t.settle(1) & TFES)
        tfd = t.rd(P_TFD)
        problems += same([bad, tfd & (BSY | ERR)], [action == "report", ERR * (action == "report")])
        if bad:
            problems += same(tfd >> 8, code)
            t.recover()
            # Nothing of it stays: the same request goes well.
            problems += same(t.run(command, length=length), (False, 0))
        if length and action != "ignore":
            got = t.read(DATA, LENGTH) if iotype == "read" else on_disk(folder, SECTOR)
            problems += same(got, (b"\xa5" if iotype == "read" else b"\x3c") * LENGTH)
        problems += same(t.qmp("query-status")["status"], "running")
    check(f"ide-hd: {name}, {option}={policy}, {os.strerror(errno)}: {action}", problems)


def queue():
    """One of several queued commands fails: the others are done, and the log names it."""
    with tempfile.TemporaryDirectory() as folder, rig(folder, "read", "rerror=report") as t:
        for slot in (2, 5):
            t.put(slot, READ_QUEUED, lba=100 + slot)
        t.issue(1 << 2 | 1 << 5, True)
        problems = same([bool(t.settle(1 << 2 | 1 << 5) & TFES), t.rd(P_SACT)], [False, 0])
        t.put(7, READ_QUEUED)
        t.issue(1 << 7, True)
        problems += same([bool(t.settle(1 << 7) & TFES), t.rd(P_SACT)], [True, 1 << 7])
        t.put(9, READ_QUEUED, lba=200)  # nothing starts before the driver has recovered
        t.issue(1 << 9, True)
        problems += same(t.rd(P_SACT), 1 << 7 | 1 << 9)
        t.recover()
        problems += same(t.rd(P_SACT), 0)
        problems += same(t.run(READ_LOG, lba=0x10), (False, 0))
        log = t.read(DATA, 512)
        problems += same([log[0], log[2] & ERR, log[3], sum(log) & 255], [7, 1, 0x40, 0])
        problems += same(int.from_bytes(log[4:7], "little"), SECTOR)
    check("a queued command that fails is in the log", problems)
    with tempfile.TemporaryDirectory() as folder, rig(folder, "read", "rerror=stop") as t:
        for slot in range(4):
            t.put(slot, READ_QUEUED, lba=SECTOR + slot)
            t.ask(f"memset {DATA + slot * 0x10000:#x} {LENGTH} 0")
        t.issue(15, True)
        t.event("STOP")
        t.qmp("cont")
        problems = same([bool(t.settle(15) & TFES), t.rd(P_SACT)], [False, 0])
        problems += same([t.read(DATA + s * 0x10000, LENGTH) == b"\xa5" * LENGTH
                          for s in range(4)], [True] * 4)
    check("queued commands beside one the machine stopped for are done after cont", problems)


READ_10 = bytes([0x28, 0, 0, 0, 0, 2, 0, 0, 1])


def packet():
    """A CD-ROM drive: block 2 is sector 8."""
    for policy, errno, action in POLICIES:
        with tempfile.TemporaryDirectory() as folder, \
                rig(folder, "read", f"rerror={policy}", cd=True, errno=errno) as t:
            t.run(PACKET, length=18, cdb=bytes([3, 0, 0, 0, 18]))  # the reset's news
            t.run(PACKET, length=18, cdb=bytes([3, 0, 0, 0, 18]))
            t.put(0, PACKET, length=2048, cdb=READ_10)
            t.issue(1)
            problems = same(t.event("BLOCK_IO_ERROR")["action"], action)
            if action == "stop":
                t.event("STOP")
                problems += same([t.stopped(), t.rd(P_CI)], [True, 1])
                t.qmp("cont")
            bad = bool(t.settle(1) & TFES)
            problems += same(bad, action == "report")
            if bad:
                problems += same(t.rd(P_TFD) >> 12, 3)  # medium error
                t.recover()
                problems += same(t.run(PACKET, length=18, cdb=bytes([3, 0, 0, 0, 18])), (False, 0))
                sense = t.read(DATA, 18)
                problems += same([sense[2] & 15, sense[12]], [3, 0x11])
                problems += same(t.run(PACKET, length=2048, cdb=READ_10), (False, 0))
            if action != "ignore":
                problems += same(t.read(DATA, 2048) == b"\xa5" * 2048, True)
        check(f"ide-cd: read, rerror={policy}, {os.strerror(errno)}: {action}", problems)


def resets():
    """What the machine stopped for is forgotten by a reset of the machine, or of the port."""
    for how in ("system_reset", "port", "controller"):
        with tempfile.TemporaryDirectory() as folder, rig(folder, "write", "werror=stop") as t:
            t.ask(f"memset {DATA:#x} {LENGTH} 0x3c")
            t.put(0, WRITE)
            t.issue(1)
            t.event("STOP")
            if how == "system_reset":
                t.qmp("system_reset")
                t.event("RESET")
            elif how == "port":
                t.wr(0x12C, 0x301)
                t.wr(0x12C, 0x300)
            else:
                t.wr(4, 0x80000001)
            t.ports()
            problems = same([t.rd(P_CI), t.rd(P_IS) & TFES], [0, 0])
            t.qmp("cont")
            t.wr(P_IS, 0xFFFFFFFF)
            problems += same(t.qmp("query-status")["status"], "running")
            problems += same(t.run(READ, lba=0), (False, 0))
            # The write that was held is not in the image, and one that comes now is.
            problems += same(on_disk(folder, SECTOR), b"\xa5" * LENGTH)
            t.ask(f"memset {DATA:#x} {LENGTH} 0x3c")
            problems += same(t.run(WRITE), (False, 0))
            problems += same(on_disk(folder, SECTOR), b"\x3c" * LENGTH)
        check(f"a reset while the machine stands for an error: {how}", problems)


MIB = 1 << 20


def full():
    if subprocess.run(["unshare", "-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"],
                      stderr=subprocess.DEVNULL, check=False).returncode:
        global count
        count += 1
        print(f"ok {count} - a full tmpfs # SKIP no right to mount a tmpfs")
        return
    for policy in ("enospc", "stop", "report", ""):
        with tempfile.TemporaryDirectory() as folder, Drive(
                "-blockdev", f"driver=file,node-name=b,filename={folder}/disk", "-device",
                f"ide-hd,drive=b,bus=ide.0{',werror=' + policy if policy else ''}",
                within=("unshare", "-rm", "sh", "-c", f"mount -t tmpfs -o size=64k tmpfs {folder} "
                        f"&& truncate -s {MIB} {folder}/disk && exec \"$0\" \"$@\"")) as t:
            t.begin()
            t.ask(f"memset {DATA:#x} {MIB // 2:#x} 0x3c")
            t.put(0, WRITE, lba=0, n=MIB // 1024, length=MIB // 2)
            t.issue(1)
            event = t.event("BLOCK_IO_ERROR")
            report = policy == "report"
            problems = same([event["action"], event["nospace"]],
                            ["report" if report else "stop", True])
            if not report:
                t.event("STOP")
                problems += same(t.stopped(), True)
                subprocess.run(["nsenter", "-t", str(t.child.pid), "-U", "-m",
                                "--preserve-credentials", "mount", "-o", f"remount,size={2 * MIB}",
                                folder], check=True)
                t.qmp("cont")
            problems += same(bool(t.settle(1) & TFES), report)
            if not report:
                t.ask(f"memset {DATA:#x} {MIB // 2:#x} 0")
                problems += same(t.run(READ, lba=0, n=MIB // 1024, length=MIB // 2), (False, 0))
                problems += same(t.read(DATA, MIB // 2) == b"\x3c" * (MIB // 2), True)
        check(f"a full tmpfs, werror={policy or 'auto'}", problems)


for one in REQUESTS:
    for row in POLICIES:
        request(one, *row)
for part in (queue, packet, resets, full):
    part()
print(f"1..{count}")
sys.exit(1 if failed else 0)
