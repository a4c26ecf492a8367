# SPDX-License-Identifier: GPL-2.0-or-later
"""Formatting is clang-format's business, of the one version whose output is the rule."""
import shutil
import subprocess

from checks import tree

TOOL = "clang-format-14"


def check(top):
    paths = [p for p in tree.files(top, "src", "include", "tests", "fuzz", "bench")
             if tree.is_c(p)]
    if not paths:
        return []
    if not shutil.which(TOOL):
        return [f"{TOOL} is missing; script/setup installs it"]
    run = subprocess.run([TOOL, "--dry-run", "-Werror", "--ferror-limit=1", *paths], cwd=top,
                         capture_output=True, text=True, check=False)
    if run.returncode == 0:
        return []
    bad = sorted({line.split(":")[0] for line in run.stderr.splitlines() if ": error:" in line})
    return [f"{p}: run {TOOL} -i on it" for p in bad] or [run.stderr[:400]]
