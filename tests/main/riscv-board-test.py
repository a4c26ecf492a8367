#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Registers of the virt board's devices: what QEMU's answer, poked the same way."""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "monitor"))
from qtest import Qtest  # noqa: E402

MACHINE, PEER = os.environ["VIV_MACHINE"], "qemu-system-riscv64"
SLOTS = [0x10001000 + n * 0x1000 for n in range(8)]
VIRTIO = ["-device", "virtio-rng-device", "-blockdev", "driver=null-co,node-name=n,size=1048576,read-zeroes=on",
          "-device", "virtio-blk-device,drive=n"]


def slots(t):
    """Who is where, and an empty slot."""
    for base in SLOTS:
        for off in 0, 4, 8, 0xc:
            yield t.number(f"readl {base + off:#x}")
    for off in 0x10, 0x34, 0x60, 0x70, 0x100:
        yield t.number(f"readl {SLOTS[0] + off:#x}")


def transport(t):
    """A driver's way through the block device's registers. Not QueueNumMax: QEMU says 1024 for each
    queue, ours says what the queue takes."""
    base = SLOTS[6]

    def read(off, width="l"):
        return t.number(f"read{width} {base + off:#x}")

    def write(off, value):
        t.ask(f"writel {base + off:#x} {value:#x}")

    yield from (read(off) for off in (0x44, 0x60, 0x70))
    for off in 0x104, 0x108, 0x10c, 0x114:  # capacity's high half, size_max, seg_max, block size
        yield read(off)
    yield read(0x100), read(0x100, "b"), read(0x101, "b"), read(0x100, "w")
    write(0x70, 1)
    yield read(0x70)
    write(0x70, 3)
    yield read(0x70)
    write(0x30, 40)
    yield read(0x34)
    write(0x70, 0)
    yield read(0x70), read(0x60)


def features(t):
    """The rings' bits, and VIRTIO 1's where it was asked for."""
    for select in 0, 1:
        t.ask(f"writel {SLOTS[7] + 0x14:#x} {select}")
        value = t.number(f"readl {SLOTS[7] + 0x10:#x}")
        # Of the rings and the transport, what is built; the rest differs by what is not.
        yield value & (0x30000000 if select == 0 else 1)


def modern(t):
    """What only VIRTIO 1 has. Not the address of shared memory that is not there: QEMU says 0 and
    VIRTIO 1.2, 4.2.2 says -1."""
    base = SLOTS[7]
    t.ask(f"writel {base + 0x30:#x} 0")
    for off in 0x44, 0x40, 0xb0, 0xb4, 0xfc:
        yield t.number(f"readl {base + off:#x}")
    t.ask(f"writel {base + 0x70:#x} 3")
    t.ask(f"writel {base + 0x24:#x} 1")
    t.ask(f"writel {base + 0x20:#x} 1")
    t.ask(f"writel {base + 0x70:#x} 0xb")
    yield t.number(f"readl {base + 0x70:#x}")
    t.ask(f"writel {base + 0x38:#x} 8")
    for off, value in (0x80, 0x80100000), (0x90, 0x80104000), (0xa0, 0x80108000):
        t.ask(f"writel {base + off:#x} {value:#x}")
    t.ask(f"writel {base + 0x44:#x} 1")
    yield t.number(f"readl {base + 0x44:#x}")


ECAM, LOW, HIGH, PORTS = 0x30000000, 0x40000000, 0x400000000, 0x3000000


def pcie(t):
    """Configuration space of the host, of a function with BARs in every window, of nobody."""
    for slot, offsets in (0, (0, 4, 8, 0xc, 0x2c, 0x3c)), (1, (0, 8, 0xc, 0x10, 0x2c)), (2, (0,)):
        for off in offsets:
            yield t.number(f"readl {ECAM + (slot << 15) + off:#x}")
    yield t.number(f"readw {ECAM + 2:#x}"), t.number(f"readb {ECAM + 0x8003:#x}")
    yield t.number(f"readl {ECAM + (1 << 20):#x}")
    for place in LOW, HIGH, PORTS + 0x1000:
        yield t.number(f"readl {place:#x}")
        t.ask(f"writel {place:#x} 0x12345678")
    config = ECAM + (1 << 15)
    for bar in 0x10, 0x14, 0x20, 0x24:
        t.ask(f"writel {config + bar:#x} 0xffffffff")
    yield t.number(f"readl {config + 0x20:#x}") & 0xF, t.number(f"readl {config + 0x24:#x}")
    for bar, value in (0x10, 0x1000), (0x14, LOW), (0x20, HIGH & 0xFFFFFFFF), (0x24, HIGH >> 32), (4, 7):
        t.ask(f"writel {config + bar:#x} {value:#x}")
    t.ask(f"writeb {HIGH + 0x14:#x} 3")
    yield t.number(f"readb {HIGH + 0x14:#x}"), t.number(f"readb {PORTS + 0x1012:#x}")


def clock(t):
    """The RTC, at a date that stands still."""
    base = 0x101000
    yield t.number(f"readl {base:#x}"), t.number(f"readl {base + 4:#x}")
    yield [t.number(f"readl {base + off:#x}") for off in (8, 0xc, 0x10, 0x14, 0x18, 0x1c, 0x20)]
    for off, value in (0x10, 1), (0xc, 0x7fffffff), (8, 0x12345678):
        t.ask(f"writel {base + off:#x} {value:#x}")
    yield [t.number(f"readl {base + off:#x}") for off in (8, 0xc, 0x10, 0x18)]
    t.ask(f"writel {base + 0x14:#x} 1")
    yield t.number(f"readl {base + 0x18:#x}")
    t.ask(f"writel {base + 4:#x} 0x11223344")
    t.ask(f"writel {base:#x} 0x55667788")
    yield t.number(f"readl {base:#x}"), t.number(f"readl {base + 4:#x}")


def configuration(t):
    """fw_cfg: the signature by every width, what is built of the items, the DMA interface."""
    base = 0x10100000
    t.ask(f"writew {base + 8:#x} 0")
    yield [t.number(f"read{w} {base:#x}") for w in "bwbll"]
    t.ask(f"writew {base + 8:#x} 0")
    yield t.number(f"readq {base:#x}")
    for key in 1, 5:  # the features, the harts
        t.ask(f"writew {base + 8:#x} {key << 8:#x}")
        yield t.number(f"readw {base:#x}"), t.number(f"readl {base:#x}")
    yield t.number(f"readq {base + 16:#x}"), t.number(f"readl {base + 20:#x}")
    t.ask("write 0x80001000 0x10 0x0005000a00000004" + "0000000080002000")
    t.ask(f"writeq {base + 16:#x} 0x0010008000000000")
    yield t.read(0x80001000, 4), t.read(0x80002000, 4)


MODERN = ["-global", "virtio-mmio.force-legacy=off"]
CASES = [("virtio-mmio slots", slots, VIRTIO), ("virtio-mmio slots, VIRTIO 1", slots, VIRTIO + MODERN),
         ("virtio-mmio registers", transport, VIRTIO),
         ("virtio-mmio features", features, VIRTIO),
         ("virtio-mmio features, VIRTIO 1", features, VIRTIO + MODERN),
         ("virtio-mmio registers of VIRTIO 1", modern, VIRTIO + MODERN),
         ("PCI Express", pcie, ["-device", "virtio-rng-pci"]),
         ("Goldfish RTC", clock, ["-rtc", "base=2021-02-03T04:05:06,clock=vm"]),
         ("fw_cfg", configuration, ["-smp", "3"])]


def answers(program, ask, options):
    arch = [] if program == PEER else ["-arch", "riscv64"]
    with Qtest(program, [*arch, "-machine", "virt", "-m", "64M", "-nodefaults", *options]) as t:
        return list(ask(t))


def main():
    print(f"1..{len(CASES)}")
    failed = 0
    for n, (name, ask, options) in enumerate(CASES, 1):
        ours, theirs = answers(MACHINE, ask, options), answers(PEER, ask, options)
        ok = bool(ours) and ours == theirs
        print(f"{'ok' if ok else 'not ok'} {n} - {name}", flush=True)
        if not ok:
            print(f"# ours   {ours}\n# QEMU's {theirs}")
        failed += not ok
    return failed != 0


sys.exit(main())
