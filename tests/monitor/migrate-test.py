# SPDX-License-Identifier: GPL-2.0-or-later
"""Moves a guest that counts from process to process, by every kind of URI; and what goes wrong on
the way: given up, cut short, damaged, of another machine. Events and replies are of QEMU's form."""
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import time

from qmp import LIMIT, Qmp, QmpError, Schema

MACHINE = os.environ["VIV_MACHINE"]
QEMU = os.environ.get("QEMU", "qemu-system-x86_64")
# Says 'R', then answers each byte of its serial port with '@' and how many there were:
# mov dx,3f8h; mov al,'R'; out dx,al; xor bl,bl;
# 2: mov dx,3fdh; 5: in al,dx; test al,1; jz 5; mov dl,0f8h; in al,dx; inc bl; mov al,bl;
# add al,'@'; out dx,al; jmp 2
COUNTER = bytes.fromhex("baf803 b052 ee 30db bafd03 ec a801 74fb b2f8 ec fec3 88d8 0440 ee ebec")
STREAM = b"VIVSTATE"

count = 0
failed = []


def result(name, problems):
    global count
    count += 1
    for p in problems:
        print(f"# {p}")
    print(f"{'not ok' if problems else 'ok'} {count} - {name}", flush=True)
    if problems:
        failed.append(name)


def true(name, value, why=""):
    result(name, [] if value else [str(why)])


class Guest(Qmp):
    """The counting guest, or one that it is to come to."""

    def __init__(self, folder, *args, name="a", memory="16"):
        self.serial_path = f"{folder}/serial-{name}"
        super().__init__(MACHINE, [
            "-M", "q35", "-accel", "interp", "-m", memory, "-display", "none", "-nodefaults",
            "-blockdev", f"driver=file,filename={folder}/disk,node-name=d,locking=off",
            "-device", "virtio-blk-pci,drive=d,id=d0", "-device", "virtio-balloon-pci",
            "-netdev", "user,id=n,restrict=on", "-device", "virtio-net-pci,netdev=n",
            "-chardev", f"socket,id=s,path={self.serial_path},server=on,wait=off",
            "-serial", "chardev:s", *args])
        self.serial = socket.socket(socket.AF_UNIX)
        self.serial.settimeout(LIMIT)
        self.serial.connect(self.serial_path)

    def __exit__(self, *a):
        self.serial.close()
        super().__exit__(*a)

    def answer(self):
        self.serial.sendall(b"x")
        return self.serial.recv(1)

    def status(self):
        return self.ask("query-status")["status"]

    def moved(self):
        """Waits for the end of a migration: its last status, and all of them."""
        seen = []
        while not seen or seen[-1] not in ("completed", "failed", "cancelled"):
            seen.append(self.wait_event("MIGRATION")["data"]["status"])
        return seen

    def tell(self):
        self.ask("migrate-set-capabilities",
                 capabilities=[{"capability": "events", "state": True}])
        return self

    def out(self, uri, fds=()):
        if fds:
            self.ask("getfd", fds, fdname="m")
        self.ask("migrate", uri=uri)
        return self.moved()


def boots(guest):
    """What it says to the first byte."""
    guest.tell().ask("cont")
    guest.wait_event("RESUME")
    true("the guest boots", guest.serial.recv(1) == b"R")
    return guest.answer()


def arrive(folder, uri, expected, name, deferred, schema, *args):
    """A guest that comes from there, and counts on."""
    first = ["-incoming", "defer" if deferred else uri]
    problems = []
    with Guest(folder, *first, *args, name="b") as there:
        there.tell()
        if deferred:
            if there.status() != "inmigrate":
                problems.append(f"{there.status()} before")
            there.ask("migrate-incoming", uri=uri)
            seen = there.moved()
            if seen != ["setup", "active", "completed"]:
                problems.append(f"events {seen}")
        there.wait_event("RESUME")
        if there.ask("query-migrate").get("status") != "completed":
            problems.append("query-migrate does not say so")
        problems += schema.check_reply("query-migrate", there.ask("query-migrate"))
        said = there.answer()
        if said != expected:
            problems.append(f"it says {said}, not {expected}")
        there.ask("quit")
    result(f"{name}: it goes on there", problems)


def kinds(folder, schema):
    with Guest(folder, "-S") as here:
        true("it counts from the start", boots(here) == b"A")
        state = f"{folder}/state"
        r, w = os.pipe()
        copy = subprocess.Popen(["cat"], stdin=r, stdout=open(f"{folder}/piped", "wb"))
        os.close(r)
        rows = (("file", f"file:{state}", (), f"file:{state}"),
                ("file with offset", f"file:{state}2,offset=4096", (), f"file:{state}2,offset=4096"),
                ("exec", f"exec:cat >{state}3", (), f"exec:cat {state}3"),
                ("fd", "fd:m", (w,), f"file:{folder}/piped"))
        letter = ord("B")
        for deferred, (name, uri, fds, back) in enumerate(rows):
            seen = here.out(uri, fds)
            result(f"{name}: it is written", [] if seen == ["setup", "active", "completed"]
                   else [str(seen)])
            info = here.ask("query-migrate")
            result(f"{name}: query-migrate", schema.check_reply("query-migrate", info) +
                   ([] if info["ram"]["remaining"] == 0 and info["ram"]["normal"] > 0 and
                    info["ram"]["transferred"] > info["ram"]["normal-bytes"] else [str(info)]))
            true(f"{name}: it is stopped then", here.status() == "postmigrate")
            result(f"{name}: and is not moved again", refused(here, "migrate", "already|due to previous", uri=uri))
            if fds:
                os.close(w)
                copy.wait(LIMIT)
            arrive(folder, back, bytes([letter]), name, deferred % 2, schema)
            here.ask("cont")
            here.wait_event("RESUME")
            true(f"{name}: it goes on here", here.answer() == bytes([letter]))
            letter += 1
        with open(state, "rb") as f:
            true("the stream is our own", f.read(8) == STREAM)
        directly(folder, here, bytes([letter]))
        here.ask("quit")
    stopped_one(folder, state)


def directly(folder, here, expected):
    """From process to process."""
    path = f"{folder}/direct"
    with Guest(folder, "-incoming", f"unix:{path}", name="b") as there:
        there.tell()
        seen = here.out(f"unix:{path}")
        true("unix: it is written", seen == ["setup", "active", "completed"], seen)
        there.wait_event("RESUME")
        true("unix: it goes on there", there.answer() == expected)
        there.ask("quit")


def stopped_one(folder, state):
    with Guest(folder, "-S", "-incoming", "defer", name="b") as there:
        there.tell().ask("migrate-incoming", uri=f"file:{state}")
        there.moved()
        true("-S: it stays stopped", there.status() == "paused")
        seen = there.out(f"file:{state}4")
        true("what is stopped is written too", seen[-1] == "completed")
        there.ask("quit")
    with Guest(folder, "-incoming", f"file:{state}4", name="b") as there:
        there.tell()
        while there.status() == "inmigrate":
            time.sleep(0.02)
        true("and stays stopped there", there.status() == "paused")
        there.ask("cont")
        true("until it is told to go on", there.answer() == b"B")
        there.ask("quit")
    with Guest(folder, "-incoming", "defer", name="b") as there:
        there.tell().ask("cont")
        there.ask("stop")
        result("it does not move on before it came",
               refused(there, "migrate", "waiting for an incoming", uri="file:/dev/null"))
        there.ask("migrate-incoming", uri=f"file:{state}")
        there.moved()
        true("stop before it comes: stopped", there.status() == "paused")
        there.ask("quit")


def refused(q, command, why, **arguments):
    try:
        q.ask(command, **arguments)
    except QmpError as e:
        return [] if re.search(why, str(e)) else [f"{command}: {e}"]
    return [f"{command} was accepted"]


def given_up(folder):
    r, w = os.pipe()
    with Guest(folder, "-S") as here:
        true("it counts", boots(here) == b"A")
        here.ask("getfd", (w,), fdname="m")
        here.ask("migrate", uri="fd:m")
        true("into a pipe nobody reads: under way", here.ask("query-migrate")["status"] == "active")
        true("the guest is stopped", here.status() == "finish-migrate")
        result("no second one", refused(here, "migrate", "in progress", uri="file:/dev/null"))
        result("it cannot go on yet", refused(here, "cont", "being written"))
        here.ask("system_reset")
        here.ask("stop")
        here.ask("migrate_cancel")
        seen = here.moved()
        true("given up", seen == ["setup", "active", "cancelling", "cancelled"], seen)
        true("that is told", here.ask("query-migrate")["status"] == "cancelled")
        here.wait_event("RESUME")
        here.wait_event("RESET")
        true("what was asked meanwhile is done then", here.status() == "running")
        result("no command of that name", refused(here, "migrate-incoming", "was not specified",
                                                  uri="file:/dev/null"))
        for uri, why in (("fd:nobody", "nobody"), ("fd:2", "2"), ("fd:999", "999"), ("tcp:h:1", "not built"),
                         ("what", "unknown"), (f"unix:{folder}/none", "No such file"),
                         (f"unix:{'x' * 200}", "too long"), (f"file:{folder}/none/x", "No such"),
                         (f"file:{folder}/x,offset=-1", "offset|-1")):
            result(f"{uri[:20]} is refused", refused(here, "migrate", why, uri=uri))
        for uri in ("exec:exit 3", "exec:cat >/dev/null; exit 3", "exec:head -c 1000 >/dev/null", "file:/dev/full"):
            seen = here.out(uri)
            true(f"{uri}: failed", seen[-1] == "failed", seen)
            true(f"{uri}: says why", here.ask("query-migrate").get("error-desc"))
            true(f"{uri}: it goes on", here.status() == "running")
        here.ask("migrate-set-parameters", max__bandwidth=1 << 20)
        true("the bandwidth is set",
             here.ask("query-migrate-parameters")["max-bandwidth"] == 1 << 20)
        result("a negative one is none", refused(here, "migrate-set-parameters", "range",
                                                 max__bandwidth=-1))
        here.ask("getfd", (w,), fdname="m")
        here.ask("migrate", uri="fd:m")
        here.ask("quit")
        true("it ends in the middle of one", here.child.wait(LIMIT) == 0)
    os.close(r)
    os.close(w)


def sections(data):
    """Where each section of a stream begins, and its payload's length."""
    at, found = 12, {}
    while data[at:] != b"\3end":
        name = data[at + 1:at + 1 + data[at]].decode()
        length = struct.unpack_from("<Q", data, at + 1 + data[at])[0]
        found[name] = (at, length)
        at += 9 + data[at] + length
    return found


def ends(folder, data, *args, memory="16"):
    """(exit status, what it said) of a machine that is given this stream; None: it went on."""
    with open(f"{folder}/damaged", "wb") as f:
        f.write(data)
    argv = [MACHINE, "-M", "q35", "-accel", "interp", "-m", memory, "-display", "none",
            "-nodefaults", "-S", "-blockdev", f"driver=file,filename={folder}/disk,node-name=d",
            "-device", "virtio-blk-pci,drive=d,id=d0", "-device", "virtio-balloon-pci",
            "-netdev", "user,id=n,restrict=on", "-device", "virtio-net-pci,netdev=n",
            "-serial", "null", "-incoming", f"file:{folder}/damaged", *args]
    child = subprocess.run(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                           timeout=LIMIT)
    return child.returncode, child.stderr


def damaged(folder):
    with open(f"{folder}/state", "rb") as f:
        data = f.read()
    where = sections(data)
    true("its sections", list(where) == ["run", "clock", "ram", "board", "devices"], where)
    ram, board, devices = (where[n] for n in ("ram", "board", "devices"))

    def put(at, value):
        return data[:at] + value + data[at + len(value):]

    rows = [("nothing", b"", "ends early"), ("no state", b"x" * 100, "not a saved machine"),
            ("another version", put(8, b"\x63\0\0\0"), "of version 99"),
            ("no clock", put(where["clock"][0] + 1, b"C"), "section is missing"),
            ("a long name", put(where["clock"][0], b"\xff"), "section is missing"),
            ("a section that is too long", put(where["clock"][0] + 6, b"\xff" * 8), "too long"),
            ("one that is too short", put(board[0] + 6, b"\1\0\0\0\0\0\0\0"), "missing"),
            ("guest memory too short", put(ram[0] + 4, b"\0\1\0\0\0\0\0\0"), "cut short"),
            ("memory of another name", put(ram[0] + 13, b"x"), "another machine"),
            ("a vCPU's turn", put(where["clock"][0] + 14 + 16, b"\7"), "turn is out of range"),
            ("whether it ran", put(where["run"][0] + 12, b"\7"), "whether it ran"),
            ("no end", data[:-4], "ends early"), ("another end", data[:-1] + b"e", "end is missing")]
    rows += [(f"its first {n} bytes", data[:n], "ends early")
             for n in (5, 11, ram[0] + 5, ram[0] + 40, ram[0] + 70000, board[0] + 30,
                       devices[0] + 100)]
    for name, bad, why in rows:
        status, said = ends(folder, bad)
        result(f"damaged: {name}", [] if status == 1 and "load of migration failed" in said and
               why in said else [f"{status}: {said}"])
    for name, args, memory, why in (
            ("more memory", (), "32", "had 16777216 bytes, this machine's has 33554432"),
            ("another device", ("-device", "virtio-rng-pci"), "16", "saved state")):
        status, said = ends(folder, data, *args, memory=memory)
        result(f"another machine: {name}", [] if status == 1 and why in said
               else [f"{status}: {said}"])


def main():
    with Qmp(QEMU, ["-M", "none", "-S", "-display", "none", "-nodefaults"]) as q:
        schema = Schema(q.ask("query-qmp-schema"))
        q.ask("quit")
    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/disk", "wb") as f:
            f.write(COUNTER.ljust(510, b"\0") + b"\x55\xaa")
            f.truncate(1 << 20)
        kinds(folder, schema)
        given_up(folder)
        damaged(folder)
    print(f"1..{count}")
    return 1 if failed else 0


sys.exit(main())
