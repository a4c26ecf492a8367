# SPDX-License-Identifier: GPL-2.0-or-later
"""Hand-kept lists keep their form: packages sorted, rows of tests/skips whole."""
import os
import re

from checks import tree


def packages(top):
    path = "script/setup"
    if not os.path.exists(os.path.join(top, path)):
        return []
    problems = []
    for name, text in re.findall(r"^(\w+_packages)='\n(.*?)\n'", tree.read(top, path), re.S | re.M):
        if text.split() != sorted(set(text.split())):
            problems.append(f"{path}: {name} is not a sorted list without doubles")
    return problems


def skips(top):
    path = "tests/skips"
    if not os.path.exists(os.path.join(top, path)):
        return []
    problems = []
    for number, line in enumerate(tree.read(top, path).splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            cells = [w.strip() for w in line.split("|", 2)]
            if len(cells) != 3 or not all(cells) or "/" not in cells[0]:
                problems.append(f"{path}:{number}: not SUITE/TEST | what is lacking | probe")
    return problems


def check(top):
    return packages(top) + skips(top)
