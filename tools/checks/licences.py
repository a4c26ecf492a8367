# SPDX-License-Identifier: GPL-2.0-or-later
"""Every file says its licence in its first lines, the one this table says, and a file under the
LGPL includes nothing under the GPL alone."""
import os
import re

from checks import tree

LGPL, GPL = "LGPL-2.1-or-later", "GPL-2.0-or-later"

# First match counts. The areas of tests/, fuzz/ and bench/ follow the folder they test.
TABLE = [
    ("src/manage/daemon/", GPL),
    ("include/", LGPL),
    ("src/base/", LGPL),
    ("src/row/", LGPL),
    ("src/block/", LGPL),
    ("src/manage/", LGPL),
    ("tests/base/", LGPL),
    ("tests/row/", LGPL),
    ("tests/block/", LGPL),
    ("tests/manage/", LGPL),
    ("fuzz/base/", LGPL),
    ("fuzz/row/", LGPL),
    ("fuzz/block/", LGPL),
    ("fuzz/manage/", LGPL),
    ("", GPL),
]
# Cannot carry a line: licence texts, JSON, and data; data's folder has a file ORIGIN instead.
NO_LINE = re.compile(r"^LICENSES/|\.json$|\.png$|\.ico$|(^|/)ORIGIN$")
DATA = re.compile(r"^(fuzz/seeds/[^/]+|tests/(?:[^/]+/)*?(?:data|samples|golden))/")
LINE = re.compile(r"SPDX-License-Identifier:\s*([\w.-]+)")
HEAD_LINES = 3


def licence_of(path):
    return next(licence for prefix, licence in TABLE if path.startswith(prefix))


def stated(text):
    m = LINE.search("\n".join(text.split("\n")[:HEAD_LINES]))
    return m.group(1) if m else None


def included(top, path, name):
    """A name beside the file that includes it, or else from src; an installed header from include."""
    if name.startswith("viv/"):
        return "include/" + name
    beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
    return beside if os.path.exists(os.path.join(top, beside)) else "src/" + name


def check_line(top, path):
    text = tree.read(top, path)
    said, due = stated(text), licence_of(path)
    if said is None:
        return [f"{path}: no SPDX-License-Identifier in its first {HEAD_LINES} lines"]
    if said != due:
        return [f"{path}: says {said}, the table says {due}"]
    if due != LGPL or not tree.is_c(path):
        return []
    return [f"{path}:{n}: an LGPL file includes \"{name}\", which is GPL"
            for n, kind, name in tree.includes(text)
            if kind == '"' and licence_of(included(top, path, name)) != LGPL]


def check(top):
    problems, origins = [], set()
    for path in tree.files(top):
        data = DATA.match(path)
        if data:
            origins.add(data.group(1))
        elif not NO_LINE.search(path):
            problems += check_line(top, path)
    for folder in sorted(origins):
        if not os.path.exists(os.path.join(top, folder, "ORIGIN")):
            problems.append(f"{folder}: data without a file ORIGIN that says where it comes from")
    return problems
