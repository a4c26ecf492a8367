# SPDX-License-Identifier: GPL-2.0-or-later
"""The files of the tree, as the checks see them."""
import os
import re

BUILT = re.compile(r"^(build.*|\.git|\.cache|__pycache__|node_modules)$")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def files(top, *folders):
    """Paths relative to top of all files in the folders (all when none), sorted; what a build
    or git makes is left out."""
    found = []
    for start in folders or ("",):
        for path, names, here in os.walk(os.path.join(top, start)):
            names[:] = sorted(n for n in names if not BUILT.match(n))
            found += [os.path.relpath(os.path.join(path, f), top) for f in here
                      if f != ".git" and not f.endswith(".pyc")]
    return sorted(found)


def is_c(path):
    return path.endswith((".c", ".h"))


def read(top, path):
    with open(os.path.join(top, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def includes(text):
    """(line number, '<' or '"', name) of each #include."""
    for m in INCLUDE.finditer(text):
        yield text.count("\n", 0, m.start()) + 1, m.group(1), m.group(2)
