# SPDX-License-Identifier: LGPL-2.1-or-later
"""An X server without a window manager, and a guest whose picture a test knows on it."""
import mmap
import os
import select
import struct
import subprocess

from vivd import LIMIT

# Text mode 3, its upper 12 lines on red, the others on blue; hlt; and again.
COLOURED_GUEST = bytes.fromhex("b80300cd10 b80006b74031c9ba4f0bcd10 b80006b710b9000cba4f18cd10 f4ebfd")
RED, BLUE = 0xa80000, 0x0000a8


class Screen:
    """An X server without a window manager, its picture in a file in the format of xwd."""

    def __init__(self, folder):
        self.folder = folder
        ours, theirs = os.pipe()
        self.child = subprocess.Popen(["Xvfb", "-displayfd", str(theirs), "-screen", "0",
                                       "1024x768x24", "-nolisten", "tcp", "-noreset", "-fbdir",
                                       folder],
                                      pass_fds=[theirs], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs)
        self.name = ""
        while not self.name.endswith("\n"):
            part = os.read(ours, 16) if select.select([ours], [], [], LIMIT)[0] else b""
            if not part:
                self.child.kill()
                raise RuntimeError("Xvfb did not start")
            self.name += part.decode()
        os.close(ours)
        self.name = ":" + self.name.strip()

    def column(self, x):
        """The picture's points of that column, 0xRRGGBB, from the top."""
        with open(f"{self.folder}/Xvfb_screen0", "rb") as f, \
                mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as m:
            header = struct.unpack(">25I", m[:100])
            size, height, order, stride, colours = (header[i] for i in (0, 5, 7, 12, 19))
            return [struct.unpack_from(f"{'><'[order == 0]}I", m, size + colours * 12 +
                                       y * stride + x * 4)[0] & 0xffffff for y in range(height)]

    def stop(self):
        self.child.terminate()
        self.child.wait(LIMIT)


def bands(screen, columns=(50, 650)):
    """A band of red, and right below it one of blue, in each of these columns."""
    kinds = ("".join({RED: "r", BLUE: "b"}.get(point, "-") for point in screen.column(x))
             for x in columns)
    return all("r" * 150 + "b" * 150 in kind for kind in kinds)
