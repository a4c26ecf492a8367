# SPDX-License-Identifier: GPL-2.0-or-later
"""The translator beside QEMU's, group by group: each is a bare program for the virt board or a PC,
whose own clock says how long its work took. Both sides must come to the same checksum."""
import atexit
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from row import MACHINE, QEMU, BenchError, Row

HERE = pathlib.Path(__file__).resolve().parent / "guest/emulation"
WORK = pathlib.Path(tempfile.mkdtemp(prefix="viv-emulation-"))
atexit.register(shutil.rmtree, WORK, ignore_errors=True)
HANG = 300
GROUPS = {
    "integer": "ratio under 0.83", "calls": "ratio under 0.5", "memory": "ratio under 1",
    "strings": "ratio under 1", "floating": "ratio under 0.33", "system_calls": "ratio under 1",
    "page_faults": "ratio under 1", "switches": "ratio under 1", "fresh_code": "ratio under 0.2",
    "atomics": "ratio under 1",
}
sums = {}


@dataclasses.dataclass(frozen=True, eq=False)
class Guest:
    """What a guest's programs are built and run with."""
    name: str
    peer: str                   # the program that runs it on the other side
    compile: tuple
    tool: str                   # prefix of the assembler and the linker
    assemble: tuple
    link: tuple
    copy: tuple
    run: tuple
    groups: dict


RISCV64 = Guest(
    "riscv64",
    # Another peer than Debian's.
    os.environ.get("VIV_BENCH_QEMU_RISCV64", "qemu-system-riscv64"),
    ("--target=riscv64-unknown-elf", "-march=rv64gc", "-mabi=lp64d", "-mcmodel=medany",
     "-mno-relax"),
    "riscv64-linux-gnu-", ("-march=rv64gc",),
    ("--no-relax", "-Ttext=0x80200000"), ("-O", "binary"),
    ("-machine", "virt"), GROUPS)
X86_64 = Guest(
    "x86_64",
    os.environ.get("VIV_BENCH_QEMU_X86_64", QEMU),
    ("--target=x86_64-unknown-elf", "-fno-pic", "-mno-red-zone"),
    "", ("--64",),
    ("-Ttext=0x100000", "-z", "noexecstack", "-N", "--no-warn-rwx-segments"),
    ("-O", "elf32-i386"),
    ("-machine", "q35", "-cpu", "qemu64", "-net", "none", "-vga", "none"),
    GROUPS | {"memory": "ratio under 0.33", "strings": "ratio under 0.33",
              "vectors": "ratio under 1"})


def program(guest, group):
    elf, image = WORK / f"{guest.name}-{group}", WORK / f"{guest.name}-{group}.bin"
    if not image.exists():
        subprocess.run(["clang-14", *guest.compile, "-O2", "-fno-vectorize", "-fno-builtin",
                        "-ffreestanding", "-Wall", "-Werror", "-nostdlib", "-c",
                        f"-DGROUP={group}", "-o", f"{elf}.c.o", HERE / "work.c"], check=True)
        subprocess.run([f"{guest.tool}as", *guest.assemble, "-o", f"{elf}.s.o",
                        HERE / f"{guest.name}.S"], check=True)
        subprocess.run([f"{guest.tool}ld", *guest.link, "-e", "_start", "-o", elf, f"{elf}.s.o",
                        f"{elf}.c.o"], check=True)
        subprocess.run([f"{guest.tool}objcopy", *guest.copy, elf, image], check=True)
    return image


def run(argv, guest, group):
    r = subprocess.run(argv + [*guest.run, "-m", "128M", "-display", "none", "-monitor", "none",
                               "-serial", "stdio", "-no-reboot", "-kernel",
                               program(guest, group)],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=HANG,
                       check=False)
    m = re.search(r"^T (\d+) (\d+)$", r.stdout, re.M)
    if not m:
        raise BenchError(f"{argv[0]}: {group}: no result: {r.stdout[-300:]} {r.stderr}")
    if sums.setdefault((guest, group), m[2]) != m[2]:
        raise BenchError(f"{argv[0]}: {group}: checksum {m[2]}, the other side has "
                         f"{sums[guest, group]}")
    return int(m[1]) / 1e4


def row(guest, group):
    return Row(f"emulation/{guest.name}-{group.replace('_', '-')}", "ms",
               lambda: run([str(MACHINE), "-arch", guest.name, "-accel", "jit"], guest, group),
               lambda: run([guest.peer, "-accel", "tcg"], guest, group),
               aim=guest.groups[group], needs=(MACHINE,))


ROWS = [row(guest, group) for guest in (RISCV64, X86_64) for group in guest.groups]
