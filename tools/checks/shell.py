# SPDX-License-Identifier: GPL-2.0-or-later
"""Shell scripts pass shellcheck (warnings and errors), where it is installed."""
import re
import shutil
import subprocess

from checks import tree

SHEBANG = re.compile(r"^#!\s*/bin/(?:busybox )?(?:ba)?sh\b")


def is_shell(top, path):
    if path.endswith(".sh"):
        return True
    return "." not in path.rsplit("/", 1)[-1] and bool(SHEBANG.match(tree.read(top, path)[:80]))


def check(top):
    paths = [p for p in tree.files(top, "script", "tools", "tests", ".ci") if is_shell(top, p)]
    if not paths or not shutil.which("shellcheck"):
        return []
    run = subprocess.run(["shellcheck", "-x", "-S", "warning", "-f", "gcc", "-s", "bash", *paths],
                         cwd=top, capture_output=True, text=True, check=False)
    return run.stdout.splitlines()
