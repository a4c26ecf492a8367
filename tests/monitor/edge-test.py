# SPDX-License-Identifier: GPL-2.0-or-later
"""What monitor commands do, seen from outside: trays and media, links, saved memory, character
devices that change, Telnet, the human monitor's commands, completion and history."""
import os
import pty
import re
import socket
import subprocess
import sys
import tempfile
import time

from qmp import LIMIT, Qmp, QmpError

MACHINE = os.environ["VIV_MACHINE"]
BASE = ["-M", "q35", "-accel", "qtest", "-S", "-display", "none", "-nodefaults", "-m", "64"]
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


def error_of(q, command, **arguments):
    try:
        q.ask(command, **arguments)
    except QmpError as e:
        return str(e)
    return "accepted"


def human(q, line):
    return q.ask("human-monitor-command", command__line=line)


def trays():
    with tempfile.NamedTemporaryFile() as one, tempfile.NamedTemporaryFile() as two:
        one.truncate(1 << 20)
        two.truncate(2 << 20)
        with Qmp(MACHINE, BASE + ["-drive", f"if=none,id=d,file={one.name},format=raw,"
                                  "media=cdrom", "-device", "ide-cd,drive=d,id=cd0",
                                  "-device", "ide-cd,id=cd1"]) as q:
            def drive(n=0):
                return q.ask("query-block")[n]

            check("a CD drive is removable, with its tray closed", same(
                [drive()[k] for k in ("removable", "locked", "tray_open")], [True, False, False]))
            check("a medium stays in a closed tray",
                  [] if "is not open" in error_of(q, "blockdev-remove-medium", id="cd0") else ["?"])
            q.ask("blockdev-open-tray", id="cd0")
            moved = q.wait_event("DEVICE_TRAY_MOVED")["data"]
            check("the tray opens", same(moved, {"device": "d", "id": "cd0", "tray-open": True}) +
                  same(drive()["tray_open"], True))
            q.ask("blockdev-remove-medium", id="cd0")
            check("the medium is out", same("inserted" in drive(), False))
            q.ask("blockdev-add", driver="raw", node__name="m2",
                  file={"driver": "file", "filename": two.name})
            check("a medium that is not there",
                  same(error_of(q, "blockdev-insert-medium", id="cd0", node__name="no"),
                       "GenericError: Node 'no' not found"))
            q.ask("blockdev-insert-medium", id="cd0", node__name="m2")
            check("another is in", same(drive()["inserted"]["node-name"], "m2"))
            q.ask("blockdev-close-tray", id="cd0")
            moved = q.wait_event("DEVICE_TRAY_MOVED")["data"]
            check("the tray closes", same(moved["tray-open"], False))
            q.ask("eject", device="d")
            q.wait_event("DEVICE_TRAY_MOVED")
            check("eject opens and empties", same([drive()["tray_open"], "inserted" in drive()],
                                                  [True, False]))
            q.ask("blockdev-change-medium", id="cd1", filename=one.name, format="raw")
            check("a drive without a name takes a medium",
                  same(drive(1)["inserted"]["image"]["virtual-size"], 1 << 20) +
                  same(drive(1)["qdev"], "/machine/peripheral/cd1"))
            check("a disk has no tray", same(error_of(q, "eject", id="nosuch"),
                                             "DeviceNotFound: Device 'nosuch' not found"))
            human(q, f"change d {one.name} raw")
            check("the human monitor's change", same(
                drive()["inserted"]["image"]["virtual-size"], 1 << 20))
            q.ask("quit")


def links():
    with Qmp(MACHINE, BASE + ["-netdev", "user,id=n0,restrict=on", "-device",
                              "virtio-net-pci,netdev=n0,id=net0"]) as q:
        check("an unknown link", same(error_of(q, "set_link", name="no", up=False),
                                      "DeviceNotFound: Device 'no' not found"))
        for name in ("n0", "net0"):
            q.ask("set_link", name=name, up=False)
            q.ask("set_link", name=name, up=True)
        check("a link by its back end and by its card", [])
        q.ask("quit")


def memory():
    with Qmp(MACHINE, BASE) as q, tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/m"
        q.ask("pmemsave", val=0xFFFFFF00, size=256, filename=path)
        rom = open(path, "rb").read()
        check("pmemsave writes the reset vector's page", same(len(rom), 256) + same(rom[0xF0], 0xEA))
        q.ask("memsave", val=0xFFFFFF00, size=256, filename=path)
        check("memsave, without paging, the same", same(open(path, "rb").read(), rom))
        check("no such vCPU", [] if "cpu-index" in error_of(
            q, "memsave", val=0, size=1, filename=path, cpu__index=9) else ["accepted"])
        shown = human(q, "xp /4xb 0xfffffff0")
        wanted = " ".join(f"0x{b:02x}" for b in rom[0xF0:0xF4])
        check("xp", same(shown.split(":")[1].strip(), wanted))
        check("x", same(human(q, "x/4xb 0xfffffff0"), shown))
        check("x of a register", same(human(q, "x/4xb $pc"), shown))
        check("x/i disassembles", [] if "jmp" in human(q, "x/1i 0xfffffff0") else ["no jmp"])
        check("print", same(human(q, "p/x $rip+0x10").strip(), "0x10000"))
        check("xp where nothing is", [] if "Cannot" in human(q, "xp/1xg 0xfd000000") or
              "0x" in human(q, "xp/1xg 0xfd000000") else ["?"])
        q.ask("quit")


INFOS = {
    "block": "", "block-jobs": "No active jobs", "blockstats": "", "chardev": "qmp-test", "cpus":
    "CPU #0", "iothreads": "", "irq": "IRQ statistics", "jit":
    "only available with accel=jit", "kvm": "kvm support", "lapic": "SPIV",
    "memory_size_summary": "base memory: 67108864", "mice": "No mouse", "mtree": "address-space",
    "name": "", "network": "", "numa": "0 nodes", "pci": "PCI device 8086:29c0", "pic": "pic0:",
    "qtree": "dev: mch", "ramblock": "pc.ram", "registers": "RIP=", "replay": "instructions executed", "roms": "pc.bios",
    "status": "VM status: paused (prelaunch)", "uuid": "00000000-0000", "version": "7.2.0",
    "balloon": "Error: No balloon",
}


def infos():
    with Qmp(MACHINE, BASE) as q:
        listed = re.findall(r"^info (\S+?)(?:\|\S+)? ", human(q, "help info"), re.M)
        check("every info has a row here", same(sorted(listed), sorted(INFOS)))
        for name, words in INFOS.items():
            text = human(q, f"info {name}")
            check(f"info {name}", [] if words in text and "unknown" not in text else [text[:200]])
        q.ask("quit")


def changing():
    with Qmp(MACHINE, BASE + ["-chardev", "ringbuf,id=c,size=64", "-serial", "chardev:c"]) as q, \
            tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/out"
        human(q, "o/b 0x3f8 0x41")
        check("the port writes to its ring", same(q.ask("ringbuf-read", device="c", size=9), "A"))
        check("an empty ring reads as no text", same(q.ask("ringbuf-read", device="c", size=9), ""))
        bad = error_of(q, "chardev-change", id="c", backend={
            "type": "file", "data": {"out": f"{folder}/no/such"}})
        human(q, "o/b 0x3f8 0x42")
        check("a change that fails leaves a ring",
              [] if "could not open" in bad else [bad])
        q.ask("chardev-change", id="c", backend={"type": "file", "data": {"out": path}})
        human(q, "o/b 0x3f8 0x43")
        end = time.monotonic() + LIMIT
        while not os.path.getsize(path) and time.monotonic() < end:
            time.sleep(0.05)
        check("after the change to a file", same(open(path).read(), "C"))
        q.ask("quit")


def receive(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more:
            break
        data += more
    return data.hex()


def telnet():
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.close()
    with Qmp(MACHINE, BASE + ["-serial", f"telnet:127.0.0.1:{port},server=on,wait=off"]) as q:
        name = q.ask("query-chardev")
        check("its name says so", [] if any("telnet:127.0.0.1" in c["filename"] for c in name)
              else [str(name)])
        with socket.create_connection(("127.0.0.1", port), LIMIT) as s:
            s.settimeout(LIMIT)
            hello = receive(s, 12)
            check("it says WILL ECHO, WILL SGA, WILL BINARY, DO BINARY",
                  same(hello, "fffb01fffb03fffb00fffd00"))
            s.sendall(b"\xff\xfd\x01\xff\xfa\x18\x00xterm\xff\xf0a\r\0b\xff\xffc")
            got = ""
            end = time.monotonic() + LIMIT
            while len(got) < 10 and time.monotonic() < end:
                if int(human(q, "i/b 0x3fd").split("=")[1], 16) & 1:
                    got += "%02x" % int(human(q, "i/b 0x3f8").split("=")[1], 16)
                else:
                    time.sleep(0.02)
            check("commands are taken out of the data", same(got, "610d62ff63"))
            human(q, "o/b 0x3f8 0xff")
            human(q, "o/b 0x3f8 0x5a")
            check("a byte of 255 is sent twice", same(receive(s, 3), "ffff5a"))
        q.ask("quit")


def editing():
    master, slave = pty.openpty()
    child = subprocess.Popen([MACHINE, *BASE, "-monitor", "stdio"], stdin=slave, stdout=slave,
                             stderr=slave)
    os.close(slave)
    text = ""

    def expect(words):
        nonlocal text
        end = time.monotonic() + LIMIT
        while words not in text and time.monotonic() < end:
            text += os.read(master, 4096).decode()
        found = words in text
        text = text[text.index(words) + len(words):] if found else text
        return [] if found else [text[-300:]]

    def keys(what):
        os.write(master, what.encode())

    check("prompt", expect("(qemu) "))
    keys("info ver\t")
    check("Tab completes an info", expect("info version "))
    keys("\n")
    check("and it runs", expect("7.2.0 (vivarium") + expect("(qemu) "))
    keys("system_\t\t")
    check("Tab shows the choices", expect("system_powerdown"))
    check("and the line again", expect("(qemu) system_"))
    keys("\x15\x1b[A")
    check("up brings the last line back", expect("info version "))
    keys("\x15quit\n")
    check("quit", same(child.wait(LIMIT), 0))
    os.close(master)


for part in (trays, links, memory, infos, changing, telnet, editing):
    part()
print(f"1..{count}")
sys.exit(1 if failed else 0)
