#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Linux sends a disk of 1 GiB to the host, by TCP over virtio-net and the user-mode network, while
the driver lets the card go, which resets it, and takes it back in the middle."""
import hashlib
import socket
import threading
import time

from harness import BootError, Tap, guest, scratch
from traffic import HANG, PIECE, SIZE, digest, random_file, shell

DRIVER = "/sys/bus/virtio/drivers/virtio_net"


class Peer(threading.Thread):
    """One connection on the host's loopback: takes a stream and keeps its digest."""

    def __init__(self):
        super().__init__(daemon=True)
        self.moved = 0
        self.digest = hashlib.sha256()
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        peer, _ = self.socket.accept()
        with peer:
            while piece := peer.recv(PIECE):
                self.digest.update(piece)
                self.moved += len(piece)

    def wait_moved(self, count):
        end = time.monotonic() + HANG
        while self.moved < count:
            if time.monotonic() > end:
                raise BootError(f"{self.moved} bytes of {count} came through")
            time.sleep(0.2)


def reset_card(m):
    """The driver resets the card and finds it again; its address was the interface's."""
    for line in (f"echo $N > {DRIVER}/unbind", f"echo $N > {DRIVER}/bind",
                 "ip addr add 10.0.2.15/24 dev eth0; ip link set eth0 up; "
                 "ip route add default via 10.0.2.2"):
        status, text = m.command(line, HANG)
        assert status == 0, f"{line}: {text}"


def through(m, peer, command):
    m.command("{ %s & }" % command, HANG)
    peer.wait_moved(SIZE // 3)
    reset_card(m)
    status, text = m.command("wait", HANG)
    assert status == 0, text
    peer.join(HANG)


def body(tap):
    with scratch() as folder:
        random_file(folder / "source")
        options = ["-netdev", "user,id=n", "-device", "virtio-net-pci,netdev=n"]
        options += ["-blockdev", f"driver=file,filename={folder / 'source'},node-name=source",
                    "-device", "virtio-blk-pci,drive=source"]
        m, monitor = shell(guest("busybox"), folder, options)
        with m:
            with tap.test("Linux has a network"):
                monitor.connect()
                m.expect("BUSYBOX-UP", HANG)
                status, text = m.command("N=$(basename $(readlink /sys/class/net/eth0/device)); "
                                         "net", HANG)
                assert status == 0, text
            out = Peer()
            with tap.test(f"{SIZE >> 20} MiB leave the guest as they were"):
                through(m, out, "dd if=/dev/vda bs=64k iflag=direct | "
                        f"nc 10.0.2.2 {out.port}")
                assert out.digest.hexdigest() == digest(folder / "source"), f"{out.moved} bytes"
            with tap.test("the machine ends"):
                monitor.ask("quit")
                status = m.wait()
                assert status == 0, f"exit status {status}"


Tap().run(body)
