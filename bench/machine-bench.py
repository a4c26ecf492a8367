# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of the machine beside QEMU's TCG: start, memory, an integer loop, a boot.

The bare-metal guests are assembled here and now; both sides run the same bytes."""
import atexit
import os
import pathlib
import random
import select
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests/boot"))
from harness import Machine, guest  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from row import IMG, MACHINE, QEMU, QEMU_IMG, BenchError, Row  # noqa: E402

HANG = 600
GUEST_HANG = 30     # seconds without a word from a device guest
BLK_READS = 8192
NET_PINGS = 4096
WORK = pathlib.Path(tempfile.mkdtemp(prefix="viv-bench-"))
atexit.register(shutil.rmtree, WORK, ignore_errors=True)
OURS = [str(MACHINE), "-accel", "interp"]
PEER = [QEMU, "-accel", "tcg"]
BARE = ["-M", "q35", "-nodefaults", "-display", "none", "-no-reboot"]

# A firmware of 64 KiB: its reset vector writes a byte to the debug console and ends the machine.
FIRST = """
    .code16
    .org 0xff00
start:
    movw $0x402, %dx
    movb $'A', %al
    outb %al, %dx
    movw $0x501, %dx
    outb %al, %dx
    hlt
    .org 0xfff0
    ljmp $0xf000, $0xff00
    .org 0x10000
"""

# A multiboot kernel: N rounds of dependent and independent integer work, then the end.
LOOP_ROUNDS = 30_000_000
LOOP = f"""
    .code32
    .section .text
    .align 4
    .long 0x1badb002, 0, -0x1badb002
    .globl _start
_start:
    movl ${LOOP_ROUNDS}, %ecx
    movl $1, %eax
    movl $7, %ebx
1:  addl %ebx, %eax
    leal 3(%eax, %ebx, 2), %edx
    xorl %edx, %ebx
    roll $5, %eax
    imull $9, %ebx, %ebx
    subl %eax, %edx
    decl %ecx
    jnz 1b
    movw $0x501, %dx
    outb %al, %dx
    hlt
"""


def built(name, text, *link):
    """Assembles text once; with link words a 32-bit ELF, else raw bytes."""
    out = WORK / name
    if not out.exists():
        source, obj = WORK / f"{name}.S", WORK / f"{name}.o"
        source.write_text(text, encoding="ascii")
        subprocess.run(["gcc", "-m32", "-c", "-o", obj, source], check=True)
        if link:
            subprocess.run(["ld", "-m", "elf_i386", *link, "-o", out, obj], check=True)
        else:
            subprocess.run(["objcopy", "-O", "binary", "-j", ".text", obj, out], check=True)
    return out


def first_instruction(program):
    """Milliseconds from starting the process to the first byte its guest writes."""
    firmware = built("first.bin", FIRST)
    argv = [*program, *BARE, "-m", "128M", "-bios", str(firmware), "-chardev",
            "stdio,id=c", "-device", "isa-debugcon,iobase=0x402,chardev=c",
            "-device", "isa-debug-exit,iobase=0x501"]
    start = time.monotonic()
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as child:
        ready = select.select([child.stdout], [], [], HANG)[0]
        took = (time.monotonic() - start) * 1000
        byte = os.read(child.stdout.fileno(), 1) if ready else b""
        child.kill()
        if byte != b"A":
            raise BenchError(f"{program[0]}: no byte from the guest: "
                             f"{child.stderr.read().decode()[:300]}")
    return took


def empty_program():
    """Milliseconds of an empty program linked with what the machine is linked with."""
    program = WORK / "empty"
    if not program.exists():
        needed = subprocess.run(["ldd", MACHINE], check=True, capture_output=True, text=True)
        libraries = [line.split()[2] for line in needed.stdout.splitlines() if "=> /" in line]
        subprocess.run(["gcc", "-xc", "-", "-xnone", "-Wl,--no-as-needed", *libraries,
                        "-o", program],
                       input="int main(void) { return 0; }\n", text=True, check=True)
    start = time.monotonic()
    subprocess.run([program], check=True)
    return (time.monotonic() - start) * 1000


def resident(program):
    """MB resident of a machine that is built and has not started its guest (-S)."""
    argv = [*program, *BARE, "-m", "128M", "-S", "-qmp", "stdio"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as child:
        if not select.select([child.stdout], [], [], HANG)[0] or not child.stdout.readline():
            child.kill()
            raise BenchError(f"{program[0]}: no QMP greeting")
        with open(f"/proc/{child.pid}/status", encoding="ascii") as f:
            kilobytes = next(int(line.split()[1]) for line in f if line.startswith("VmRSS"))
        child.kill()
    return kilobytes / 1024


def loop(program):
    """Seconds of the integer loop, the machine's start included."""
    kernel = built("loop.elf", LOOP, "-Ttext=0x100000", "-e", "_start", "-N", "--no-warn-rwx-segments")
    start = time.monotonic()
    done = subprocess.run([*program, *BARE, "-m", "128M", "-kernel", str(kernel), "-device",
                           "isa-debug-exit,iobase=0x501"], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=HANG, check=False)
    if done.returncode % 2 != 1:
        raise BenchError(f"{program[0]}: exit status {done.returncode}: "
                         f"{done.stderr.decode()[:300]}")
    return time.monotonic() - start


def device_guest(name, requests):
    """A kernel of bench/guest that makes so many requests of one device."""
    out = WORK / f"{name}.elf"
    if not out.exists():
        here = pathlib.Path(__file__).resolve().parent / "guest"
        subprocess.run(["gcc", "-m32", "-march=i686", "-O2", "-Wall", "-Wextra", "-Werror",
                        "-ffreestanding", "-fno-pic", "-fno-stack-protector",
                        "-fno-asynchronous-unwind-tables", "-fno-strict-aliasing", "-mno-sse",
                        "-fno-tree-loop-distribute-patterns", "-nostdlib", "-static", "-no-pie",
                        "-Wl,-Ttext=0x100000,-N,--no-warn-rwx-segments,--build-id=none",
                        f"-DREQUESTS={requests}", "-o", out,
                        here / "start.S", here / "virtio.c", here / f"{name}.c"], check=True)
    return out


def marked(argv):
    """Seconds between the two bytes, A and Z, that a device guest writes."""
    argv = [*argv, "-chardev", "stdio,id=c", "-device", "isa-debugcon,iobase=0xe9,chardev=c",
            "-device", "isa-debug-exit,iobase=0x501"]
    times, seen = [], b""
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as child:
        while len(seen) < 2 and select.select([child.stdout], [], [], GUEST_HANG)[0]:
            byte = os.read(child.stdout.fileno(), 1)
            if not byte:
                break
            seen += byte
            times.append(time.monotonic())
        if seen != b"AZ":
            child.kill()
        if seen != b"AZ" or child.wait(GUEST_HANG) != 1:
            raise BenchError(f"{argv[0]}: wrote {seen}, exit status {child.wait()}: "
                             f"{child.stderr.read().decode()[:300]}")
    return times[1] - times[0]


def virtio_blk(program):
    """Microseconds per 4 KiB read of a raw file (in the host's cache), one at a time."""
    disk = WORK / "blk.raw"
    if not disk.exists():
        disk.write_bytes(b"".join(n.to_bytes(4, "little").ljust(4096, b"v")
                                  for n in range(BLK_READS)))
    kernel = device_guest("blk", BLK_READS)
    return marked([*program, *BARE, "-m", "128M", "-kernel", str(kernel), "-blockdev",
                   f"driver=raw,node-name=d,file.driver=file,file.filename={disk}",
                   "-device", "virtio-blk-pci,drive=d,disable-legacy=on"]) / BLK_READS * 1e6


def user_network(program):
    """Microseconds per ping of the user network's gateway, one at a time."""
    kernel = device_guest("net", NET_PINGS)
    return marked([*program, *BARE, "-m", "128M", "-kernel", str(kernel), "-netdev", "user,id=n",
                   "-device", "virtio-net-pci,netdev=n,disable-legacy=on,mac=52:54:00:12:34:56"]
                  ) / NET_PINGS * 1e6


def boot(program):
    """Seconds from start to user space of the busybox guest."""
    kit = guest("busybox")
    with Machine([*program[1:], "-m", "256M", "-nographic", "-nic", "none", "-no-reboot",
                  "-kernel", kit / "vmlinuz", "-initrd", kit / "initrd.img",
                  "-append", "console=ttyS0 quiet viv.run=true"], program=program[0]) as m:
        m.expect("BUSYBOX-UP", HANG)
        return m.seconds()


def convert(program):
    """Seconds to convert 256 MiB of raw, half of it data, to qcow2."""
    source, target = WORK / "convert.raw", WORK / "convert.qcow2"
    if not source.exists():
        with open(source, "wb") as f:
            for n in range(128):
                f.seek(n * 2 << 20)
                f.write(os.urandom(1 << 20))
            f.truncate(256 << 20)
    target.unlink(missing_ok=True)
    start = time.monotonic()
    subprocess.run([program, "convert", "-f", "raw", "-O", "qcow2", source, target],
                   check=True, capture_output=True, timeout=HANG)
    return time.monotonic() - start


def convert_compressed(program):
    """Seconds to convert 64 MiB of text to compressed qcow2."""
    source, target = WORK / "text.raw", WORK / "text.qcow2"
    if not source.exists():
        words = pathlib.Path("/usr/include/stdio.h").read_text(encoding="utf-8").split()
        order = random.Random(1)
        text = " ".join(order.choice(words) for _ in range(8 << 20)).encode()
        source.write_bytes(text[:64 << 20].ljust(64 << 20, b"."))
    target.unlink(missing_ok=True)
    start = time.monotonic()
    subprocess.run([program, "convert", "-c", "-f", "raw", "-O", "qcow2", source, target],
                   check=True, capture_output=True, timeout=HANG)
    return time.monotonic() - start


def allocating_writes(program):
    """Seconds of 4096 writes of 64 KiB, each to a cluster of a new qcow2 image not yet there."""
    image = WORK / "writes.qcow2"
    image.unlink(missing_ok=True)
    subprocess.run([program, "create", "-f", "qcow2", image, "1G"], check=True,
                   capture_output=True, timeout=HANG)
    start = time.monotonic()
    subprocess.run([program, "bench", "-f", "qcow2", "-w", "-c", "4096", "-d", "16", "-s", "64k",
                    image], check=True, capture_output=True, timeout=HANG)
    return time.monotonic() - start


ROWS = [
    Row("start/first-instruction", "ms", lambda: first_instruction(OURS),
        lambda: first_instruction(PEER), aim="under 10 ms", needs=(MACHINE,)),
    Row("start/empty-program", "ms", empty_program, needs=(MACHINE,)),
    Row("start/resident", "MB", lambda: resident(OURS), lambda: resident(PEER),
        aim="under 12 MB", needs=(MACHINE,)),
    Row("speed/integer-loop", "s", lambda: loop(OURS), lambda: loop(PEER),
        aim="ratio under 8", needs=(MACHINE,)),
    Row("speed/busybox-boot", "s", lambda: boot(OURS), lambda: boot(PEER),
        aim="ratio under 8", needs=(MACHINE,)),
    Row("device/virtio-blk-read", "us", lambda: virtio_blk(OURS), lambda: virtio_blk(PEER),
        aim="ratio under 1", needs=(MACHINE,)),
    Row("device/user-network-ping", "us", lambda: user_network(OURS),
        lambda: user_network(PEER), aim="ratio under 1", needs=(MACHINE,)),
    Row("image/qcow2-allocating-writes", "s", lambda: allocating_writes(str(IMG)),
        lambda: allocating_writes(QEMU_IMG), aim="ratio under 1", needs=(IMG,)),
    Row("image/convert-compressed", "s", lambda: convert_compressed(str(IMG)),
        lambda: convert_compressed(QEMU_IMG), aim="ratio under 1", needs=(IMG,)),
    Row("image/convert-qcow2", "s", lambda: convert(str(IMG)), lambda: convert(QEMU_IMG),
        aim="ratio under 1", needs=(IMG,)),
]
