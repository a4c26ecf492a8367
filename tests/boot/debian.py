# SPDX-License-Identifier: GPL-2.0-or-later
"""What the boots of the Debian guest share."""
import subprocess

from harness import Machine, guest, own_copy, scratch

PROMPT = r"root@guest:~# $"
DISK_START = 33 << 20           # the root file system's offset, see tools/guests/debian.sh
OVMF = "/usr/share/OVMF/OVMF_CODE.fd"


def virtio(disk):
    return ["-drive", f"file={disk},format=raw,if=virtio"]


def login(tap, m, how="root is logged in"):
    with tap.test(how):
        m.expect(PROMPT)


def power_off(tap, m):
    with tap.test("powers off"):
        m.send("poweroff\n")
        m.expect("Power down")
        status = m.wait()
        assert status == 0, f"exit status {status}"


def fsck(tap, disk):
    with tap.test("the root file system is clean"):
        run = subprocess.run(["e2fsck", "-fn", f"{disk}?offset={DISK_START}"],
                             capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout + run.stderr


# Time is the count of instructions, so that a slow machine meets the guest's own time limits.
ICOUNT = ["-icount", "shift=3"]


def boot(tap, options=(), attach=virtio, kit=None, inside=None, icount=True):
    """Debian to its login, `inside(tap, m)` there, power-off and a look at the file system."""
    options = [*options, *(ICOUNT if icount else [])]
    kit = kit or guest("debian")
    with scratch() as folder:
        disk = own_copy(kit / "disk.img", folder)
        with Machine(["-M", "q35", "-m", "1G", "-nographic", "-no-reboot", "-nic",
                      "user,model=virtio-net-pci", *options, *attach(disk)]) as m:
            login(tap, m)
            if inside:
                inside(tap, m)
            power_off(tap, m)
        fsck(tap, disk)
