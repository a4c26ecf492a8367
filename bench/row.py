# SPDX-License-Identifier: GPL-2.0-or-later
"""What a benchmark is to bench/runner.py, and the programs it compares."""
import dataclasses
import pathlib
from typing import Callable, Optional

TOP = pathlib.Path(__file__).resolve().parents[1]
MACHINE = TOP / "build/bin/viv-machine"
IMG = TOP / "build/bin/viv-img"
QEMU = "/usr/bin/qemu-system-x86_64"
QEMU_IMG = "/usr/bin/qemu-img"


class BenchError(Exception):
    """A side did not do the work; says why."""


@dataclasses.dataclass(frozen=True)
class Row:
    """`ours` and `peer` do the work once and return a figure; without a peer there is no ratio."""
    name: str
    unit: str
    ours: Callable[[], float]
    peer: Optional[Callable[[], float]] = None
    lower_is_better: bool = True
    aim: str = ""
    needs: tuple = ()           # programs of ours without which the row is not run
