# SPDX-License-Identifier: GPL-2.0-or-later
"""src/base stays small, and no folder becomes a heap."""
import collections
import os

from checks import tree
from checks.licences import DATA

BASE_LINES = 1500
FOLDER_FILES = 40


def check(top):
    problems = []
    lines = sum(tree.read(top, p).count("\n") for p in tree.files(top, "src/base")
                if tree.is_c(p))
    if lines > BASE_LINES:
        problems.append(f"src/base has {lines} lines; its budget is {BASE_LINES}")
    count = collections.Counter(os.path.dirname(p) for p in tree.files(top) if not DATA.match(p))
    problems += [f"{folder or '.'} has {n} files; split it on its nouns "
                 f"({FOLDER_FILES} at most)"
                 for folder, n in sorted(count.items()) if n > FOLDER_FILES]
    return problems
