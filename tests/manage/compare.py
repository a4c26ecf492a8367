# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the lines of lines.py on vivd and on libvirt's own test driver, and counts what is the same."""
import difflib
import os
import re
import sys
import tempfile

from lines import FILES, lines
from vivd import Vivd, virsh

# Times of this host, identities drawn at random, and how the connection was made.
MASKS = [
    (re.compile(r"^(CPU time: +).*$", re.M), r"\1TIME"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "UUID"),
    (re.compile(r"\b52:54:00(:[0-9a-f]{2}){3}\b"), "MAC"),
    (re.compile(r"\btest\+unix:///default\?socket=\S+"), "test:///default"),
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[ .+\d]*"), "DATE"),
    (re.compile(r"<creationTime>\d+"), "<creationTime>TIME"),
    (re.compile(r"\b1[67]\d{8,17}(\.\d+)?\b"), "TIME"),
    (re.compile(r"\b\d+\.\d+( seconds|s\b)"), r"N\1"),
    (re.compile(r"vivd-cmp-\w+"), "FOLDER"),
]


def masked(text):
    for pattern, replacement in MASKS:
        text = pattern.sub(replacement, text)
    return text


def run(uri, line, folder, side):
    text = re.sub(r"FILE:([\w-]+)", lambda m: os.path.join(folder, m[1]), line)
    status, out, err = virsh(uri, text.replace("SAVED", os.path.join(folder, f"saved-{side}")),
                             cwd=folder)
    return status, masked(out).replace(f"saved-{side}", "saved"), \
        masked(err).replace(f"saved-{side}", "saved")


def compare(pattern="", share=1):
    """(command, line, None or the difference) of each line whose command matches; with a share,
    of one such line in so many, always the same ones."""
    wanted = [row for i, row in enumerate(lines(pattern)) if i % share == 0]
    with Vivd() as vivd, tempfile.TemporaryDirectory(prefix="vivd-cmp-") as folder:
        for command in {c for c, _ in wanted}:
            with open(os.path.join(folder, command), "w", encoding="utf-8") as f:
                f.write(FILES.get(command, "<nothing/>"))

        for command, line in wanted:
            # one shared test:///default at a time, so each line has fresh objects
            ours = run(vivd.uri(), line, folder, "a")
            theirs = run("test:///default", line, folder, "b")
            yield command, line, None if ours == theirs else "\n".join(difflib.unified_diff(
                [f"status {theirs[0]}", *theirs[1].splitlines(), *theirs[2].splitlines()],
                [f"status {ours[0]}", *ours[1].splitlines(), *ours[2].splitlines()],
                "libvirt", "vivd", lineterm="", n=1))


def main():
    same = total = 0
    for command, line, difference in compare(sys.argv[1] if len(sys.argv) > 1 else ""):
        total += 1
        same += difference is None
        if difference is not None:
            print(f"\n=== {line}\n{difference}", flush=True)
    print(f"total {total} same {same} different {total - same}")


if __name__ == "__main__":
    main()
