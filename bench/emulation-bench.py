# SPDX-License-Identifier: GPL-2.0-or-later
"""The translator beside QEMU's, group by group: each is a bare program for the virt board, whose own
clock says how long its work took. Both sides must come to the same checksum."""
import atexit
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from row import MACHINE, BenchError, Row

HERE = pathlib.Path(__file__).resolve().parent / "guest"
WORK = pathlib.Path(tempfile.mkdtemp(prefix="viv-emulation-"))
atexit.register(shutil.rmtree, WORK, ignore_errors=True)
HANG = 300
# VIV_BENCH_QEMU_RISCV64: another peer than Debian's.
PEER = os.environ.get("VIV_BENCH_QEMU_RISCV64", "qemu-system-riscv64")
GROUPS = {
    "integer": "ratio under 0.83", "calls": "ratio under 0.5", "memory": "ratio under 1",
    "strings": "ratio under 1", "floating": "ratio under 0.33", "system_calls": "ratio under 1",
    "page_faults": "ratio under 1", "switches": "ratio under 1", "fresh_code": "ratio under 0.2",
    "atomics": "ratio under 1",
}
sums = {}


def program(group):
    elf, image = WORK / group, WORK / f"{group}.bin"
    if not image.exists():
        subprocess.run(["clang-14", "--target=riscv64-unknown-elf", "-march=rv64gc", "-mabi=lp64d",
                        "-mcmodel=medany", "-O2", "-fno-vectorize", "-fno-builtin", "-ffreestanding",
                        "-mno-relax", "-Wall", "-Werror", "-nostdlib", "-c", f"-DGROUP={group}",
                        "-o", f"{elf}.c.o", HERE / "emulation.c"], check=True)
        subprocess.run(["riscv64-linux-gnu-as", "-march=rv64gc", "-o", f"{elf}.s.o",
                        HERE / "riscv.S"], check=True)
        subprocess.run(["riscv64-linux-gnu-ld", "--no-relax", "-Ttext=0x80200000", "-e", "_start", "-o", elf,
                        f"{elf}.s.o", f"{elf}.c.o"], check=True)
        subprocess.run(["riscv64-linux-gnu-objcopy", "-O", "binary", elf, image], check=True)
    return image


def run(argv, group):
    r = subprocess.run(argv + ["-machine", "virt", "-m", "128M", "-display", "none", "-monitor",
                               "none", "-serial", "stdio", "-no-reboot", "-kernel",
                               program(group)],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG,
                       check=False)
    m = re.search(r"^T (\d+) (\d+)$", r.stdout, re.M)
    if not m:
        raise BenchError(f"{argv[0]}: {group}: no result: {r.stdout[-300:]} {r.stderr}")
    if sums.setdefault(group, m[2]) != m[2]:
        raise BenchError(f"{argv[0]}: {group}: checksum {m[2]}, the other side has {sums[group]}")
    return int(m[1]) / 1e4


ROWS = [Row(f"emulation/riscv64-{group.replace('_', '-')}", "ms",
            lambda group=group: run([str(MACHINE), "-arch", "riscv64", "-accel", "jit"], group),
            lambda group=group: run([PEER, "-accel", "tcg"], group), aim=aim, needs=(MACHINE,))
        for group, aim in GROUPS.items()]
