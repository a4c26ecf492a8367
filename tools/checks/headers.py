# SPDX-License-Identifier: GPL-2.0-or-later
"""Each header compiles alone, twice included; the installed ones also as C++."""
import concurrent.futures
import os
import shlex
import subprocess

from checks import tree

PACKAGES = ["glib-2.0", "gio-2.0", "gio-unix-2.0", "json-c", "slirp", "liburing", "gnutls", "libxml-2.0"]
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wstrict-prototypes", "-Wno-unused-parameter",
            "-Wno-sign-compare", "-Wno-missing-field-initializers"]


def flags():
    words = ["-D_GNU_SOURCE"]
    for p in PACKAGES:
        found = subprocess.run(["pkg-config", "--cflags", p], capture_output=True, text=True,
                               check=False)
        if found.returncode == 0:
            words += shlex.split(found.stdout)
    return list(dict.fromkeys(words))


def compile_alone(top, path, compiler, extra):
    root = "src/" if path.startswith("src/") else "include/"
    text = f'#include "{path.removeprefix(root)}"\n' * 2
    run = subprocess.run(
        [*compiler, "-fsyntax-only", *extra, f"-I{top}/src", f"-I{top}/include", "-"],
        input=text, capture_output=True, text=True, check=False)
    if run.returncode == 0:
        return []
    return [f"{path} does not compile alone ({compiler[0]}): {run.stderr.strip()[:400]}"]


def check(top):
    extra = flags()
    cc = [*shlex.split(os.environ.get("CC", "gcc")), "-std=gnu11", "-xc", *WARNINGS]
    cxx = [*shlex.split(os.environ.get("CXX", "g++")), "-std=c++11", "-xc++", "-Wall", "-Werror"]
    jobs = []
    for path in tree.files(top, "src", "include"):
        if path.endswith(".h"):
            jobs.append((top, path, cc, extra))
            if path.startswith("include/"):
                jobs.append((top, path, cxx, extra))
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [p for found in pool.map(lambda j: compile_alone(*j), jobs) for p in found]
