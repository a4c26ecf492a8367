# SPDX-License-Identifier: GPL-2.0-or-later
"""Words that have no place in the tree: marks of unfinished work, and paths of one machine."""
import re

from checks import tree
from checks.licences import DATA

# Spelled so that this file does not match itself.
FORBIDDEN = [
    (re.compile(r"\b(TO[D]O|FIX[M]E)\b"), "finish it, or refuse it by a clear error"),
    (re.compile(r"(?<![\w.$}])/(wor[k]|home/[a-z]\w*|roo[t])/[\w.]"), "a path of one machine"),
]
SKIPPED = re.compile(r"^LICENSES/|\.json$|\.png$|\.ico$")
# A word that a format or a protocol gives us: (path, word).
GIVEN = {("tools/run-tests", "TO" + "DO")}


def check(top):
    problems = []
    for path in tree.files(top):
        if SKIPPED.search(path) or DATA.match(path):
            continue
        for number, line in enumerate(tree.read(top, path).splitlines(), 1):
            for pattern, why in FORBIDDEN:
                m = pattern.search(line)
                if m and (path, m.group(0)) not in GIVEN:
                    problems.append(f"{path}:{number}: '{m.group(0)}': {why}")
    return problems
