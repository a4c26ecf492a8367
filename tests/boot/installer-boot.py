#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian installer's text screen."""
from harness import Machine, Tap

IMAGES = "/usr/lib/debian-installer/images/12/amd64/text/debian-installer/amd64"


def body(tap):
    with Machine(["-M", "q35", "-m", "1400M", "-nographic", "-no-reboot", "-kernel",
                  f"{IMAGES}/linux", "-initrd", f"{IMAGES}/initrd.gz",
                  "-append", "console=ttyS0 TERM=vt102"]) as m:
        with tap.test("asks for a language"):
            m.expect("Select a language")
        with tap.test("takes a key"):
            m.send("\r")
            m.expect("Select your location")


Tap().run(body)
