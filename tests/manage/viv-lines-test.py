# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lines made from virsh's own help, by viv and by virsh on the test driver of one vivd: of each
command that viv has the plain line, and a fixed share of the others. Status, output and messages
are the same, or the difference has its reason here."""
import os
import re
import subprocess
import tempfile

from compare import masked
from lines import FILES, lines
from vivd import ENV, LIMIT, Tap, Vivd

SHARE = 36
# Of a hundred lines, at least so many are the same.
FLOOR = 85
# Counters that run with the clock.
MASKS = [
    (re.compile(r"(_time +)[\d.]+"), r"\1TIME"),
    (re.compile(r"\b\d{8,}\b"), "BIG"),
]
# What virsh waits for, reads from a terminal, or writes on this host.
LEFT = re.compile(r"event$|^console$|^screenshot$|-edit$")

OLDER = "virsh falls back to older procedures where a host has not the kind at all"
REASONS = {
    "create": "--console and --pass-fds are not built",
    "start": "--console and --pass-fds are not built",
    "undefine": "removal of storage is not built",
    "vol-info": "--physical is not built", "freecell": "--all is not built",
    "nodecpustats": "--percent is not built",
    "schedinfo": "without flags a host is asked by the plain procedure",
    "shutdown": "virsh words the unknown mode in another way",
    "secret-define": OLDER, "secret-get-value": OLDER, "secret-list": OLDER,
    "secret-set-value": OLDER, "secret-undefine": OLDER, "nwfilter-list": OLDER,
}


def run(program, uri, line, folder):
    try:
        done = subprocess.run([program, "-c", uri, line], capture_output=True, text=True, env=ENV,
                              timeout=LIMIT, check=False, input="", cwd=folder)
    except subprocess.TimeoutExpired:
        return "hangs", "", ""
    said = masked(done.stdout), masked(done.stderr)
    for pattern, replacement in MASKS:
        said = [pattern.sub(replacement, part) for part in said]
    return done.returncode, *said


def chosen():
    """The plain line of each command, and one of so many others; all that comes before it too."""
    text = subprocess.run([os.environ["VIV"], "help"], capture_output=True, text=True, env=ENV,
                          check=True).stdout
    missing = {row.split()[0] for row in text.splitlines() if row.endswith("(not built yet)")}
    seen = set()
    for i, (command, line) in enumerate(lines()):
        words = {part.split()[0] for part in line.split("; ")}
        if LEFT.search(command) or words & missing or (command in seen and i % SHARE):
            continue
        seen.add(command)
        yield command, line


def prepare(folder, command):
    with open(os.path.join(folder, command), "w", encoding="utf-8") as f:
        f.write(FILES.get(command, "<nothing/>"))


def main():
    tap = Tap()
    total = same = 0
    unknown = []
    with Vivd() as vivd, tempfile.TemporaryDirectory(prefix="viv-lines-") as folder:
        for command, row in chosen():
            line = re.sub(r"FILE:([\w-]+)", lambda m: os.path.join(folder, m[1]), row)
            line = line.replace("SAVED", os.path.join(folder, "saved"))
            said = []
            for program in (os.environ["VIV"], "virsh"):
                prepare(folder, command)
                said.append(run(program, vivd.uri(), line, folder))
            total += 1
            same += said[0] == said[1]
            if said[0] != said[1] and command in REASONS:
                print(f"# different: {row}: {REASONS[command]}")
            elif said[0] != said[1]:
                unknown.append(f"{row}\nviv   {said[0]!r}\nvirsh {said[1]!r}")
    print(f"# total {total} same {same} different {total - same}")
    tap.result("lines are made of virsh's help", [] if total > 100 else [f"only {total}"])
    tap.result(f"at least {FLOOR} of a hundred are the same",
               [] if same * 100 >= FLOOR * total else [f"{same} of {total}"])
    tap.result("each that differs has a reason", unknown)
    tap.done()


main()
