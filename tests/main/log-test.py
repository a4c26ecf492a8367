# SPDX-License-Identifier: GPL-2.0-or-later
"""-d, -dfilter and -D: what each log item writes about a firmware of a few instructions."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

MACHINE = os.environ["VIV_MACHINE"]
CODE = {
    0xff00: "31 c0"              # xor ax, ax
            "8e d8"              # mov ds, ax
            "c7 06 00 01 30 ff"  # mov word [100h], ff30h
            "c7 06 02 01 00 f0"  # mov word [102h], f000h
            "b9 05 00"           # mov cx, 5
            "49"                 # ff13: dec cx
            "75 fd"              # jnz ff13
            "cd 40",             # int 40h
    0xff30: "ba 01 05"           # mov dx, 501h
            "ee f4",             # out dx, al; hlt
    0xfff0: "ea 00 ff 00 f0",    # jmp f000:ff00
}


def run(folder, *options):
    """Standard error of a run, and the log file's text or None."""
    image = bytearray(0x10000)
    for at, text in CODE.items():
        code = bytes.fromhex(text)
        image[at:at + len(code)] = code
    firmware, log = folder / "firmware", folder / "log"
    firmware.write_bytes(image)
    log.unlink(missing_ok=True)
    r = subprocess.run([MACHINE, "-accel", "interp", "-M", "q35", "-m", "16M", "-nodefaults",
                        "-display", "none", "-bios", firmware, "-device",
                        "isa-debug-exit,iobase=0x501", "-D", log, *options],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                       check=False)
    assert r.returncode == 1, f"status {r.returncode}: {r.stderr}"
    return r.stderr, log.read_text() if log.exists() else None


def nothing(folder):
    assert run(folder) == ("", None)


def in_asm(folder):
    err, log = run(folder, "-d", "in_asm")
    assert not err
    assert re.search(r"^0x000fff13:  dec +cx$", log, re.M), log
    assert re.search(r"^0x000fff16:  int +0x40$", log, re.M), log
    assert log.count("0x000fff34:") == 0 or "hlt" in log
    assert "RAX=" not in log and "Trace" not in log


def executed(folder):
    _, log = run(folder, "-d", "exec,nochain")
    starts = re.findall(r"^Trace 0: \[\w{16}/(\w{16})/\w{8}\]$", log, re.M)
    assert len(starts) == len(log.splitlines())
    assert starts.count("00000000000fff13") == 4, log
    assert starts.count("00000000000fff30") == 1, log


def registers(folder):
    _, log = run(folder, "-d", "cpu")
    seen = re.findall(r"RCX=(\w{16})", log)
    assert [int(s, 16) for s in seen][-5:-1] == [4, 3, 2, 1], seen


def filtered(folder):
    for range_ in ("0xfff13..0xfff13", "0xfff13+1", "0x1..0x2,0xfff20-0x10"):
        _, log = run(folder, "-d", "exec", "-dfilter", range_)
        assert log.splitlines() and all("/00000000000fff13/" in line
                                        for line in log.splitlines()), (range_, log)


def interrupts(folder):
    _, log = run(folder, "-d", "int")
    events = re.findall(r"^ *\d+: v=(\w\w) e=(\w{4}) i=(\d) cpl=0 IP=f000:0+ff18 ", log, re.M)
    assert events == [("40", "0000", "1")], log


def resets(folder):
    log = folder / "log"
    with subprocess.Popen([MACHINE, "-accel", "interp", "-M", "q35", "-m", "16M", "-nodefaults",
                           "-smp", "2", "-display", "none", "-S", "-qmp", "stdio",
                           "-d", "cpu_reset", "-D", log], text=True, bufsize=1,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        for command in ("qmp_capabilities", "system_reset"):
            child.stdin.write(f'{{"execute": "{command}"}}\n')
        for line in child.stdout:
            if '"RESET"' in line:
                break
        child.stdin.write('{"execute": "quit"}\n')
        child.communicate(timeout=120)
    text = log.read_text()
    assert "CPU Reset (CPU 0)\nRAX=" in text and "CPU Reset (CPU 1)\nRAX=" in text, text


def to_stderr(folder):
    image = folder / "firmware"
    r = subprocess.run([MACHINE, "-accel", "interp", "-M", "q35", "-m", "16M", "-nodefaults",
                        "-display", "none", "-bios", image, "-device",
                        "isa-debug-exit,iobase=0x501", "-d", "exec"], stdin=subprocess.DEVNULL,
                       capture_output=True, text=True, timeout=120, check=False)
    assert "/00000000000fff13/" in r.stderr


def main():
    tests = (nothing, in_asm, executed, registers, filtered, interrupts, resets, to_stderr)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="viv-log-") as folder:
        for i, test in enumerate(tests):
            try:
                test(pathlib.Path(folder))
                print(f"ok {i + 1} - {test.__name__}", flush=True)
            except (AssertionError, OSError, subprocess.TimeoutExpired) as e:
                failed += 1
                print(f"not ok {i + 1} - {test.__name__}", flush=True)
                print("\n".join("# " + line for line in str(e).splitlines()[:30]))
    print(f"1..{len(tests)}")
    return 1 if failed else 0


sys.exit(main())
