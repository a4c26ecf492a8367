#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The tree keeps its own rules (tools/check-tree), and each check can fail: a small tree with one
deliberate violation shows that it does. TAP."""
import os
import pathlib
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parents[2]
CHECK_TREE = TOP / "tools/check-tree"
LGPL = "/* SPDX-License-Identifier: LGPL-2.1-or-later */\n"
GPL = "/* SPDX-License-Identifier: GPL-2.0-or-later */\n"
TABLE = """
| folder | what | may include |
|---|---|---|
| `src/base` | x | - |
| `src/row` | x | - |
| `src/block` | x | - |
| `src/machine/core` | x | - |
| `src/machine/guest` | x | core |
| `src/machine/accel` | x | core; `jit/` also guest |
| `src/machine/monitor` | x | core; accelerators only through `accel.h` |
| `src/machine/main` | x | all of machine |
| `src/cli` | x | public headers |
| `include/viv` | x | - |
"""

# check, files of a tree that breaks its rule, and a word of the problem it must print.
VIOLATIONS = [
    ("layers", {"src/machine/core/a.c": '#include "machine/guest/b.h"\n'}, "may not include"),
    ("layers", {"src/block/a.c": '#include "machine/core/b.h"\n'}, "may not include"),
    ("layers", {"src/base/a.c": '  #  include "row/b.h"\n'}, "may not include"),
    ("layers", {"src/machine/accel/kvm/a.c": '#include "machine/guest/b.h"\n'}, "may not include"),
    ("layers", {"src/machine/monitor/a.c": '#include "machine/accel/jit/b.h"\n'},
     "may not include"),
    ("layers", {"src/cli/a.c": '#include "block/b.h"\n'}, "may not include"),
    ("layers", {"src/machine/core/a.c": "#include <viv/viv.h>\n"}, "may not include"),
    ("layers", {"src/machine/core/a.c": '#include "b.h"\n'}, "not a path from src/"),
    ("layers", {"src/stray/a.c": "\n"}, "no row"),
    ("layers", {"ARCHITECTURE.md": "| a | b | may include |\n|-|-|-|\n| `src/x` | y | zz |\n"},
     "no folder 'zz'"),
    ("layers", {"ARCHITECTURE.md": "nothing\n"}, "no table"),
    ("licences", {"src/base/a.c": "int a;\n"}, "no SPDX"),
    ("licences", {"src/base/a.c": GPL}, "the table says LGPL"),
    ("licences", {"src/machine/core/a.c": LGPL}, "the table says GPL"),
    ("licences", {"src/manage/daemon/a.c": LGPL}, "the table says GPL"),
    ("licences", {"src/block/a.c": LGPL + '#include "machine/core/b.h"\n'}, "which is GPL"),
    ("licences", {"fuzz/seeds/x/1": "data"}, "ORIGIN"),
    ("sizes", {"src/base/a.c": "\n" * 1501}, "budget"),
    ("sizes", {f"src/row/{n}.c": "" for n in range(41)}, "41 files"),
    ("sizes", {f"src/machine/guest/x86/{n}.c": "" for n in range(65)}, "65 files"),
    ("words", {"src/base/a.c": "/* TO" "DO: later */\n"}, "finish it"),
    ("words", {"docs/a.md": "see /wor" "k/shared\n"}, "one machine"),
    ("headers", {"src/base/a.h": "static inline gsize f(void) { return 0; }\n"},
     "does not compile alone"),
    ("headers", {"src/base/a.h": "struct twice { int a; };\n"}, "does not compile alone"),
    ("headers", {"include/viv/a.h": "#pragma once\nint f(int class);\n"}, "does not compile alone"),
    ("layout", {"src/base/a.c": "int  a ;\n"}, "clang-format"),
    ("shell", {"script/x": "#!/bin/sh\ncd $1\nunused=1\n"}, "SC2034"),
    ("lists", {"script/setup": "build_packages='\nb\na\n'\n"}, "not a sorted list"),
    ("lists", {"tests/skips": "unit/a | nothing\n"}, "not SUITE/TEST"),
    ("documents", {"a.md": "[x](no/such/file)\n"}, "not there"),
    ("documents", {"tools/mk-status": (TOP / "tools/mk-status").read_text(encoding="utf-8"),
                   "docs/features": "== A\nb | works | unit/b | - | src\n",
                   "docs/status.md": "old\n"}, "is not what"),
    ("documents", {"tools/mk-status": (TOP / "tools/mk-status").read_text(encoding="utf-8"),
                   "docs/features": "b | splendid | unit/b | - | src\n",
                   "docs/status.md": "old\n"}, "not feature | state"),
    ("documents", {"build/bin/viv-machine": "#!/bin/sh\necho '-frob  x'\n",
                   "man/viv-machine.1.scd": "*-frobnicate*\n"}, "says nothing of -frob"),
    ("documents", {"build/bin/viv-img": "#!/bin/sh\necho '  create'\n"}, "no manual"),
]

# Trees that keep the rules: a check that always complains would be no check either.
LAWFUL = [
    ("layers", {"src/machine/accel/jit/a.c": '#include "machine/guest/b.h"\n#include <glib.h>\n',
                "src/machine/monitor/a.c": '#include "machine/accel/accel.h"\n',
                "src/machine/main/a.c": '#include "machine/guest/b.h"\n#include "block/b.h"\n',
                "src/cli/a.c": "#include <viv/viv.h>\n", "src/row/a.c": '#include "base/b.h"\n'}),
    ("licences", {"ARCHITECTURE.md": "<!-- SPDX-License-Identifier: GPL-2.0-or-later -->\n",
                  "src/base/a.c": LGPL, "src/machine/a.c": GPL + '#include "base/b.h"\n'}),
    ("headers", {"include/viv/a.h": "#pragma once\nint f(int a);\n"}),
    ("lists", {"script/setup": "build_packages='\na\nb\n'\n", "tests/skips": "a/b | c | true\n"}),
    ("documents", {"build/bin/viv-machine": "#!/bin/sh\necho '-frob  x'\n",
                   "man/viv-machine.1.scd": "*-frob* _x_\n"}),
]


def run_check(name, top, env=None):
    run = subprocess.run([CHECK_TREE, "--top", top, name], capture_output=True, text=True,
                         env=env, check=False)
    return run.returncode, run.stdout + run.stderr


def plant(top, files):
    for path, text in {"ARCHITECTURE.md": TABLE, **files}.items():
        target = pathlib.Path(top, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        if text.startswith("#!"):
            target.chmod(0o755)


def in_small_tree(name, files):
    env = {k: v for k, v in os.environ.items() if k != "VIV_BIN"}
    with tempfile.TemporaryDirectory() as top:
        plant(top, files)
        return run_check(name, top, env)


class Tap:
    def __init__(self):
        self.number = self.failed = 0

    def report(self, good, name, output):
        self.number += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.number} - {name}")
        if not good:
            for line in output.splitlines():
                print(f"# {line}")


def main():
    tap = Tap()
    for name in ("layers", "licences", "sizes", "words", "headers", "layout", "shell", "lists",
                 "documents"):
        status, output = run_check(name, TOP)
        tap.report(status == 0 and not output, f"the tree keeps its {name}", output)
    for name, files, word in VIOLATIONS:
        status, output = in_small_tree(name, files)
        tap.report(status == 1 and word in output,
                   f"{name} finds: {word} in {next(iter(files))}", output)
    for name, files in LAWFUL:
        status, output = in_small_tree(name, files)
        tap.report(status == 0, f"{name} is content with a lawful tree", output)
    print(f"1..{tap.number}")
    return 1 if tap.failed else 0


sys.exit(main())
