#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A supervisor's program on the virt board through OpenSBI: interpreted, translated and on QEMU it
prints the same."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

MACHINE = os.environ["VIV_MACHINE"]
SOURCE = pathlib.Path(__file__).with_name("riscv.S")
PARTS = ["sum", "float", "atomic", "ten", "paged", "written", "fault"]


def assembled(folder):
    """The program as it is loaded."""
    obj, elf, image = (folder / name for name in ("riscv.o", "riscv.elf", "riscv.bin"))
    tool = "riscv64-linux-gnu-"
    subprocess.run([tool + "as", "-march=rv64gc", "-o", obj, SOURCE], check=True)
    subprocess.run([tool + "ld", "--no-relax", "-Ttext=0x80200000", "-e", "start", "-o", elf, obj], check=True)
    subprocess.run([tool + "objcopy", "-O", "binary", elf, image], check=True)
    return image


def run(program, image, *options):
    arch = [] if "qemu" in program else ["-arch", "riscv64"]
    r = subprocess.run([program, *arch, "-machine", "virt", "-m", "64M", "-nographic", "-no-reboot",
                        "-monitor", "none", "-serial", "stdio", "-kernel", image, *options],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=180,
                       check=False)
    assert r.returncode == 0, f"status {r.returncode}: {r.stdout[-500:]} {r.stderr}"
    return re.findall(r"^(?:%s|harts)\b.*$" % "|".join(PARTS), r.stdout, re.M)


def listed(image, folder):
    """Each unit is in the log as the guest's code, operations and the host's code, and perf is told
    where that lies."""
    log = folder / "log"
    with subprocess.Popen([MACHINE, "-arch", "riscv64", "-machine", "virt", "-m", "64M", "-nographic",
                           "-no-reboot", "-monitor", "none", "-serial", "stdio", "-kernel", image,
                           "-accel", "jit,perf-map=on", "-d", "in_asm,op,op_opt,out_asm", "-D", log],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as p:
        perf = pathlib.Path(f"/tmp/perf-{p.pid}.map")
        try:
            assert p.wait(timeout=180) == 0, p.returncode
            places = perf.read_text().splitlines()
        finally:
            perf.unlink(missing_ok=True)
    units = log.read_text().split("----------------\n")[1:]
    assert len(units) > 50 and len(units) == len(places), (len(units), len(places))
    for unit, place in zip(units, places):
        found = re.fullmatch(r"IN:\n(0x[0-9a-f]+):  [0-9a-f ]+\n(?:0x.*\n)*\n"
                             r"OP:\n ---- .*\n(?: .*\n)+\n"
                             r"OP after optimization:\n ---- .*\n(?: .*\n)+\n"
                             r"OUT: \[size=([0-9]+)\]\n0x([0-9a-f]+):  cmp dword ptr .*\n"
                             r"(?:0x.*\n)+\n", unit)
        assert found, unit
        at, size, name = place.split()
        assert int(name.removeprefix("riscv64:"), 16) == int(found[1], 16), (place, unit)
        assert (int(at, 16), int(size, 16)) == (int(found[3], 16), int(found[2])), (place, unit)


def main():
    ways = {
        "interpreted": ["-accel", "interp"],
        "translated": ["-accel", "jit"],
        "by tcg's name, two CPUs": ["-accel", "tcg", "-smp", "2"],
        "interpreted, two CPUs": ["-accel", "interp", "-smp", "2"],
        "counted": ["-accel", "jit", "-icount", "shift=0"],
        "counted, two CPUs": ["-accel", "jit", "-icount", "shift=0", "-smp", "2"],
        "one instruction a unit": ["-accel", "jit,one-insn-per-tb=on"],
        "1 MiB for code": ["-accel", "jit,tb-size=1"],
        "checked by the interpreter": ["-accel", "jit,check=on"],
    }
    print(f"1..{len(ways) + 2}")
    failed = 0
    with tempfile.TemporaryDirectory(prefix="viv-riscv-") as name:
        image = assembled(pathlib.Path(name))
        peer = run("qemu-system-riscv64", image, "-smp", "2")
        ok = [line.split()[0] for line in peer] == PARTS + ["harts"]
        print(f"{'ok' if ok else 'not ok'} 1 - QEMU runs every part")
        failed += not ok
        for n, (way, options) in enumerate(ways.items(), 2):
            try:
                got = run(MACHINE, image, *options)
                want = peer if "-smp" in options else peer[:-1]
                ok = got == want
                if not ok:
                    print(f"# {got}\n# QEMU: {want}")
            except (AssertionError, subprocess.TimeoutExpired) as e:
                ok = False
                print("# " + str(e).replace("\n", "\n# "))
            print(f"{'ok' if ok else 'not ok'} {n} - {way}")
            failed += not ok
        try:
            listed(image, pathlib.Path(name))
            print(f"ok {len(ways) + 2} - listings of translated code")
        except (AssertionError, OSError, subprocess.TimeoutExpired) as e:
            print("# " + str(e).replace("\n", "\n# "))
            print(f"not ok {len(ways) + 2} - listings of translated code")
            failed += 1
    return failed != 0


sys.exit(main())
