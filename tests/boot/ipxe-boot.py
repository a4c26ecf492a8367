#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""SeaBIOS starts iPXE from the network card's ROM, and iPXE gets a lease."""
from harness import Machine, Tap


def body(tap):
    with Machine(["-M", "q35", "-m", "256M", "-nographic", "-no-reboot", "-boot", "n",
                  "-nic", "user,model=virtio-net-pci"]) as m:
        with tap.test("iPXE starts"):
            m.expect("iPXE")
        with tap.test("iPXE gets a lease"):
            m.expect(r"Configuring.*(ok|10\.0\.2\.15)|net0: 10\.0\.2\.15")


Tap().run(body)
