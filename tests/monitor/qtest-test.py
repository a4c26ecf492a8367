# SPDX-License-Identifier: GPL-2.0-or-later
"""The qtest protocol, and devices driven by it register by register."""
import base64
import os
import sys

from qtest import Qtest

MACHINE = os.environ["VIV_MACHINE"]
BASE = ["-M", "q35", "-m", "64", "-nodefaults"]
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


def refused(t, command):
    return [] if t.raw(command).startswith("FAIL") else [f"{command} was taken"]


def protocol():
    with Qtest(MACHINE, BASE) as t:
        check("endianness", same(t.ask("endianness"), "little"))
        for width, letter in ((1, "b"), (2, "w"), (4, "l"), (8, "q")):
            value = 0x8877665544332211 & (1 << width * 8) - 1
            t.ask(f"write{letter} 0x1000 {value:#x}")
            check(f"write{letter}, read{letter}",
                  same(t.number(f"read{letter} 0x1000"), value) +
                  same(t.read(0x1000, width), value.to_bytes(width, "little")))
        t.write(0x2000, bytes(range(256)))
        check("write, read", same(t.read(0x2000, 256), bytes(range(256))))
        check("b64read", same(base64.b64decode(t.ask("b64read 0x2000 0x100")), bytes(range(256))))
        t.ask("b64write 0x3000 0x5 " + base64.b64encode(b"hello").decode())
        check("b64write", same(t.read(0x3000, 6), b"hello\0"))
        t.ask("memset 0x4000 0x10 0xa5")
        check("memset", same(t.read(0x3FFF, 18), b"\0" + b"\xa5" * 16 + b"\0"))
        check("nothing there reads as ones", same(t.number("readl 0xe0000000"), 0xFFFFFFFF))
        for bad in ("nosuch", "inb", "writeb 0x10", "read 0x0 0x10000000", "write 0 4 zz",
                    "irq_intercept_in", "irq_intercept_in nosuch", "irq_intercept_out ioapic",
                    "set_irq_in ioapic unnamed-gpio-in 99 1", "set_irq_in x unnamed-gpio-in 1 1"):
            check(f"refused: {bad}", refused(t, bad))


def clock():
    with Qtest(MACHINE, BASE) as t:
        check("the clock stands still", same(t.ask("clock_step 0"), t.ask("clock_step 0")))
        start = t.number("clock_step 0")
        check("clock_step", same(t.number("clock_step 1000"), start + 1000))
        check("clock_set", same(t.number(f"clock_set {start + 5000}"), start + 5000))


def pit():
    """Channel 0 at 1,000 Hz: its interrupt line, at the exact times."""
    with Qtest(MACHINE, BASE) as t:
        t.ask("irq_intercept_in ioapic")
        t.ask("clock_step 100000000")
        t.lines.clear()
        t.outb(0x43, 0x34)  # channel 0, both bytes, rate generator
        t.outb(0x40, 1193 & 255)
        t.outb(0x40, 1193 >> 8)
        t.lines.clear()
        t.ask("clock_step 10500000")
        raised = t.lines.count("IRQ raise 0")
        check("ten ticks in 10.5 ms", same(raised, 10))


def serial():
    """An interrupt when the transmitter is empty, its cause, its acknowledgement."""
    with Qtest(MACHINE, BASE + ["-serial", "null"]) as t:
        t.ask("irq_intercept_in ioapic")
        t.outb(0x3FC, 0x08)  # OUT2 lets interrupts pass
        t.outb(0x3F9, 0x02)
        t.outb(0x3F8, ord("x"))
        t.ask("clock_step 1000000")
        check("line 4 rises", same(t.lines[-1:], ["IRQ raise 4"]))
        check("transmitter empty", same(t.inb(0x3FA) & 0x0F, 0x02))
        t.inb(0x3FD)
        check("reading the cause lowers it", same(t.lines[-1:], ["IRQ lower 4"]))


def rtc():
    """Periodic interrupt of the real-time clock, through register C."""
    with Qtest(MACHINE, BASE + ["-rtc", "base=2006-06-17T16:01:21,clock=vm"]) as t:
        def register(n):
            t.outb(0x70, n)
            return t.inb(0x71)

        check("the date of -rtc", same([register(n) for n in (9, 8, 7, 4, 2)],
                                       [0x06, 0x06, 0x17, 0x16, 0x01]))
        t.ask("irq_intercept_in ioapic")
        t.outb(0x70, 0x0A)
        t.outb(0x71, 0x26)  # 1,024 Hz
        t.outb(0x70, 0x0B)
        t.outb(0x71, 0x42)
        t.lines.clear()
        t.ask("clock_step 2000000")
        check("line 8 rises", same("IRQ raise 8" in t.lines, True))
        check("register C says periodic", same(register(0x0C) & 0xC0, 0xC0))
        check("and lowers the line", same(t.lines[-1], "IRQ lower 8"))


def lines():
    with Qtest(MACHINE, BASE) as t:
        t.ask("irq_intercept_in /machine/unattached/ioapic")
        t.ask("set_irq_in ioapic unnamed-gpio-in 19 1")
        t.ask("set_irq_in ioapic unnamed-gpio-in 19 1")
        t.ask("set_irq_in ioapic unnamed-gpio-in 19 0")
        check("a line is told when it changes", same(t.lines, ["IRQ raise 19", "IRQ lower 19"]))
        # Pin 19 of the I/O APIC: a message to local APIC 0, seen in its request register.
        t.ask("writel 0xfec00000 0x36")
        t.ask("writel 0xfec00010 0x51")
        t.ask("set_irq_in ioapic unnamed-gpio-in 19 1")
        t.ask("writel 0xfec00000 0x36")
        check("its entry keeps what was written",
              same(t.number("readl 0xfec00010") & 0x1FFFF, 0x51))


def virtio():
    """A block device's queue by hand: one read request, its data, its interrupt status."""
    with Qtest(MACHINE, BASE + ["-blockdev", "driver=null-co,node-name=b,size=1048576,"
                                "read-zeroes=on", "-device",
                                "virtio-blk-pci,drive=b,addr=4,disable-modern=on"]) as t:
        bdf, port, queue = 4 << 3, 0xC000, 0x10000
        t.set_config(bdf, 0x10, port)
        t.set_config(bdf, 4, 5, 2)
        check("identity", same(t.config(bdf, 0), 0x10011AF4))
        check("capacity in sectors", same(t.inl(port + 0x14), 2048))
        t.outb(port + 0x12, 3)
        t.outl(port + 4, 0)
        t.outw(port + 0x0E, 0)
        size = t.inw(port + 0x0C)
        t.outl(port + 8, queue >> 12)
        t.outb(port + 0x12, 7)
        head, data, status = 0x20000, 0x21000, 0x22000
        t.write(head, (0).to_bytes(16, "little"))
        t.ask(f"memset {data:#x} 0x200 0xff")
        t.write(status, b"\xff")

        def descriptor(at, length, flags, following):
            return (at.to_bytes(8, "little") + length.to_bytes(4, "little") +
                    flags.to_bytes(2, "little") + following.to_bytes(2, "little"))

        t.write(queue, descriptor(head, 16, 1, 1) + descriptor(data, 512, 3, 2) +
                descriptor(status, 1, 2, 0))
        ring = queue + 16 * size
        t.write(ring, bytes(4) + bytes(2))
        t.write(ring + 2, (1).to_bytes(2, "little"))
        t.outw(port + 0x10, 0)
        used = (ring + 6 + 2 * size + 4095) & ~4095
        for _ in range(2000):
            if int.from_bytes(t.read(used + 2, 2), "little") == 1:
                break
            t.ask("clock_step 1000")
        check("the request is used", same(t.read(used + 2, 2), b"\1\0") +
              same(t.read(status, 1), b"\0"))
        check("its data", same(t.read(data, 512), bytes(512)))
        check("its interrupt status", same(t.inb(port + 0x13), 1))
        check("which reading clears", same(t.inb(port + 0x13), 0))


for part in (protocol, clock, pit, serial, rtc, lines, virtio):
    part()
print(f"1..{count}")
sys.exit(1 if failed else 0)
