# SPDX-License-Identifier: GPL-2.0-or-later
"""Every property that a device lists has an effect. Each has a row here, which sets a value that is
not the default and looks for it where the guest or a client would: in a register, in a request's
result, in QMP. A property without a row fails, and so does a row without a property. Rows marked
FIXED are of the board's own devices, whose place the board decides whatever -global says; a row
that names another test stands for what that test observes. A virtio device in memory shares its
properties' table with the one on PCI: what is observed of that counts where both list the same."""
import pathlib
import socket
import subprocess
import sys
import tempfile

from qmp import Qmp
from qtest import LIMIT, Qtest
from rig import BASE, BDF, MACHINE, MMIO, PORT, Rig

HERE = pathlib.Path(__file__).resolve().parent.parent
ROM = "/usr/lib/ipxe/qemu/efi-virtio.rom"
SLOT = "addr=4"
count, failed = 0, 0
seen = set()  # (class, property) with a row


def check(name, problems):
    global count, failed
    count += 1
    for p in problems:
        print(f"# {p}")
    print(f"{'not ok' if problems else 'ok'} {count} - {name}", flush=True)
    failed += bool(problems)


def same(got, wanted):
    return [] if got == wanted else [f"{got!r}, not {wanted!r}"]


def row(cls, names, problems):
    for name in names.split():
        seen.add((cls, name))
    check(f"{cls}: {names}", problems)


def text(words):
    return b"".join(bytes([w >> 8, w & 255]) for w in words).decode().strip()


def refused(*args):
    r = subprocess.run([MACHINE, *BASE, "-accel", "qtest", "-display", "none", "-S",
                        "-monitor", "stdio", *args], capture_output=True, text=True, timeout=LIMIT,
                       input="quit\n", check=False)
    return r.stderr if r.returncode else ""


# ---- every PCI function, every virtio device ----

NULL = "driver=null-co,node-name=b,size=1048576,read-zeroes=on"
NEEDS = {
    "virtio-blk-pci": (["-blockdev", NULL], "drive=b"),
    "virtio-net-pci": (["-netdev", "user,id=n,restrict=on"], "netdev=n"),
    "pci-bridge": ([], "chassis_nr=7"),
}
NEEDS |= {c.replace("-pci", "-device"): NEEDS[c] for c in ("virtio-blk-pci", "virtio-net-pci")}
PCI = ["pcie-root-port", "pci-bridge", "pcie-pci-bridge", "virtio-balloon-pci", "virtio-blk-pci",
       "virtio-net-pci", "virtio-rng-pci", "virtio-serial-pci", "ich9-ahci", "pci-testdev",
       "qemu-xhci"]


def device(cls, options):
    extra, own = NEEDS.get(cls, ([], ""))
    return [*extra, "-device", ",".join(w for w in (cls, "id=d", own, options) if w)]


def pci(cls):
    with tempfile.NamedTemporaryFile(suffix=".rom") as rom:
        rom.write(b"\x55\xaa" + bytes(4094))
        rom.flush()
        bar = 0x38 if "bridge" in cls or cls == "pcie-root-port" else 0x30
        problems = []
        for options, wanted in ((f"romfile={rom.name}", 0xFFFFF000),
                                (f"romfile={rom.name},rombar=off", 0)):
            with Rig(*device(cls, f"addr=1d.0,multifunction=on,{options}")) as t:
                problems += same(t.config(0x1D << 3, 0) & 0xFFFF != 0xFFFF, True)
                problems += same(t.config(0x1D << 3, 0x0E, 1) >> 7, 1)
                t.set_config(0x1D << 3, bar, 0xFFFFFFFE)
                problems += same(t.config(0x1D << 3, bar) & 0xFFFFF000, wanted)
        row(cls, "addr multifunction romfile rombar", problems)


def virtio(cls):
    with Rig(*device(cls, f"{SLOT},event_idx=off,indirect_desc=off,page-per-vq=on,vectors=7")) as t:
        t.legacy()
        problems = same([t.feature(28), t.feature(29)], [0, 0])
        caps = {}
        at = t.config(BDF, 0x34, 1)
        while at:
            kind = t.config(BDF, at, 1)
            caps[(kind, t.config(BDF, at + 3, 1) if kind == 9 else 0)] = at
            at = t.config(BDF, at + 1, 1)
        problems += same(t.config(BDF, caps[(9, 2)] + 16), 0x1000)
        problems += same(t.config(BDF, caps[(0x11, 0)] + 2, 2) & 0x7FF, 6)
    row(cls, "event_idx indirect_desc page-per-vq vectors", problems)
    with Rig(*device(cls, f"{SLOT},disable-legacy=on")) as t:
        problems = same(t.config(BDF, 0) >> 16 >= 0x1040, True)
    with Rig(*device(cls, f"{SLOT},disable-modern=on")) as t:
        kinds = []
        at = t.config(BDF, 0x34, 1)
        while at:
            kinds.append(t.config(BDF, at, 1))
            at = t.config(BDF, at + 1, 1)
        problems += same(9 in kinds, False)
    row(cls, "disable-legacy disable-modern", problems)


# ---- virtio devices in memory ----

LAST_SLOT = 0x10008000
RISCV = ["-arch", "riscv64", "-M", "virt", "-nodefaults"]


def in_memory():
    for off, version in ("on", 1), ("off", 2):
        with Qtest(MACHINE, [*RISCV, "-global", f"virtio-mmio.force-legacy={off}"]) as t:
            row("virtio-mmio", "force-legacy", same(t.number(f"readl {LAST_SLOT + 4:#x}"), version))
    for on_pci in [c for c in PCI if c.startswith("virtio")]:
        cls = on_pci.replace("-pci", "-device")
        with Qtest(MACHINE, [*RISCV, *device(cls, "event_idx=off,indirect_desc=off")]) as t:
            features = t.number(f"readl {LAST_SLOT + 0x10:#x}")
        row(cls, "event_idx indirect_desc", same(features >> 28 & 3, 0))
        with Qmp(MACHINE, ["-M", "none", "-S", "-display", "none"]) as q:
            mine, theirs = ({p["name"]: p for p in q.ask("device-list-properties", typename=c)}
                            for c in (cls, on_pci))
            q.ask("quit")
        names = [n for n in mine if (on_pci, n) in seen and (cls, n) not in seen]
        row(cls, " ".join(names), same([mine[n] for n in names], [theirs[n] for n in names]))


# ---- one class each ----

def balloon():
    with Rig(*device("virtio-balloon-pci",
                     f"{SLOT},deflate-on-oom=on,free-page-reporting=on")) as t:
        t.legacy()
        row("virtio-balloon-pci", "deflate-on-oom free-page-reporting",
            same([t.feature(2), t.feature(5)], [1, 1]))


def blk():
    cls = "virtio-blk-pci"
    with Rig("-blockdev", NULL, "-blockdev", NULL.replace("=b,", "=c,"), "-device",
             f"{cls},{SLOT},id=d,drive=c,serial=S3R1AL,bootindex=5,num-queues=3,queue-size=64,"
             "logical_block_size=1024,physical_block_size=4096,min_io_size=8192,opt_io_size=16384,"
             "config-wce=off,write-cache=off,discard=off,write-zeroes=off") as t:
        t.legacy()
        config = PORT + 0x14
        row(cls, "drive", same([d.get("inserted", {}).get("node-name")
                                for d in t.qmp("query-block")], ["c"]))
        row(cls, "bootindex", same(b"@4" in t.firmware("bootorder"), True))
        row(cls, "num-queues", same([t.feature(12), t.queue(2) > 0, t.queue(3)], [1, True, 0]) +
            same(t.inw(config + 34), 3))
        row(cls, "queue-size", same(t.queue(0), 64))
        row(cls, "logical_block_size physical_block_size",
            same([t.inl(config + 20), t.inb(config + 24)], [1024, 2]))
        row(cls, "min_io_size opt_io_size", same([t.inw(config + 26), t.inl(config + 28)], [8, 16]))
        row(cls, "config-wce discard write-zeroes",
            same([t.feature(n) for n in (11, 13, 14)], [0, 0, 0]))
        row(cls, "write-cache", same(t.inb(config + 32), 0))
        t.start_queue(0)
        row(cls, "serial", same(t.blk(8, 0, 20), 0) + same(t.read(0x40000, 7), b"S3R1AL\0"))
    with Rig("-blockdev", NULL, "-device", f"{cls},{SLOT},drive=b,max-discard-sectors=100,"
             "max-write-zeroes-sectors=200,share-rw=on", "-device",
             f"{cls},drive=b,share-rw=on") as t:
        t.legacy()
        row(cls, "max-discard-sectors max-write-zeroes-sectors",
            same([t.inl(PORT + 0x14 + n) for n in (36, 48)], [100, 200]))
    row(cls, "share-rw", [] if refused("-blockdev", NULL, "-device", f"{cls},drive=b", "-device",
                                       f"{cls},drive=b") else ["two writers by default"])


def errors():
    """werror= and rerror=: what becomes of requests that fail."""
    bad = ("driver=blkdebug,node-name=b,image.driver=null-co,image.size=1048576,"
           "inject-error.0.event=none,inject-error.0.iotype={},inject-error.0.errno=5")
    for name, kind, iotype in (("rerror", 0, "read"), ("werror", 1, "write")):
        found = {}
        for policy in ("ignore", "report"):
            with Rig("-blockdev", bad.format(iotype), "-device",
                     f"virtio-blk-pci,{SLOT},drive=b,{name}={policy}") as t:
                t.legacy().start_queue(0)
                status = t.blk(kind, 0, 512)
                found[policy] = (status, t.event("BLOCK_IO_ERROR")["action"])
        row("virtio-blk-pci", name, same(found, {"ignore": (0, "ignore"), "report": (1, "report")}))


NET_BITS = {"csum": 0, "guest_csum": 1, "ctrl_guest_offloads": 2, "guest_tso4": 7, "guest_tso6": 8,
            "guest_ecn": 9, "guest_ufo": 10, "host_tso4": 11, "host_tso6": 12, "host_ecn": 13,
            "host_ufo": 14, "mrg_rxbuf": 15, "status": 16, "ctrl_vq": 17, "ctrl_rx": 18,
            "ctrl_vlan": 19, "ctrl_rx_extra": 20, "ctrl_mac_addr": 23}
# Bits that only a back end with offloads has: a card on a tap.
NET_OFFLOADS = ["csum", "guest_csum", "ctrl_guest_offloads", "guest_tso4", "guest_tso6",
                "guest_ecn", "guest_ufo", "host_tso4", "host_tso6", "host_ecn", "host_ufo"]


def net():
    cls = "virtio-net-pci"
    with Rig("-netdev", "user,id=a,restrict=on", "-netdev", "user,id=b,restrict=on", "-device",
             f"{cls},{SLOT},id=d,netdev=b,mac=52:54:00:aa:bb:cc,rx_queue_size=512,"
             "tx_queue_size=1024,host_mtu=1400,bootindex=3") as t:
        t.legacy()
        row(cls, "mac", same(bytes(t.inb(PORT + 0x14 + i) for i in range(6)).hex(), "525400aabbcc"))
        row(cls, "rx_queue_size tx_queue_size", same([t.queue(0), t.queue(1)], [512, 1024]))
        row(cls, "host_mtu", same([t.feature(3), t.inw(PORT + 0x14 + 10)], [1, 1400]))
        row(cls, "bootindex", same(b"@4" in t.firmware("bootorder"), True))
        row(cls, "netdev", same(
            "error" if t.qmp("netdev_del", id="a") == {} else "kept", "error") +
            ([] if "in use" in str(t.qmp("netdev_del", id="b")) else ["b was not in use"]))
    with Rig("-netdev", "null,id=n,queues=3", "-device", f"{cls},netdev=n,{SLOT},mq=on") as t:
        check("netdev null: queues", same([t.legacy().feature(22), t.inw(PORT + 0x14 + 8)], [1, 3]))
    plain = [n for n in NET_BITS if n not in NET_OFFLOADS]
    with Rig(*device(cls, SLOT)) as t:
        on = {n for n in plain if t.legacy().feature(NET_BITS[n])}
    with Rig(*device(cls, ",".join([SLOT] + [f"{n}=off" for n in plain]))) as t:
        off = {n for n in plain if not t.legacy().feature(NET_BITS[n])}
    for name in plain:
        row(cls, name, same([name in on, name in off], [True, True]))


def offloads():
    """What only a back end with offloads lets a card offer: a tap in name spaces of its own."""
    cls, within = "virtio-net-pci", ("unshare", "-rmn")
    tap = ["-netdev", "tap,id=n,ifname=tap0,script=no,downscript=no"]
    try:
        with Rig(*tap, "-device", f"{cls},netdev=n,{SLOT}", within=within) as t:
            on = {n for n in NET_OFFLOADS if t.legacy().feature(NET_BITS[n])}
    except (OSError, ValueError):
        global count
        count += 1
        seen.update((cls, n) for n in NET_OFFLOADS)
        print(f"ok {count} - {cls} offloads # SKIP no tap interface in name spaces of its own")
        return
    with Rig(*[w.replace("tap,", "tap,vnet_hdr=off,") for w in tap], "-device",
             f"{cls},netdev=n,{SLOT}", within=within) as t:
        now = {n for n in NET_OFFLOADS if t.legacy().feature(NET_BITS[n])}
    check("netdev tap: vnet_hdr", same(["csum" in on, now], [True, set()]))
    with Rig(*[w.replace("tap,", "tap,queues=2,") for w in tap], "-device",
             f"{cls},netdev=n,{SLOT},mq=on", within=within) as t:
        check("netdev tap: queues", same([t.legacy().feature(22), t.inw(PORT + 0x14 + 8)], [1, 2]))
    scripts(within)
    for name in NET_OFFLOADS:
        with Rig(*tap, "-device", f"{cls},netdev=n,{SLOT},{name}=off", within=within) as t:
            now = t.legacy().feature(NET_BITS[name])
        row(cls, name, same([name in on or name.endswith("ufo"), now], [True, 0]))


def scripts(within):
    """A tap's scripts are told its name, one when it is made and one when it goes."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("up", "down"):
            path = pathlib.Path(folder, name)
            path.write_text(f"#!/bin/sh\necho $1 > {folder}/{name}.told\n")
            path.chmod(0o755)
        told = [pathlib.Path(folder, f"{n}.told") for n in ("up", "down")]
        with Rig("-netdev", f"tap,id=n,ifname=vivtap7,script={folder}/up,downscript={folder}/down",
                 "-device", f"virtio-net-pci,netdev=n,{SLOT}", within=within) as t:
            problems = same([p.exists() for p in told], [True, False])
            t.qmp("quit")
            t.child.wait(LIMIT)
        check("netdev tap: ifname script downscript",
              problems + same([p.exists() and p.read_text() for p in told], ["vivtap7\n"] * 2))


def flash():
    cls = "cfi.pflash01"
    base = 0xFFF00000

    def words(**values):
        return [w for n, v in values.items() for w in (
            "-global", f"driver={cls},property={n.replace('_', '-')},value={v}")]

    with tempfile.NamedTemporaryFile() as image:
        image.write(b"\x5a" * (1 << 20))
        image.flush()
        disk = ["-blockdev", f"driver=file,filename={image.name},node-name=f0", "-machine",
                "pflash0=f0"]
        with Rig(*disk, *words(id0=18, id1=52, sector_length=65536, num_blocks=16,
                               name="my.flash")) as t:
            row(cls, "drive", same(t.read(base, 2), b"\x5a\x5a"))
            # The board names its chips, so that each has its own RAM in a saved state.
            row(cls, "name", same("system.flash0" in t.human("info mtree"), True))
            t.ask(f"writeb {base:#x} 0x90")
            row(cls, "id0 id1", same([t.number(f"readb {base + n:#x}") for n in (0, 1)], [18, 52]))
            t.ask(f"writeb {base + 0x55:#x} 0x98")
            row(cls, "sector-length num-blocks", same(
                [t.number(f"readb {base + n:#x}") for n in (0x2D, 0x2E, 0x2F, 0x30)],
                [15, 0, 0, 1]))
        with Rig(*disk, *words(width=2, id1=52)) as t:
            t.ask(f"writeb {base:#x} 0x90")
            row(cls, "width", same(t.number(f"readb {base + 2:#x}"), 52))


def rng():
    cls = "virtio-rng-pci"
    with Rig("-object", "rng-random,id=zeroes,filename=/dev/zero", "-device",
             f"{cls},{SLOT},rng=zeroes,max-bytes=8,period=1000") as t:
        t.legacy().start_queue(0)
        t.ask("memset 0x40000 0x40 0xff")
        first = t.request([(0x40000, 64, 1)])
        row(cls, "rng", same(t.read(0x40000, 9), bytes(8) + b"\xff"))
        row(cls, "max-bytes", same(first, 8))
        second = t.request([(0x40000, 64, 1)], step=1000)
        t.ask("clock_step 1000000000")
        row(cls, "period", same([second, t.answer(1000)], [None, 8]))


def serial():
    cls = "virtio-serial-pci"
    with Rig(*device(cls, f"{SLOT},max_ports=3,emergency-write=off")) as t:
        t.legacy()
        row(cls, "max_ports emergency-write", same([t.inl(PORT + 0x14 + 4), t.feature(2)], [3, 0]))
    for port in ("virtserialport", "virtconsole"):
        with Rig("-device", f"{cls},{SLOT}", "-chardev", "ringbuf,id=r", "-device",
                 f"{port},chardev=r,id=p,nr=5,name=org.example.0") as t:
            opened = {c["label"]: c["frontend-open"] for c in t.qmp("query-chardev")}
            row(port, "chardev", same(opened["r"], True))
        row(port, "nr", [] if refused("-device", cls, "-device", f"{port},nr=5", "-device",
                                      f"{port},nr=5") else ["two ports 5"])


def isa():
    with Rig("-device", "isa-debugcon,iobase=0x402,readback=0x77,chardev=r", "-chardev",
             "ringbuf,id=r") as t:
        problems = same(t.inb(0x402), 0x77)
        t.outb(0x402, 0x41)
        row("isa-debugcon", "iobase readback chardev",
            problems + same(t.qmp("ringbuf-read", device="r", size=9), "A"))
    for options, port, status in (("iobase=0xf4,iosize=4", 0xF7, 5), ("iobase=0xf4,iosize=4", 0xF4, 5)):
        with Rig("-device", f"isa-debug-exit,{options}") as t:
            t.socket.sendall(f"outb {port:#x} 0x2\n".encode())
            problems = same(t.child.wait(LIMIT), status)
    row("isa-debug-exit", "iobase iosize", problems)
    with Rig("-chardev", "ringbuf,id=r", "-device",
             "isa-serial,chardev=r,iobase=0x2e0,irq=11,index=2") as t:
        t.ask("irq_intercept_in ioapic")
        t.outb(0x2E4, 8)
        t.outb(0x2E1, 2)
        t.outb(0x2E0, 0x42)
        t.ask("clock_step 1000000")
        row("isa-serial", "chardev iobase irq", same(t.qmp("ringbuf-read", device="r", size=9), "B") +
            same("IRQ raise 11" in t.lines, True))
    with Rig("-chardev", "ringbuf,id=r", "-device", "isa-serial,chardev=r,index=1") as t:
        t.outb(0x2F8, 0x43)
        row("isa-serial", "index", same(t.qmp("ringbuf-read", device="r", size=9), "C"))
    with Rig("-device", "pvpanic,ioport=0x606,events=1") as t:
        row("pvpanic", "ioport events", same(t.inb(0x606), 1))


def wakeup():
    """A byte on the line wakes a suspended machine."""
    ours, theirs = socket.socketpair()
    with tempfile.TemporaryDirectory() as folder:
        with Rig("-chardev", f"socket,id=s,path={folder}/s,server=on,wait=off", "-device",
                 "isa-serial,chardev=s,wakeup=on") as t:
            t.qmp("cont")
            t.set_config(0xF8, 0x40, 0x601)
            t.set_config(0xF8, 0x44, 0x80, 1)
            t.outw(0x604, 0x2000 | 1 << 10)  # SLP_EN, S3
            t.event("SUSPEND")
            with socket.socket(socket.AF_UNIX) as line:
                line.connect(f"{folder}/s")
                line.sendall(b"x")
                t.event("WAKEUP")
            row("isa-serial", "wakeup", [])
    ours.close()
    theirs.close()


def chips():
    with Rig("-global", "hpet.hpet-intcap=0x10", "-global", "hpet.msi=on") as t:
        low, high = (t.number(f"readl {at:#x}") for at in (0xFED00100, 0xFED00104))
        row("hpet", "hpet-intcap msi", same([high, low >> 15 & 1], [0x10, 1]))
    row("hpet", "timers", [] if "timers" in refused("-global", "hpet.timers=4") else ["taken"])
    with Rig("-global", "i8042.kbd-irq=5", "-global", "i8042.mouse-irq=6") as t:
        t.ask("irq_intercept_in ioapic")
        for command, data in ((0x60, 3), (0xD2, 0x55)):
            t.outb(0x64, command)
            t.outb(0x60, data)
        t.ask("clock_step 1000000")
        t.inb(0x60)
        t.outb(0x64, 0xD3)
        t.outb(0x60, 0x55)
        t.ask("clock_step 1000000")
        row("i8042", "kbd-irq mouse-irq", same(
            [n in t.lines for n in ("IRQ raise 5", "IRQ raise 6")], [True, True]))
    with Rig("-global", "mc146818rtc.iobase=0x74", "-global", "mc146818rtc.irq=9", "-rtc",
             "clock=vm") as t:
        t.ask("irq_intercept_in ioapic")
        for register, value in ((0x0A, 0x26), (0x0B, 0x42)):
            t.outb(0x74, register)
            t.outb(0x75, value)
        t.ask("clock_step 2000000")
        row("mc146818rtc", "iobase irq", same("IRQ raise 9" in t.lines, True))
    lost = {}
    for policy in ("discard", "slew"):
        with Rig("-global", f"mc146818rtc.lost_tick_policy={policy}", "-rtc", "clock=vm") as t:
            for register, value in ((0x0A, 0x26), (0x0B, 0x42)):
                t.outb(0x70, register)
                t.outb(0x71, value)
            t.ask("clock_step 20000000")  # 20 ticks, none taken
            t.ask("irq_intercept_in ioapic")
            t.lines.clear()
            t.outb(0x70, 0x0C)
            for _ in range(10):
                t.inb(0x71)
                t.ask("clock_step 60000")
            lost[policy] = t.lines.count("IRQ raise 8")
    row("mc146818rtc", "lost_tick_policy", [] if lost["slew"] > lost["discard"] + 3 else [str(lost)])
    with Rig("-global", "ICH9-LPC.disable_s3=1", "-global", "ICH9-LPC.disable_s4=1") as t:
        tables = t.firmware("etc/acpi/tables")
        row("ICH9-LPC", "disable_s3 disable_s4",
            same([n in tables for n in (b"_S3_", b"_S4_", b"_S5_")], [False, False, True]))
    with Rig("-device", f"qemu-xhci,{SLOT},p2=2,p3=5") as t:
        t.set_config(BDF, 0x10, MMIO)
        t.set_config(BDF, 0x14, 0)
        t.set_config(BDF, 4, 6, 2)
        row("qemu-xhci", "p2 p3", same(t.number(f"readl {MMIO + 4:#x}") >> 24, 7))


def bridges():
    with Rig("-device", f"pcie-root-port,{SLOT},id=d,port=9,chassis=3,slot=77,hotplug=off") as t:
        at = t.config(BDF, 0x34, 1)
        while t.config(BDF, at, 1) != 0x10:
            at = t.config(BDF, at + 1, 1)
        came = t.qmp("device_add", driver="virtio-rng-pci", bus="d")
        row("pcie-root-port", "hotplug", same(
            came.get("desc"), "Bus 'd' does not support hotplugging"))
        row("pcie-root-port", "port slot", same(
            [t.config(BDF, at + 12) >> 24, t.config(BDF, at + 20) >> 19], [9, 77]))
    twice = ["-device", "pcie-root-port,chassis={},slot=1", "-device",
             "pcie-root-port,chassis=2,slot=1"]
    row("pcie-root-port", "chassis", [] if "chassis" in refused(*[w.format(2) for w in twice])
        and not refused(*[w.format(3) for w in twice]) else ["one chassis and slot twice"])
    for cls in ("pci-bridge", "pcie-pci-bridge"):
        with Rig("-device", f"{cls},{SLOT},chassis_nr=9,msi=on") as t:
            kinds = []
            at = t.config(BDF, 0x34, 1)
            while at:
                kinds.append(t.config(BDF, at, 1))
                at = t.config(BDF, at + 1, 1)
        row(cls, "msi", same(5 in kinds, True))
    row("pci-bridge", "chassis_nr", [] if "chassis" in refused("-device", "pci-bridge") else ["0"])
    row("pcie-pci-bridge", "chassis_nr", [])


def disks():
    for cls, cd in (("ide-hd", False), ("ide-cd", True)):
        with Rig("-blockdev", NULL + (",read-only=on" if cd else ""), "-device",
                 f"{cls},id=d,drive=b,serial=S3R,model=MODEL,ver=9.9,wwn=0x5000c50012345678,"
                 "bootindex=1,bus=ide.0") as t:
            words = t.ports().identify(cd)
            row(cls, "drive", same([d.get("inserted", {}).get("node-name")
                                    for d in t.qmp("query-block")], ["b"]))
            row(cls, "serial ver model", same([text(words[a:b]) for a, b in
                                               ((10, 20), (23, 27), (27, 47))],
                                              ["S3R", "9.9", "MODEL"]))
            row(cls, "bootindex", same(b"disk@0" in t.firmware("bootorder"), True))
            if cd:
                row(cls, "wwn", same(words[108:112], [0x5000, 0xC500, 0x1234, 0x5678]))
            else:
                row(cls, "wwn", same(words[108:112], [0x5000, 0xC500, 0x1234, 0x5678]))
        row(cls, "unit", [] if refused("-blockdev", NULL, "-device", f"{cls},drive=b,unit=1")
            else ["taken"])
        row(cls, "logical_block_size", [] if refused(
            "-blockdev", NULL, "-device", f"{cls},drive=b,logical_block_size=4096") else ["taken"])
    with Rig("-blockdev", NULL, "-device", "ide-hd,drive=b,physical_block_size=4096,bus=ide.0,"
             "discard_granularity=0,rotation_rate=7200,write-cache=off") as t:
        words = t.ports().identify()
        row("ide-hd", "physical_block_size", same(words[106] & 0x600F, 0x6003))
        row("ide-hd", "discard_granularity", same(words[169], 0))
        row("ide-hd", "rotation_rate", same(words[217], 7200))
        row("ide-hd", "write-cache", same(words[85] >> 5 & 1, 0))
    row("ide-hd", "share-rw", [] if refused("-blockdev", NULL, "-device", "ide-hd,drive=b",
                                            "-device", "ide-hd,drive=b") and not refused(
        "-blockdev", NULL, "-device", "ide-hd,drive=b,share-rw=on", "-device",
        "ide-hd,drive=b,share-rw=on") else ["sharing"])


# (class, properties, file below tests/, words that must be in it): observed there.
ELSEWHERE = [
    ("virtio-balloon-pci", "guest-stats-polling-interval", "virtio/balloon-test.c", "guest-stats"),
    ("ide-cd", "rerror", "monitor/ide-errors-test.py", 'f"rerror={policy}", cd=True'),
    ("ide-hd", "rerror", "monitor/ide-errors-test.py", '"read", "rerror"'),
    ("ide-hd", "werror", "monitor/ide-errors-test.py", '"write", "werror"'),
    ("virtio-net-pci", "mq", "virtio/net-test.c", "queue_pairs"),
    ("virtconsole", "name", "virtio/serial-test.c", "name"),
    ("virtserialport", "name", "virtio/serial-test.c", "name"),
]
# Of a CD-ROM drive, whose medium is only read, in sectors of 2,048 bytes: properties that every
# drive takes and that say nothing about it.
TAKEN = [("ide-cd", {"physical_block_size": 4096, "discard_granularity": 4096, "rotation_rate": 5400,
                     "werror": "ignore", "write-cache": "on",
                     "share-rw": True})]
# The board decides where its own functions are and what ROM they have.
FIXED = ["ICH9-LPC", "ICH9-SMB", "mch"]


def fixed(cls):
    with Rig("-global", f"{cls}.addr=9.0") as t:
        row(cls, "addr multifunction romfile rombar", same(
            [t.config(0, 0) & 0xFFFF, t.config(0x1F << 3, 0) & 0xFFFF, t.config(9 << 3, 0)],
            [0x8086, 0x8086, 0xFFFFFFFF]))


def taken():
    for cls, values in TAKEN:
        options = ",".join(f"{n}={'on' if v is True else v}" for n, v in values.items())
        with Rig("-blockdev", NULL, "-device", f"{cls},id=d,drive=b,{options}") as t:
            for name, value in values.items():
                row(cls, name, same(t.qmp("qom-get", path="/machine/peripheral/d", property=name),
                                    value))


def every_property():
    with Qmp(MACHINE, ["-M", "none", "-S", "-display", "none"]) as q:
        listed = {(t["name"], p["name"]) for t in q.ask("qom-list-types")
                  if t["parent"] in ("device", "sys-bus-device")
                  for p in q.ask("device-list-properties", typename=t["name"])}
        q.ask("quit")
    check("every property has a row", sorted(f"{c}.{p}" for c, p in listed - seen))
    check("every row has a property", sorted(f"{c}.{p}" for c, p in seen - listed))


for one in PCI:
    pci(one)
for one in [c for c in PCI if c.startswith("virtio")]:
    virtio(one)
for part in (balloon, blk, errors, net, offloads, flash, rng, serial, isa, wakeup, chips, bridges, disks, taken):
    part()
for one in FIXED:
    fixed(one)
for cls_, names_, path_, words_ in ELSEWHERE:
    row(cls_, names_, [] if words_ in (HERE / path_).read_text() else [f"{path_} has no {words_}"])
in_memory()
every_property()
print(f"1..{count}")
sys.exit(1 if failed else 0)
