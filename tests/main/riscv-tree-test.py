#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The virt board's device tree beside QEMU's, node by node and in QEMU's order: equal, but for what
DIFFERENT gives a reason for; a reason without a difference fails too."""
import os
import pathlib
import struct
import subprocess
import sys
import tempfile

MACHINE, PEER = os.environ["VIV_MACHINE"], "qemu-system-riscv64"

# (node, property or None for all of it): why.
DIFFERENT = {
    ("/pmu", None): "Sscofpmf is not built, so counters have no events",
    ("/platform-bus@4000000", None): "nothing here plugs into a platform bus",
    ("/flash@20000000", None): "not built yet",
    ("/chosen", "rng-seed"): "random",
    ("/chosen", "linux,initrd-start"): "64 bits here: an initrd may lie above 4 GiB",
    ("/chosen", "linux,initrd-end"): "64 bits here: an initrd may lie above 4 GiB",
    ("/cpus/cpu@N", "riscv,isa"): "what is interpreted and translated: no h and zbc, but zicbom and zicboz",
    ("/cpus/cpu@N", "mmu-type"): "Sv57 is built",
    ("/cpus/cpu@N", "riscv,cbom-block-size"): "goes with zicbom",
    ("/cpus/cpu@N", "riscv,cboz-block-size"): "goes with zicboz",
    ("/soc/plic@c000000", "riscv,ndev"): "source 96 is wired to nothing",
}
HANDLES = {"interrupt-parent": (1, 0), "regmap": (1, 0), "cpu": (1, 0), "interrupts-extended": (2, 0),
           "interrupt-map": (6, 4)}  # property: cells of an entry, which of them is a phandle


def parsed(blob):
    """[(path, {property: bytes})] in the blob's order. Devicetree Specification 0.4, chapter 5."""
    magic, _, structure, strings = struct.unpack_from(">4I", blob)
    assert magic == 0xD00DFEED
    at, path, nodes, open_nodes = structure, "", [], []
    while True:
        token, = struct.unpack_from(">I", blob, at)
        at += 4
        if token == 1:
            end = blob.index(b"\0", at)
            path = f"{path.rstrip('/')}/{blob[at:end].decode()}"
            at = (end + 4) & ~3
            nodes.append((path, {}))
            open_nodes.append(nodes[-1])
        elif token == 2:
            open_nodes.pop()
            path = open_nodes[-1][0] if open_nodes else ""
        elif token == 3:
            size, name = struct.unpack_from(">2I", blob, at)
            name = blob[strings + name:blob.index(b"\0", strings + name)].decode()
            open_nodes[-1][1][name] = blob[at + 8:at + 8 + size]
            at = (at + 8 + size + 3) & ~3
        elif token == 9:
            return nodes


def named(nodes):
    """Phandles become paths, for their numbers mean nothing; and they go as properties."""
    paths = {p["phandle"]: path for path, p in nodes if "phandle" in p}
    for _, properties in nodes:
        properties.pop("phandle", None)
        for name, (entry, which) in HANDLES.items():
            if name not in properties:
                continue
            cells = [properties[name][i:i + 4] for i in range(0, len(properties[name]), 4)]
            properties[name] = [paths[c] if i % entry == which else c.hex()
                                for i, c in enumerate(cells)]
    return dict(nodes)


def tree(program, options):
    with tempfile.TemporaryDirectory(prefix="viv-tree-") as folder:
        path = pathlib.Path(folder) / "tree.dtb"
        (pathlib.Path(folder) / "kernel").write_bytes(bytes(4096))
        arch = [] if program == PEER else ["-arch", "riscv64"]
        r = subprocess.run([program, *arch, "-machine", f"virt,dumpdtb={path}", "-display", "none",
                            *(o.replace("FOLDER", folder) for o in options)],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        assert r.returncode == 0 and "dtb dumped" in r.stderr, f"status {r.returncode}: {r.stderr}"
        return named(parsed(path.read_bytes()))


def reason(path, name, used):
    path = "/cpus/cpu@N" if path.startswith("/cpus/cpu@") and path.count("/") == 2 else path
    for key in (path, name), (path, None):
        if key in DIFFERENT:
            used.add(key)
            return True
    return False


def differences(ours, theirs, used):
    for path in [*theirs, *(p for p in ours if p not in theirs)]:
        mine, yours = ours.get(path), theirs.get(path)
        if mine is None or yours is None:
            if not reason(path, None, used):
                yield f"{path} is only {'ours' if mine else 'QEMUs'}"
            continue
        for name in sorted({*mine, *yours}):
            if mine.get(name) != yours.get(name) and not reason(path, name, used):
                yield f"{path} {name}: {mine.get(name)}, QEMU's is {yours.get(name)}"
    shared = [[p for p in one if p in other] for one, other in ((ours, theirs), (theirs, ours))]
    if shared[0] != shared[1]:
        yield f"order: {shared[0]}, QEMU's is {shared[1]}"


CASES = {
    "one hart": ["-m", "128M"],
    "four harts, 4 GiB": ["-m", "4G", "-smp", "4"],
    "a kernel and its command line": ["-m", "256M", "-kernel", "FOLDER/kernel", "-initrd",
                                      "FOLDER/kernel", "-append", "console=ttyS0 x=y"],
    "no defaults": ["-m", "256M", "-nodefaults"],
}


def main():
    print(f"1..{len(CASES) + 1}")
    failed, used = 0, set()
    for n, (name, options) in enumerate(CASES.items(), 1):
        found = list(differences(tree(MACHINE, options), tree(PEER, options), used))
        print(f"{'not ok' if found else 'ok'} {n} - {name}", flush=True)
        failed += bool(found)
        for line in found:
            print(f"# {line}")
    idle = sorted(map(str, DIFFERENT.keys() - used))
    print(f"{'not ok' if idle else 'ok'} {len(CASES) + 1} - every reason explains a difference")
    for line in idle:
        print(f"# {line}")
    return failed or bool(idle)


sys.exit(main())
