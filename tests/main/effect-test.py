# SPDX-License-Identifier: GPL-2.0-or-later
"""Options have effects: each is given a value that is not its default, and what it changes is
looked for in the guest's registers and firmware files, in QMP, or in the process."""
import fcntl
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "monitor"))
from qmp import LIMIT, Qmp, QmpError  # noqa: E402

MACHINE = os.environ["VIV_MACHINE"]
BASE = ["-display", "none", "-m", "64"]
QTEST = BASE + ["-M", "q35", "-accel", "qtest", "-S", "-nodefaults"]
F_GET_SEALS = 1034
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


class Machine(Qmp):
    """QMP, and the guest's ports through the human monitor."""
    def human(self, line):
        return self.ask("human-monitor-command", command__line=line)

    def inp(self, port, size="b"):
        return int(self.human(f"i/{size} {port:#x}").split("=")[1], 16)

    def out(self, port, value, size="b"):
        self.human(f"o/{size} {port:#x} {value:#x}")

    def cmos(self, n):
        self.out(0x70, n)
        return self.inp(0x71)

    def config(self, bdf, offset, value, size="w"):
        self.out(0xCF8, 1 << 31 | bdf << 8 | offset & 0xFC, "w")
        self.out(0xCFC + (offset & 3), value, size)

    def fw_cfg(self, key, size):
        self.out(0x510, key, "h")
        return bytes(self.inp(0x511) for _ in range(size))

    def files(self):
        n = int.from_bytes(self.fw_cfg(0x19, 4), "big")
        raw = self.fw_cfg(0x19, 4 + 64 * n)[4:]
        found = {}
        for i in range(n):
            e = raw[64 * i:64 * i + 64]
            found[e[8:].split(b"\0")[0].decode()] = (int.from_bytes(e[4:6], "big"),
                                                     int.from_bytes(e[:4], "big"))
        return found

    def firmware_file(self, name):
        key, size = self.files().get(name, (None, 0))
        return self.fw_cfg(key, size) if key else None

    def proc(self, name):
        return pathlib.Path(f"/proc/{self.child.pid}/{name}").read_text()


def run(args):
    return subprocess.run([MACHINE, *args], capture_output=True, text=True, timeout=LIMIT,
                          stdin=subprocess.DEVNULL, check=False)


def boot():
    with Machine(MACHINE, QTEST) as m:
        check("boot order by default: disk, CD, floppy",
              same([m.cmos(0x3D), m.cmos(0x38) >> 4], [0x12, 3]))
        plain = m.files()
        check("no menu by default", same(m.fw_cfg(0x0E, 2), b"\0\0"))
        m.ask("quit")
    check("and no files of it", same([n in plain for n in ("etc/boot-menu-wait",)], [False]))
    with Machine(MACHINE, QTEST + ["-boot", "order=c,once=n,menu=on,splash-time=1234,strict=on,"
                                   "reboot-timeout=99", "-device",
                                   "virtio-rng-pci"]) as m:
        check("-boot once=n", same(m.cmos(0x3D), 4))
        m.ask("system_reset")
        m.wait_event("RESET")
        check("after a reset order=c", same(m.cmos(0x3D), 2))
        check("-boot menu=on", same(m.fw_cfg(0x0E, 2), b"\1\0"))
        check("-boot splash-time=", same(m.firmware_file("etc/boot-menu-wait"), (1234).to_bytes(2, "little")))
        check("-boot reboot-timeout=",
              same(m.firmware_file("etc/boot-fail-wait"), (99).to_bytes(4, "little")))
        check("-boot strict=on", same((m.firmware_file("bootorder") or b"").rstrip(b"\0"), b"HALT"))
        m.ask("quit")


def board():
    with Machine(MACHINE, QTEST + ["-uuid", "12345678-9abc-def0-1234-56789abcdef0", "-smp",
                                   "2,sockets=1,cores=2", "-fw_cfg", "name=opt/x,string=hello",
                                   "-smbios", "type=1,serial=VIV42", "-no-hpet", "-no-acpi",
                                   "-machine", "graphics=off", "-rtc", "driftfix=slew",
                                   "-global", "mc146818rtc.irq=9"]) as m:
        check("-uuid", same(m.ask("query-uuid")["UUID"], "12345678-9abc-def0-1234-56789abcdef0") +
              same(m.fw_cfg(2, 16).hex(), "123456789abcdef0123456789abcdef0"))
        check("-smp", same(m.fw_cfg(5, 2), b"\2\0") + same(
            [c["props"]["core-id"] for c in m.ask("query-cpus-fast")], [0, 1]))
        check("-m", same(int.from_bytes(m.fw_cfg(3, 8), "little"), 64 << 20))
        check("-fw_cfg", same(m.firmware_file("opt/x"), b"hello"))
        check("-smbios", [] if b"VIV42" in m.firmware_file("etc/smbios/smbios-tables") else ["no VIV42"])
        check("-no-hpet", [] if "Cannot" in m.human("xp/1xw 0xfed00000") or
              "0xffffffff" in m.human("xp/1xw 0xfed00000") else ["it answers"])
        check("-no-acpi", same("etc/acpi/tables" in m.files(), False))
        check("-machine graphics=off", same(m.fw_cfg(4, 2), b"\1\0"))
        rtc = [e["name"] for e in m.ask("qom-list", path="/machine/unattached")
               if e["type"] == "child<mc146818rtc>"][0]
        path = f"/machine/unattached/{rtc}"
        check("-rtc driftfix=slew", same(
            m.ask("qom-get", path=path, property="lost_tick_policy"), "slew"))
        check("-global", same(m.ask("qom-get", path=path, property="irq"), 9))
        m.ask("quit")


def defaults():
    def drives(args):
        with Machine(MACHINE, BASE + ["-M", "q35", "-accel", "qtest", "-S", *args]) as m:
            found = [(d["device"], d.get("tray_open"), "inserted" in d)
                     for d in m.ask("query-block")]
            m.ask("quit")
        return found

    check("a PC has an empty CD-ROM drive", same(drives([]), [("ide2-cd0", False, False)]))
    check("not with -nodefaults", same(drives(["-nodefaults"]), []))
    check("not beside a drive of the user's", same(drives(["-device", "ide-cd,id=x"]),
                                                   [("", False, False)]))
    with tempfile.NamedTemporaryFile() as disk:
        disk.truncate(1 << 20)
        check("-cdrom fills it", same(drives(["-cdrom", disk.name]), [("ide2-cd0", False, True)]))


def networks():
    with Machine(MACHINE, QTEST + ["-net", "nic,model=virtio,macaddr=52:54:00:00:00:09", "-net",
                                   "user,net=10.9.0.0/24"]) as m:
        check("-net nic -net user", [] if "net=10.9.0.0" in m.human("info network") else
              [m.human("info network")])
        check("with the address that was given",
              [] if "52:54:00:00:00:09" in m.human("info qtree") else ["no such address"])
        r, w = os.pipe()
        m.ask("getfd", [r], fdname="mytap")
        os.close(r)
        os.close(w)
        for fd, words in (("mytap", "is not a tap interface"), ("other", "other"),
                          ("7x", "not the number")):
            try:
                m.ask("netdev_add", type="tap", id="t", fd=fd)
                text = "accepted"
            except QmpError as e:
                text = str(e)
            check(f"a tap of fd={fd}", [] if words in text else [text])
        m.ask("quit")


def messages():
    r = run(["-name", "box", "-msg", "guest-name=on,timestamp=on", "-device", "nosuch"] + QTEST)
    check("-msg", [] if re.match(r"\d{4}-\d\d-\d\dT\S+Z box viv-machine: ", r.stderr)
          else [r.stderr[:200]])


def process():
    with Machine(MACHINE, QTEST + ["-name", "guest=g1,process=shortname"]) as m:
        check("-name", same(m.ask("query-name"), {"name": "g1"}) +
              same(m.proc("comm").strip(), "shortname"))
        m.ask("quit")


def given(name, rss):
    """KiB that a mapping has got. The host may write a file's to the disk, and take them back."""
    return max(rss, os.stat(name).st_blocks // 2 if os.path.isfile(name) else 0)


def mapping(args):
    """The guest's memory as the host has it: (name, rights, KiB, flags, seals, query-memdev)."""
    with Machine(MACHINE, QTEST + args) as m:
        found = [(name, rights, given(name, int(rss)), flags.split()) for rights, name, size, rss, flags in
                 re.findall(r"^[0-9a-f]+-[0-9a-f]+ (\S+) \S+ \S+ \d+ *([^\n]*)\n(?:Size): +(\d+) kB"
                            r".*?^Rss: +(\d+).*?^VmFlags: ([^\n]*)", m.proc("smaps"), re.M | re.S)
                 if int(size) == 64 << 10]
        seals = []
        for path in pathlib.Path(f"/proc/{m.child.pid}/fd").iterdir():
            if "memfd:pc.ram" in os.readlink(path):
                fd = os.open(path, os.O_RDONLY)
                seals.append(fcntl.fcntl(fd, F_GET_SEALS))
                os.close(fd)
        memdev = m.ask("query-memdev")
        m.ask("quit")
    if len(found) != 1:
        raise ValueError(f"{len(found)} mappings of the memory's size")
    return *found[0], seals, memdev


def memory():
    name, rights, rss, flags, seals, _ = mapping([])
    check("memory is given when it is used", [] if rss < 32 << 10 else [f"{rss} KiB"])
    check("... a shared memfd, dumped, not sealed", same(
        ["memfd:pc.ram" in name, rights, "dd" in flags, seals[0] & 6], [True, "rw-s", False, 0]))
    *_, flags, _, _ = mapping(["-machine", "dump-guest-core=off"])
    check("-machine dump-guest-core=off", same("dd" in flags, True))

    def backend(kind, options, more=""):
        return mapping(["-object", f"memory-backend-{kind},id=r,size=64M{options}", "-machine",
                        f"memory-backend=r{more}"])

    with tempfile.TemporaryDirectory() as folder:
        for kind, own, shared in (("ram", "", False), ("memfd", "", True),
                                  ("file", f",mem-path={folder}/ram", False)):
            now = backend(kind, own)
            check(f"memory-backend-{kind} by default", same(
                [now[1], now[2] < 32 << 10, *(f in now[3] for f in ("dd", "nr"))],
                ["rw-s" if shared else "rw-p", True, False, False]))
            other = "off" if shared else "on"
            now = backend(kind, f"{own},share={other},prealloc=on,dump=off,reserve=off")
            check(f"memory-backend-{kind} share={other} prealloc=on dump=off reserve=off", same(
                [now[1], now[2] >= 64 << 10, *(f in now[3] for f in ("dd", "nr"))],
                ["rw-p" if shared else "rw-s", True, True, True]))
            check("... and query-memdev says the same", same(
                [now[5][0][k] for k in ("share", "prealloc", "dump", "reserve", "size")],
                [not shared, True, False, False, 64 << 20]))
            # The host's kernel merges private memory only.
            ways = {"by default": ("", ""), "merge=off": (",merge=off", ""),
                    "mem-merge=off": ("", ",mem-merge=off")}
            found = {way: "mg" in backend(kind, own + o + ",share=off", m)[3]
                     for way, (o, m) in ways.items()}
            check(f"memory-backend-{kind} merge", same(
                found, {"by default": True, "merge=off": False, "mem-merge=off": False}))
    check("seal", same([backend("memfd", f",seal={how}")[4][0] & 6 for how in ("on", "off")],
                       [6, 0]))


def threads():
    """Names of threads, as QEMU's: its "CPU 0/TCG" is our "CPU 0/JIT"."""
    def names(args):
        with Machine(MACHINE, BASE + ["-M", "q35", "-nodefaults", "-m", "64", "-S", "-object",
                                      "iothread,id=io1"] + args) as m:
            found = {p.read_text().strip() for p in
                     pathlib.Path(f"/proc/{m.child.pid}/task").glob("*/comm")}
            m.ask("quit")
        return {n for n in found if re.match("(ALL )?CPU|IO ", n)}

    check("-name debug-threads=on", same(
        names(["-smp", "2", "-name", "g,debug-threads=on"]),
        {"CPU 0/JIT", "CPU 1/JIT", "IO io1"}))
    check("... when instructions are counted", same(
        names(["-smp", "2", "-icount", "shift=3", "-name", "g,debug-threads=on"]),
        {"ALL CPUs/JIT", "IO io1"}))
    check("... and by default none", same(names(["-smp", "2"]), set()))


PANIC = {"shutdown": ("poweroff", 0), "exit-failure": ("poweroff", 1), "pause": ("pause", None),
         "none": ("run", None)}


def actions():
    for action, (told, status) in PANIC.items():
        with Machine(MACHINE, QTEST + ["-action", f"panic={action}", "-device", "pvpanic"]) as m:
            m.ask("cont")
            m.out(0x505, 1)
            event = m.wait_event("GUEST_PANICKED")
            problems = same(event["data"]["action"], told)
            if status is None:
                state = m.ask("query-status")["status"]
                problems += same(state, "guest-panicked" if action == "pause" else "running")
                m.ask("quit")
            else:
                problems += same(m.child.wait(LIMIT), status)
        check(f"-action panic={action}", problems)
    with Machine(MACHINE, QTEST + ["-action", "reboot=shutdown"]) as m:
        m.ask("cont")
        m.out(0xCF9, 6)
        check("-action reboot=shutdown ends the machine", same(m.child.wait(LIMIT), 0))
    with Machine(MACHINE, QTEST + ["-action", "shutdown=pause"]) as m:
        m.ask("cont")
        m.config(0xF8, 0x40, 0x601)
        m.config(0xF8, 0x44, 0x80, "b")
        m.out(0x604, 0x2000, "h")
        m.wait_event("SHUTDOWN")
        m.wait_event("STOP")
        check("-action shutdown=pause stays", same(m.ask("query-status")["status"], "shutdown"))
        m.ask("quit")


def counted():
    """Instructions go on being executed, and the RTC of a counted machine moves."""
    for how in ("shift=auto", "shift=3,align=on", "shift=0,sleep=off"):
        with Machine(MACHINE, BASE + ["-M", "q35", "-nodefaults", "-icount", how]) as m:
            seen = 0
            end = time.monotonic() + LIMIT
            while seen < 200000 and time.monotonic() < end:
                seen = m.ask("query-replay")["icount"]
                time.sleep(0.05)
            check(f"-icount {how} runs", [] if seen >= 200000 else [f"{seen} instructions"])
            m.ask("stop")
            first = m.ask("query-replay")["icount"]
            check(f"-icount {how} stops", same(m.ask("query-replay")["icount"], first))
            m.ask("cont")
            m.ask("quit")
    for how, words in (("shift=auto,align=on", "incompatible"), ("shift=auto,sleep=off",
                       "incompatible"), ("shift=2,align=on,sleep=off", "incompatible")):
        r = run(QTEST + ["-icount", how])
        check(f"-icount {how} is refused", [] if r.returncode == 1 and words in r.stderr
              else [r.stderr])


CONFIG = """# a machine
[machine]
  type = "q35"
  accel = "qtest"

[memory]
  size = "96M"

[name]
guest = "from a file"

[chardev "ring"]
  backend = "ringbuf"

[device "r1"]
  driver = "virtio-rng-pci"
  addr = "7.0"

[global]
  driver = "virtio-rng-pci"
  property = "max-bytes"
  value = "99"
"""


def config_file():
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/c"
        pathlib.Path(path).write_text(CONFIG)
        with Machine(MACHINE, ["-display", "none", "-nodefaults", "-S", "-readconfig", path]) as m:
            check("-readconfig: name, memory", same(m.ask("query-name")["name"], "from a file") +
                  same(m.ask("query-memory-size-summary")["base-memory"], 96 << 20))
            check("-readconfig: a device, with a global", same(
                m.ask("qom-get", path="/machine/peripheral/r1", property="max-bytes"), 99))
            check("-readconfig: a character device",
                  [] if "ring" in [c["label"] for c in m.ask("query-chardev")] else ["none"])
            m.ask("quit")
        for text, words in (("[nosuch]\n", "1: there is no option group"), ("x = 1\n", "1: a line"),
                            ('[device "a"\n', "1: there is no"), ('[name]\nguest = "x\n', "2: a line"),
                            ('[memory]\nsize = "12q"\n', "is not a size"),
                            ('[name]\nnosuch = "1"\n', "nosuch")):
            pathlib.Path(path).write_text(text)
            r = run(QTEST + ["-readconfig", path])
            check(f"refused: {text.strip()!r}", [] if r.returncode == 1 and words in r.stderr
                  else [r.stderr[:200]])
        r = run(QTEST + ["-readconfig", f"{folder}/none"])
        check("a file that is not there", [] if r.returncode == 1 else [r.stderr])


for part in (boot, board, defaults, networks, messages, process, memory,
             threads, actions, counted, config_file):
    part()
print(f"1..{count}")
sys.exit(1 if failed else 0)
