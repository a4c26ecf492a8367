# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian's virsh on vivd's test driver, beside virsh on its own built-in test driver: the same
words and the same exit status."""
from vivd import Tap, Vivd, virsh

# Each line is one run of virsh with fresh objects; its commands share them.
LINES = [
    "list --all",
    "list --all --title; list --uuid; list --name; list --inactive",
    "dumpxml test",
    "dumpxml --inactive test",
    "domid test; domname 1; domuuid test; domstate test",
    "destroy test; list --all; start test; list --all; domid test",
    "suspend test; domstate --reason test; resume test; domstate test",
    "shutdown test; domstate test; start test; reboot test; domstate test",
    "destroy test; destroy test; suspend test; resume test; shutdown test; reboot test",
    "start test",
    "dominfo nobody; domid 99",
    "version",
    "undefine test; list --all",
    "destroy test; undefine test; list --all; dumpxml test",
    "domcapabilities",
]

# What depends on how the connection was made.
MASKED = ("CPU time:",)


def clean(text):
    return [line for line in text.splitlines() if not line.startswith(MASKED)]


tap = Tap()
with Vivd() as vivd:
    for line in LINES:
        ours, theirs = vivd.virsh(line), virsh("test:///default", line)
        problems = [f"ours   {o!r}\ntheirs {t!r}"
                    for o, t in zip(ours, theirs)
                    if (clean(o) != clean(t) if isinstance(o, str) else o != t)]
        tap.result(line, problems)

    status, _, said = vivd.virsh("destroy test", read_only=True)
    wanted = "error: operation forbidden: read only access prevents virDomainDestroy"
    tap.result("the read-only socket refuses",
               [] if status == 1 and wanted in said else [said])
tap.done()
