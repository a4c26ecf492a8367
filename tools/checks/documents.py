# SPDX-License-Identifier: GPL-2.0-or-later
"""Documents keep up: every option and command is in its manual, generated pages are what their
generators write, links lead somewhere.

Programs are looked for in $VIV_BIN (the build's folder of programs); one that is not built is
not checked."""
import os
import re
import subprocess

from checks import tree

# program: (arguments that print its help, what starts a row there, its manual)
PROGRAMS = {
    "viv-machine": (["-help"], re.compile(r"^(-[a-zA-Z][\w-]*)", re.M), "man/viv-machine.1.scd"),
    "viv-img": (["--help"], re.compile(r"^  ([a-z]+)\b", re.M), "man/viv-img.1.scd"),
    "viv": (["--help"], re.compile(r"^    ([a-z][\w-]*) +\w", re.M), "man/viv.1.scd"),
    "vivd": (["--help"], re.compile(r"(--[a-z][\w-]*)"), "man/vivd.8.scd"),
}

# page: its generator, which with --check compares
GENERATED = {
    "docs/status.md": "tools/mk-status",
}

LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")


def page_text(top, manual, program):
    """The page; tools/mk-manual fills the marks of one that has any."""
    text = tree.read(top, manual)
    if not re.search(r"^@[A-Z]+@$", text, re.M):
        return text
    run = subprocess.run([os.path.join(top, "tools", "mk-manual"), "--strict", program,
                          os.path.join(top, manual)], capture_output=True, text=True, timeout=60,
                         check=False)
    return run.stdout if run.returncode == 0 else run.stderr


def undocumented(top, name, bin_dir):
    argv, row, manual = PROGRAMS[name]
    program = os.path.join(bin_dir, name)
    if not os.path.exists(program):
        return []
    run = subprocess.run([program, *argv], capture_output=True, text=True, timeout=60, check=False)
    words = sorted(set(row.findall(run.stdout)))
    if run.returncode != 0 or not words:
        return [f"{name} {' '.join(argv)} lists nothing (exit status {run.returncode})"]
    if not os.path.exists(os.path.join(top, manual)):
        return [f"{name} has no manual {manual}"]
    text = page_text(top, manual, program).replace("\\", "")
    return [f"{manual} says nothing of {w}" for w in words
            if not re.search(rf"(?<![\w-]){re.escape(w)}(?![\w-])", text)]


def stale(top, page, generator):
    if not os.path.exists(os.path.join(top, generator)):
        return []
    run = subprocess.run([os.path.join(top, generator), "--check"], capture_output=True,
                         text=True, timeout=60, cwd=top, check=False)
    if run.returncode == 0:
        return []
    return [f"{page}: {(run.stdout + run.stderr).strip()[-300:]}"]


def dead_links(top, page):
    folder = os.path.join(top, os.path.dirname(page))
    return [f"{page}: a link to {link}, which is not there"
            for link in LINK.findall(tree.read(top, page))
            if not os.path.exists(os.path.join(folder, link))]


def check(top):
    problems = []
    bin_dir = os.environ.get("VIV_BIN", os.path.join(top, "build", "bin"))
    for name in PROGRAMS:
        problems += undocumented(top, name, bin_dir)
    for page, generator in GENERATED.items():
        problems += stale(top, page, generator)
    for page in tree.files(top):
        if page.endswith(".md"):
            problems += dead_links(top, page)
    return problems
