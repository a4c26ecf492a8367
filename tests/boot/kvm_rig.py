# SPDX-License-Identifier: GPL-2.0-or-later
"""A host with a true KVM inside an emulator: QEMU's TCG emulates AMD's SVM, so a Linux guest
under it has a /dev/kvm of its own, in which $VIV_MACHINE runs. Made of the busybox guest: its
kernel, its initrd with the modules of KVM, and behind that a second archive with /init, the
program, its libraries and what it boots."""
import os
import pathlib
import shutil
import subprocess

from harness import guest

QEMU = "qemu-system-x86_64"
FIRMWARE = "/usr/share/seabios/bios-256k.bin"
INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/rig
mount -t proc p /proc
mount -t sysfs s /sys
mount -t devtmpfs d /dev
mkdir -p /dev/shm /dev/pts
mount -t tmpfs t /dev/shm
mount -t devpts p /dev/pts
mount -t debugfs g /sys/kernel/debug
for m in $(cat /modules/kvm); do insmod /modules/$m.ko; done
[ -c /dev/kvm ] && echo RIG-READY
cd /rig
# KVM's own counters: they go away with the machine.
while sleep 1; do
    grep -q '^0$' /sys/kernel/debug/kvm/exits ||
        (cd /sys/kernel/debug/kvm; grep . exits io_exits mmio_exits halt_exits irq_injections \
             insn_emulation_fail) > /dev/shm/counts
done &
./run
echo "RIG-EXIT $?"
sed 's/^/RIG-COUNT /' /dev/shm/counts
poweroff -f
"""


def libraries(program):
    text = subprocess.run(["ldd", program], check=True, stdout=subprocess.PIPE, text=True).stdout
    words = [word for line in text.splitlines() for word in line.split()]
    return [word for word in words if word.startswith("/")]


def put(root, source, name):
    target = pathlib.Path(str(root) + name)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


def make(folder, run):
    """The rig's kernel and initrd, made in `folder`; `run` is a shell script that is run inside."""
    kit = guest("busybox")
    root = folder / "root"
    program = os.environ["VIV_MACHINE"]
    put(root, program, "/rig/viv-machine")
    for name in ("vmlinuz", "initrd.img"):
        put(root, kit / name, f"/rig/{name}")
    for path in libraries(program) + [FIRMWARE]:
        put(root, path, path)
    for name, text in (("init", INIT), ("rig/run", "#!/bin/busybox sh\n" + run)):
        (root / name).write_text(text)
        (root / name).chmod(0o755)
    initrd = folder / "rig.img"
    shutil.copy(kit / "initrd.img", initrd)
    names = "\n".join(["."] + sorted(str(p.relative_to(root)) for p in root.rglob("*")))
    with open(initrd, "ab") as out:
        subprocess.run(["cpio", "-o", "-H", "newc", "-R", "0:0", "--quiet"], cwd=root, check=True,
                       input=names.encode(), stdout=out)
    return kit / "vmlinuz", initrd


def arguments(kernel, initrd):
    return ["-accel", "tcg", "-cpu", "max", "-m", "1500", "-nographic", "-no-reboot",
            "-nic", "none", "-kernel", kernel, "-initrd", initrd,
            "-append", "console=ttyS0 panic=-1"]
