#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux copies 1 GiB from one disk to another while the machine is reset in the middle of it, and
while the driver is taken from the disk and given back. The host compares."""
import time

from harness import Tap, guest, scratch
from traffic import HANG, SIZE, digest, random_file, shell

SHARE = 5   # a copy is disturbed after one part of so many


def copy(source, target):
    return f"dd if={source} of={target} bs=1M iflag=direct oflag=direct"


def wait_written(monitor, disk, more):
    """Until the guest has written `more` bytes beyond now."""
    start = monitor.written(disk)
    end = time.monotonic() + HANG
    while monitor.written(disk) < start + more:
        assert time.monotonic() < end, "the guest writes no more"
        time.sleep(0.2)


def prompt(m, how):
    m.expect(how["up"], HANG)
    for line in how["setup"]:
        status, text = m.command(line, HANG)
        assert status == 0, f"{line}: {text}"


def machine_reset(m, monitor, how):
    """In the middle of a copy the whole machine is reset."""
    m.send(copy(how["source"], how["target"]) + "\n")
    wait_written(monitor, "target", SIZE // SHARE)
    monitor.ask("system_reset")
    prompt(m, how)


def driver_reset(m, monitor, how):
    """In the middle of a copy the driver lets the device go, which resets it, and takes it back."""
    m.command("{ (%s; echo ended $? > /tmp/ended) 2>/dev/null & }" %
              copy(how["source"], how["target"]))
    wait_written(monitor, "target", SIZE // SHARE)
    for word in ("unbind", "bind"):
        status, text = m.command(f"echo {how['unit']} > {how['driver']}/{word}", HANG)
        assert status == 0, f"{word}: {text}"
    status, text = m.command("wait; cat /tmp/ended", HANG)
    assert status == 0 and "ended 0" not in text, f"the copy ended well: {text}"


def whole_copy(m, how):
    # The names of what was taken away and given back may have moved on.
    status, text = m.command(how["find"], HANG)
    assert status == 0, text
    status, text = m.command(copy("/dev/$S", "/dev/$T") + " && sync", HANG)
    assert status == 0, text


VIRTIO = {
    "name": "virtio-blk",
    "kit": ["busybox"],
    "append": "",
    "devices": ["virtio-blk-pci,drive=s,id=source", "virtio-blk-pci,drive=t,id=target"],
    "up": "BUSYBOX-UP",
    "setup": ["ls /dev/vda /dev/vdb"],
    "source": "/dev/vda", "target": "/dev/vdb",
    "driver": "/sys/bus/virtio/drivers/virtio_blk", "unit": "virtio1",
    "find": "S=vda; T=$(ls /sys/bus/virtio/devices/virtio1/block)",
}

# The two disks by their ports, whatever their names: the first port has the source.
FIND_SATA = """while [ $(ls -d /sys/block/sd* | wc -l) != 2 ]; do sleep 1; done
set -- $(for d in /sys/block/sd*; do echo $(readlink $d | grep -o "ata[0-9]*" | cut -c 4-) $d; done | sort -n)
S=${2##*/}; T=${4##*/}; ls /dev/$S /dev/$T"""

AHCI = {
    "name": "AHCI",
    "kit": ["--kernel", "linux-image-amd64", "busybox"],
    "append": "",
    "devices": ["ide-hd,drive=s,bus=ide.0,id=source", "ide-hd,drive=t,bus=ide.1,id=target"],
    "up": "BUSYBOX-UP",
    "setup": ["for m in $(cat /modules/ahci); do insmod /modules/$m.ko; done",
              *FIND_SATA.splitlines()],
    "source": "/dev/$S", "target": "/dev/$T",
    "driver": "/sys/bus/pci/drivers/ahci", "unit": "0000:00:1f.2",
    "find": "; ".join(FIND_SATA.splitlines()),
}


def run(tap, how):
    with scratch() as folder:
        random_file(folder / "source")
        with open(folder / "target", "wb") as f:
            f.truncate(SIZE)
        drives = []
        for name in ("source", "target"):
            drives += ["-blockdev", f"driver=file,filename={folder / name},node-name={name[0]}"]
        for device in how["devices"]:
            drives += ["-device", device]
        m, monitor = shell(guest(*how["kit"]), folder, drives, how["append"], "512M")
        with m:
            with tap.test(f"{how['name']}: Linux finds the disks"):
                monitor.connect()
                prompt(m, how)
            with tap.test(f"{how['name']}: the machine is reset in the middle of a copy"):
                machine_reset(m, monitor, how)
            with tap.test(f"{how['name']}: the driver resets the device in the middle of a copy"):
                driver_reset(m, monitor, how)
            with tap.test(f"{how['name']}: {SIZE >> 20} MiB are copied"):
                whole_copy(m, how)
                monitor.ask("quit")
                status = m.wait()
                assert status == 0, f"exit status {status}"
        with tap.test(f"{how['name']}: source and target are the same"):
            assert digest(folder / "source") == digest(folder / "target")


def body(tap):
    run(tap, VIRTIO)
    run(tap, AHCI)


Tap().run(body)
