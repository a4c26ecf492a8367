# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest finds the same machine as in QEMU 7.2 with the same options: PCI functions (place,
identity, interrupt pin, BARs, capabilities) by a scan through the configuration ports, and ACPI
tables through fw_cfg, compared in what they mean. Each difference is named here with its reason; an
unnamed one fails, and so does a name that no longer stands for a difference."""
import os
import re
import sys

import acpi
from qtest import Qtest

MACHINE = os.environ["VIV_MACHINE"]
QEMU = os.environ.get("QEMU", "qemu-system-x86_64")
ARGS = ["-M", "q35,smm=off", "-m", "256", "-nodefaults", "-smp", "2",
        "-device", "pcie-root-port,id=rp0,chassis=1,slot=1,addr=2.0,multifunction=on",
        "-device", "pcie-root-port,id=rp1,chassis=2,slot=2,addr=2.1",
        "-device", "pcie-pci-bridge,id=br,bus=rp1", "-device", "virtio-rng-pci,bus=rp0",
        "-netdev", "user,id=n0", "-device", "virtio-net-pci,netdev=n0,addr=3",
        "-blockdev", "driver=null-co,node-name=b0,size=1048576",
        "-device", "virtio-blk-pci,drive=b0,addr=4", "-device", "virtio-serial-pci,addr=5",
        "-device", "virtio-balloon-pci,addr=6", "-device", "qemu-xhci,addr=7",
        "-device", "ahci,id=ah,addr=8", "-device", "pci-testdev,addr=9",
        "-device", "virtio-rng-pci,bus=br,addr=1,disable-modern=on"]

# (device and what of it, reason)
PCI_NAMED = [
    (r"1af4:1000 .* BAR 0", "our legacy window of a card shows the whole of its configuration"),
    (r"1af4:1002 .* BAR 0", "the balloon has no page poison word yet"),
    (r"1b36:000c .* express link", "no link is modelled: speed and width differ"),
    (r"1af4:1044 .* express device", "a function resets with its port, not by itself (FLR)"),
    (r"1b36:000e .* (BAR 0|capability 0c)", "the bridge's hot-plug controller is not built yet"),
    (r"1b36:000e .* capability (01|05)", "the bridge sends no interrupts and has no power states"),
    (r"1b36:000d .* (BAR 2|MSI-X)", "xHCI's MSI-X table has a BAR of its own"),
    (r"1b36:000d .* (capability 10|express)", "xHCI on the root bus has no Express capability yet"),
]
# (path, reason)
ACPI_NAMED = [
    (r"\\(DBG|DBG-fields1|DBUG)$", "QEMU's method that prints on its debug port"),
    (r"\.(BSEL|ASUN|_DSM|_SUN|_EJ0|DVNT|PCNT|PCEJ|AIDX|PDSM|PCST|SEJ|BNMR|BLCK|PCST-fields1|"
     r"SEJ-fields2|BNMR-fields3)$|PCI0\.PHPR|_GPE\._E01|_GPE\._HID|PCI0\.S1[01]\.S00",
     "PCI hot-plug through ACPI is not built yet"),
    (r"PCI0\._OSC$", "hot-plug is the PCI Express ports' own; QEMU keeps it for ACPI"),
    (r"PCI0\.PRES|CPUS\.(CTFY|CSTA|CEJ0|CSCN|COST)$|CPUS\.C...\.(_MAT|_OST|_STA)$|_GPE\._E02",
     "CPU hot-plug is not built yet: every CPU is there"),
    (r"CPUS\.C...($|\._HID|\._UID)", "CPUs are devices; Processor() left ACPI with revision 6.0"),
    (r"HPET\.(_STA|HPTM|HPTM-fields1)$", "our HPET is there when its device is"),
    (r"RTC\._STA", "ours says that the clock is there, QEMU leaves it to the default"),
    (r"PCI0\.(SFA|SFB)(\._ADR)?$", "QEMU names functions by what may be plugged there"),
]
count, failed = 0, 0


def check(name, problems):
    global count, failed
    count += 1
    for p in problems[:40]:
        print(f"# {p}")
    print(f"{'not ok' if problems else 'ok'} {count} - {name}", flush=True)
    failed += bool(problems)


def both(look):
    results = []
    for program in (MACHINE, QEMU):
        with Qtest(program, ARGS) as t:
            results.append(look(t))
    return results


def judge(what, differences, named):
    """Each difference has a name, each name a difference."""
    used = set()
    unnamed = []
    for text in differences:
        rules = [i for i, (pattern, _) in enumerate(named) if re.search(pattern, text)]
        used.update(rules)
        if not rules:
            unnamed.append(text)
    check(f"{what}: no difference without a name", unnamed)
    check(f"{what}: no name without a difference",
          [reason for i, (_, reason) in enumerate(named) if i not in used])
    for i in sorted(used):
        print(f"# named: {named[i][1]}")


# ---- PCI ----

def bars(t, bdf, bridge):
    """Register -> (kind, size) of every BAR."""
    found = {}
    for n in list(range(2 if bridge else 6)) + ["ROM"]:
        offset = (0x38 if bridge else 0x30) if n == "ROM" else 0x10 + 4 * n
        t.set_config(bdf, offset, 0xFFFFFFFE if n == "ROM" else 0xFFFFFFFF)
        value = t.config(bdf, offset)
        t.set_config(bdf, offset, 0)
        mask = 0xFFFFF800 if n == "ROM" else 0xFFFFFFFC if value & 1 else 0xFFFFFFF0
        if value & mask and value != 0xFFFFFFFF:
            found[f"BAR {n}"] = (0 if n == "ROM" else value & ~mask,
                                 (~(value & mask) + 1) & 0xFFFFFFFF)
    return found


def capability(t, bdf, kind, at):
    """Name -> meaning of one capability, or of its parts."""
    def half(offset):
        return t.config(bdf, at + offset, 2)

    name = f"capability {kind:02x}"
    if kind == 0x11:
        return {"MSI-X vectors": half(2) & 0x7FF, "MSI-X table BAR": half(4) & 7,
                "MSI-X pending BAR": half(8) & 7}
    if kind == 0x10:
        return {"express version and type": half(2) & 0x1FF,
                "express device": t.config(bdf, at + 4) & 0x10000FFF,
                "express link": (t.config(bdf, at + 12) & 0x3FF, half(18) & 0x3FF),
                "express slot number": t.config(bdf, at + 20) >> 19}
    if kind == 0x09:
        cfg = t.config(bdf, at + 3, 1)
        return {f"virtio area {cfg}": (t.config(bdf, at + 4, 1), t.config(bdf, at + 8),
                                       t.config(bdf, at + 12) if cfg != 2 else "any")}
    words = {0x01: [2], 0x05: [2], 0x0D: [4, 6], 0x12: [2, 4], 0x0C: []}.get(kind, [2])
    return {name: tuple(half(w) for w in words)}


def capabilities(t, bdf):
    found = {}
    at = t.config(bdf, 0x34, 1) & 0xFC
    for _ in range(48):
        if not at:
            break
        found.update(capability(t, bdf, t.config(bdf, at, 1), at))
        at = t.config(bdf, at + 1, 1) & 0xFC
    return found


def scan(t):
    found = {}
    for bus in t.number_buses():
        for bdf in t.functions(bus):
            bridge = t.config(bdf, 0x0E, 1) & 0x7F == 1
            one = {"class and revision": f"{t.config(bdf, 8):08x}",
                   "header type": t.config(bdf, 0x0E, 1), "pin": t.config(bdf, 0x3D, 1)}
            if not bridge:
                one["subsystem"] = f"{t.config(bdf, 0x2c):08x}"
            one.update(bars(t, bdf, bridge))
            one.update(capabilities(t, bdf))
            ids = t.config(bdf, 0)
            place = f"{bdf >> 8:02x}:{bdf >> 3 & 31:02x}.{bdf & 7}"
            found[f"{ids & 0xffff:04x}:{ids >> 16:04x} {place}"] = one
    return found


def pci():
    ours, theirs = both(scan)
    differences = []
    for name in sorted(set(ours) | set(theirs)):
        if name not in ours or name not in theirs:
            differences.append(f"{name} only in {'ours' if name in ours else 'QEMU'}")
            continue
        a, b = ours[name], theirs[name]
        differences += [f"{name} {key}: {a.get(key)}, QEMU {b.get(key)}"
                        for key in sorted(set(a) | set(b)) if a.get(key) != b.get(key)]
    check("functions on every bus", [] if len(theirs) > 14 else [str(sorted(theirs))])
    judge("PCI", differences, PCI_NAMED)


# ---- ACPI ----

def tables():
    ours, theirs = both(acpi.tables)
    check("the same tables in the same order",
          [] if ours["order"] == theirs["order"] else [f"{ours['order']}, QEMU {theirs['order']}"])
    check("checksums", acpi.checksums(ours))
    ours, theirs = acpi.disassemble(ours), acpi.disassemble(theirs)
    for name in sorted(set(theirs) - {"DSDT"}):
        a, b = ours.get(name, "").split("\n"), theirs[name].split("\n")
        lines = [(x, y) for x, y in zip(a, b) if x != y and not re.match(
            r"(Address|DSDT|FACS) Address|Address : 0000000004", x)]
        check(f"table {name} means the same", [f"{x} / QEMU {y}" for x, y in lines] +
              ([] if len(a) == len(b) else [f"{len(a)} lines, QEMU {len(b)}"]))
    a, b = acpi.namespace(ours["DSDT"]), acpi.namespace(theirs["DSDT"])
    judge("DSDT", [path for path in sorted(set(a) | set(b)) if a.get(path) != b.get(path)],
          ACPI_NAMED)


pci()
tables()
print(f"1..{count}")
sys.exit(1 if failed else 0)
