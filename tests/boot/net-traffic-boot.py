#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux sends a disk of 1 GiB to the host, and takes one from it, by TCP over virtio-net, by the
user-mode network and by a tap interface, while the driver lets the card go, which resets it, and
takes it back in the middle."""
import hashlib
import os
import socket
import subprocess
import threading
import time

from harness import BootError, Tap, guest, own_network, scratch
from traffic import HANG, PIECE, SIZE, digest, random_file, shell

DRIVER = "/sys/bus/virtio/drivers/virtio_net"
MAKE_TAP = """ip tuntap add dev tap0 mode tap vnet_hdr
ip addr add 192.168.9.1/24 dev tap0
ip link set tap0 up"""

USER = {
    "name": "user",
    "netdev": "user,id=n",
    "listen": "127.0.0.1",      # where the host's end is, and what the guest calls it
    "host": "10.0.2.2",
    "guest": "10.0.2.15",
    "make": "",
}
TAP = {
    "name": "tap",
    "netdev": "tap,id=n,ifname=tap0,script=no,downscript=no",
    "listen": "192.168.9.1",
    "host": "192.168.9.1",
    "guest": "192.168.9.2",
    "make": MAKE_TAP,
}


class Peer(threading.Thread):
    """One connection on the host: `serve` moves its bytes, and counts them in `moved`."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.moved = 0
        self.socket = socket.create_server((address, 0))
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        peer, _ = self.socket.accept()
        with peer:
            self.serve(peer)

    def wait_moved(self, count):
        end = time.monotonic() + HANG
        while self.moved < count:
            if time.monotonic() > end:
                raise BootError(f"{self.moved} bytes of {count} came through")
            time.sleep(0.2)


class Taker(Peer):
    """Takes a stream and keeps its digest."""

    def serve(self, peer):
        self.digest = hashlib.sha256()
        while piece := peer.recv(PIECE):
            self.digest.update(piece)
            self.moved += len(piece)


class Giver(Peer):
    """Sends a file."""

    def __init__(self, address, path):
        self.path = path
        super().__init__(address)

    def serve(self, peer):
        with open(self.path, "rb") as f:
            while piece := f.read(PIECE):
                peer.sendall(piece)
                self.moved += len(piece)


def address_card(m, net):
    """The interface is up and has its address."""
    line = (f"ip addr add {net['guest']}/24 dev eth0; ip link set eth0 up; "
            f"ip route add default via {net['host']}")
    status, text = m.command(line, HANG)
    assert status == 0, f"{line}: {text}"


def reset_card(m, net):
    """The driver resets the card and finds it again; its address was the interface's."""
    for word in ("unbind", "bind"):
        status, text = m.command(f"echo $N > {DRIVER}/{word}", HANG)
        assert status == 0, f"{word}: {text}"
    address_card(m, net)


def through(m, net, peer, command):
    m.command("{ %s & }" % command, HANG)
    peer.wait_moved(SIZE // 3)
    reset_card(m, net)
    status, text = m.command("wait", HANG)
    assert status == 0, text
    peer.join(HANG)


def both_ways(tap, net, folder, m, monitor):
    name, mib = net["name"], SIZE >> 20
    with tap.test(f"{name}: Linux has a network"):
        monitor.connect()
        m.expect("BUSYBOX-UP", HANG)
        status, text = m.command("N=$(basename $(readlink /sys/class/net/eth0/device))", HANG)
        assert status == 0, text
        address_card(m, net)
    with tap.test(f"{name}: {mib} MiB leave the guest as they were"):
        out = Taker(net["listen"])
        through(m, net, out, f"dd if=/dev/vda bs=64k iflag=direct | nc {net['host']} {out.port}")
        assert out.digest.hexdigest() == digest(folder / "source"), f"{out.moved} bytes"
    with tap.test(f"{name}: {mib} MiB reach the guest as they were"):
        through(m, net, into := Giver(net["listen"], folder / "source"),
                f"nc {net['host']} {into.port} </dev/null | "
                "dd of=/dev/vdb bs=64k iflag=fullblock oflag=direct")
        assert digest(folder / "target") == digest(folder / "source")
    with tap.test(f"{name}: the machine ends"):
        monitor.ask("quit")
        status = m.wait()
        assert status == 0, f"exit status {status}"


def run(tap, net):
    for line in net["make"].splitlines():
        subprocess.run(line.split(), check=True)
    with scratch() as folder:
        random_file(folder / "source")
        with open(folder / "target", "wb") as f:
            f.truncate(SIZE)
        options = ["-netdev", net["netdev"], "-device", "virtio-net-pci,netdev=n"]
        for disk in ("source", "target"):
            options += ["-blockdev", f"driver=file,filename={folder / disk},node-name={disk}",
                        "-device", f"virtio-blk-pci,drive={disk}"]
        m, monitor = shell(guest("busybox"), folder, options)
        with m:
            both_ways(tap, net, folder, m, monitor)


def body(tap):
    own = os.path.exists("/dev/net/tun") and own_network()
    run(tap, USER)
    if own:
        run(tap, TAP)
    else:
        tap.skip("tap", "no tap interface of the test's own")


Tap().run(body)
