#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian from its own disk through SeaBIOS, with user-mode network: a login, a TCP connection to
a server on the host's loopback, a DNS answer, a clean end and a clean disk."""
from debian import ICOUNT, fsck, login, power_off, virtio
from harness import Machine, Server, Tap, guest, own_copy, own_network, scratch


def network(tap, m, isolated):
    server = Server()
    with tap.test("a TCP connection reaches a server on the host's loopback"):
        status, text = m.command(f"exec 3<>/dev/tcp/10.0.2.2/{server.port} && cat <&3 && "
                                 "echo from the guest >&3; exec 3>&-")
        assert "hello from the host" in text, f"status {status}: {text}"
    if not isolated:
        tap.skip("DNS answers", "no name spaces of the test's own")
        return
    with tap.test("DNS answers"):
        status, text = m.command("getent ahostsv4 guest-asks.example")
        assert status == 0 and "192.0.2.7" in text, f"status {status}: {text}"


def body(tap):
    isolated = own_network()
    kit = guest("debian")
    with scratch() as folder:
        disk = own_copy(kit / "disk.img", folder)
        with Machine([*ICOUNT, "-M", "q35", "-m", "1G", "-nographic", "-no-reboot",
                      "-nic", "user,model=virtio-net-pci", *virtio(disk)]) as m:
            with tap.test("the boot loader speaks"):
                m.expect("GRUB|Debian guest")
            with tap.test("the kernel and systemd start"):
                m.expect("Welcome to .*Debian GNU/Linux 12")
            login(tap, m)
            with tap.test("the root file system is on the virtio disk"):
                status, text = m.command("findmnt -no SOURCE / && mount | grep -c '/dev/vda'")
                assert status == 0 and "/dev/vda" in text, text
            network(tap, m, isolated)
            power_off(tap, m)
        fsck(tap, disk)


Tap().run(body)
