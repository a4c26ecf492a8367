# SPDX-License-Identifier: GPL-2.0-or-later
"""Arguments of MIN, MAX, CLAMP and ABS that call a function: these macros evaluate one of their
arguments twice, and the second answer may be another. Such a value belongs in a variable first."""
import re

from checks import tree

MACRO = re.compile(r"\b(MIN|MAX|CLAMP|ABS)\(")
CALL = re.compile(r"\b([a-z_][a-z0-9_]*)\s*\(|(->[a-z_]\w*)\(")
# What gives the same answer however often it is asked: operators of the language, and readers of
# memory that nobody else writes.
PURE = {"sizeof", "strlen", "ld_le16", "ld_le32"}


def arguments(text, start):
    """The text from behind an opening bracket to its closing one."""
    depth = 1
    for i in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            return text[start:i]
    return text[start:]


def check(top):
    problems = []
    for path in tree.files(top):
        if not path.endswith((".c", ".h")):
            continue
        text = tree.read(top, path)
        for m in MACRO.finditer(text):
            for call in CALL.finditer(arguments(text, m.end())):
                name = call.group(1) or call.group(2)
                if name not in PURE:
                    number = text.count("\n", 0, m.start()) + 1
                    problems.append(f"{path}:{number}: {m.group(1)} may call {name}() twice: "
                                    "put its answer into a variable first")
    return problems
