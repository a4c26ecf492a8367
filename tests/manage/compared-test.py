# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lines made from virsh's own help, on vivd's test driver and on libvirt's own: a fixed share of
those about networks, interfaces, pools, volumes, node devices, secrets and filters. Most are the
same in status and words, and each that is not has its reason here."""
from compare import compare
from vivd import Tap

# Events are left out: they wait a second each.
KINDS = "^(net|iface|pool|vol|nodedev|secret|nwfilter)-(?!event)"
SHARE = 8
# Of a hundred lines, at least so many are the same.
FLOOR = 90

REASONS = {
    "iface-begin": "transactions of interfaces are not built",
    "iface-commit": "transactions of interfaces are not built",
    "iface-rollback": "transactions of interfaces are not built",
    "net-update": "live update of networks is not built on the test driver",
    "nodedev-create": "the test driver does not make node devices yet",
    "nodedev-destroy": "the test driver does not end node devices yet",
    "vol-create": "the refused flag is named by another function",
}


def main():
    tap = Tap()
    total = same = 0
    unknown = []
    for command, line, difference in compare(KINDS, SHARE):
        total += 1
        same += difference is None
        if difference is not None and command not in REASONS:
            unknown.append(f"{line}\n{difference}")
        elif difference is not None:
            print(f"# different: {line}: {REASONS[command]}")
    print(f"# total {total} same {same} different {total - same}")
    tap.result("lines are made of virsh's help", [] if total > 35 else [f"only {total}"])
    tap.result(f"at least {FLOOR} of a hundred are the same",
               [] if same * 100 >= FLOOR * total else [f"{same} of {total}"])
    tap.result("each that differs has a reason", unknown)
    tap.done()


main()
