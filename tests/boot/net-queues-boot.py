#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""virtio-net with two queue pairs on a tap interface under Linux: a checksummed transfer each way,
with the offloads both ends have, and interrupts on both pairs."""
import hashlib
import os
import re
import socket
import subprocess
import threading

from harness import Machine, Tap, guest, own_network

HOST, GUEST, PORT = "192.168.9.1", "192.168.9.2", 9
SIZE = 4 << 20
MAKE_TAP = f"""ip tuntap add dev tap0 mode tap multi_queue vnet_hdr
ip addr add {HOST}/24 dev tap0
ip link set tap0 up"""
COMMAND = (f"ls /sys/class/net/eth0/queues; ip addr add {GUEST}/24 dev eth0; ip link set eth0 up; "
           f"nc {HOST} {PORT} > /tmp/x; md5sum /tmp/x; nc {HOST} {PORT} < /tmp/x; "
           "cat /proc/interrupts; echo features $(cat /sys/class/net/eth0/device/features)")


class Echo(threading.Thread):
    """Gives the first peer `data`; keeps the hash of what the second one sends."""

    def __init__(self, data):
        super().__init__(daemon=True)
        self.data = data
        self.came_back = None
        self.socket = socket.create_server((HOST, PORT))
        self.start()

    def run(self):
        peer, _ = self.socket.accept()
        with peer:
            peer.sendall(self.data)
        peer, _ = self.socket.accept()
        digest = hashlib.md5()
        with peer:
            while piece := peer.recv(1 << 16):
                digest.update(piece)
        self.came_back = digest.hexdigest()


def interrupts(text, name):
    """How many, on all CPUs, of the line that ends in `name`."""
    line = re.search(rf"\d+:([\d ]+) PCI-MSI.*{re.escape(name)}\r?\n", text)
    return sum(map(int, line[1].split())) if line else 0


def body(tap):
    if not os.path.exists("/dev/net/tun") or not own_network():
        tap.skip("several queues", "no tap interface of the test's own")
        return
    for line in MAKE_TAP.splitlines():
        subprocess.run(line.split(), check=True)
    data = os.urandom(SIZE)
    digest = hashlib.md5(data).hexdigest()
    echo = Echo(data)
    kit = guest("busybox")
    with Machine(["-smp", "2", "-m", "256M", "-nographic", "-no-reboot",
                  "-netdev", "tap,id=n0,ifname=tap0,queues=2,script=no,downscript=no",
                  "-device", "virtio-net-pci,netdev=n0,mq=on",
                  "-kernel", kit / "vmlinuz", "-initrd", kit / "initrd.img",
                  "-append", f'console=ttyS0 panic=-1 viv.run="{COMMAND}"']) as m:
        with tap.test("Linux finds two queue pairs"):
            m.expect("rx-0 +rx-1 +tx-0 +tx-1")
        with tap.test("data arrives as it was sent"):
            m.expect(f"{digest}  /tmp/x")
        with tap.test("and comes back"):
            features = m.expect("features ([01]{64})")[1].decode()
            m.expect("VIV-EXIT 0")
            assert echo.came_back == digest, echo.came_back
        with tap.test("both pairs were used"):
            for pair in range(2):
                count = interrupts(m.text(), f"virtio0-input.{pair}")
                assert count > 0, f"no interrupt of pair {pair}"
        with tap.test("checksums and segments were left to the host"):
            assert features[0:2] == "11" and features[7:9] == "11", features
            assert features[11:13] == "11" and features[22] == "1", features
        with tap.test("powers off"):
            status = m.wait()
            assert status == 0, f"exit status {status}"


Tap().run(body)
