#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The choice of the accelerator: what -accel help and -accel kvm,probe say of this host, that the
default agrees with them, and hosts without the device or with a wrong one, in a mount name space."""
import json
import os
import subprocess
import sys

MACHINE = os.environ["VIV_MACHINE"]
QUIT = '{"execute":"qmp_capabilities"}{"execute":"query-kvm"}{"execute":"quit"}'
BASE = ["-M", "q35", "-m", "16M", "-S", "-nodefaults", "-display", "none", "-qmp", "stdio"]
ALONE = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-rm"]


def run(*args, before=(), text=""):
    return subprocess.run([*before, MACHINE, *args], input=text, capture_output=True, text=True,
                          timeout=120, check=False)


def without_device():
    """A /dev that has nothing in it."""
    return [*ALONE, "sh", "-c", 'mount -t tmpfs none /dev && exec "$@"', "sh"]


def other_device():
    return [*ALONE, "sh", "-c", 'mount --bind /dev/null /dev/kvm && exec "$@"', "sh"]


def works(before):
    return subprocess.run([*before, "true"], capture_output=True, check=False).returncode == 0


def probe():
    r = run("-accel", "kvm,probe")
    lines = r.stdout.splitlines()
    assert lines[0].startswith("device: /dev/kvm"), r
    assert lines[1].startswith("CPU: "), r
    assert (r.returncode == 0) == ("kvm is the default here" in lines), r
    assert (r.returncode == 0) == (not r.stderr), r
    return r


def agrees():
    """-accel help says the same."""
    known = probe()
    last = run("-accel", "help").stdout.splitlines()[-1]
    if known.returncode == 0:
        assert last == "kvm is the default", last
    else:
        why = known.stderr.strip().removeprefix("viv-machine: ")
        assert last == "kvm is not the default: " + why, (last, why)


def default():
    """Without -accel the machine takes KVM or says in one line why not, and starts."""
    known = probe()
    r = run(*BASE, text=QUIT)
    assert r.returncode == 0, r
    enabled = '"enabled": true' in r.stdout
    assert enabled == (known.returncode == 0), r
    if enabled:
        assert not r.stderr, r
    else:
        assert r.stderr.startswith("viv-machine: KVM is not used: "), r
        assert r.stderr.count("\n") == 1, r


def silent(*args):
    """What KVM cannot do, or a choice: no word of KVM."""
    r = run(*args, *BASE, text=QUIT)
    assert r.returncode == 0 and not r.stderr and '"enabled": false' in r.stdout, r


def checked():
    """One vCPU is checked by the interpreter; of two the translator says that it cannot."""
    silent("-accel", "jit,check=on")
    r = run("-accel", "jit,check=on", "-smp", "2", *BASE, text=QUIT)
    assert r.returncode == 1, r
    assert "-accel jit,check=on checks machines of one vCPU: use -smp 1" in r.stderr, r


def lists():
    """In a list that the user wrote, the next one is tried."""
    known = probe()
    r = run("-accel", "kvm", "-accel", "tcg", *BASE, text=QUIT)
    assert r.returncode == 0, r
    assert ("trying the next accelerator" in r.stderr) == (known.returncode != 0), r


def missing():
    r = run("-accel", "kvm,probe", before=without_device())
    assert r.returncode == 1 and r.stdout.startswith("device: /dev/kvm (missing)\n"), r
    assert "no /dev/kvm" in r.stderr, r
    r = run("-accel", "kvm", *BASE, before=without_device(), text=QUIT)
    assert r.returncode == 1 and "no /dev/kvm" in r.stderr and not r.stdout, r


def wrong():
    for args in (["-accel", "kvm,probe"], ["-accel", "kvm", *BASE]):
        r = run(*args, before=other_device(), text=QUIT)
        assert r.returncode == 1 and "/dev/kvm is not KVM's device" in r.stderr, r


def ask(accel, *commands):
    """Replies to commands of QMP; the machine never runs."""
    text = "".join(json.dumps({"execute": name, "arguments": arguments}) for name, arguments in
                   [("qmp_capabilities", {}), *commands, ("quit", {})])
    r = run("-accel", accel, "-smp", "2", *BASE, text=text)
    assert r.returncode == 0, r
    replies = [json.loads(line) for line in r.stdout.splitlines()]
    return [o for o in replies if "return" in o or "error" in o][1:len(commands) + 1]


def counters():
    """Each counter that a schema names has a value of that kind, for the machine and each vCPU."""
    commands = [("query-stats-schemas", {}), ("query-stats", {"target": "vm"}),
                ("query-stats", {"target": "vcpu"}),
                ("query-stats", {"target": "vm", "vcpus": ["x"]}),
                ("query-stats", {"target": "vm", "providers": [
                    {"provider": "kvm", "names": ["insn_interpreted"]}]}),
                ("query-stats", {"target": "vm", "providers": []})]
    schemas, vm, vcpus, wrong_filter, own, none = ask("kvm", *commands)
    assert wrong_filter["error"]["desc"] == "Parameter 'vcpus' is unexpected", wrong_filter
    assert own["return"] == [{"provider": "kvm", "stats": [
        {"name": "insn_interpreted", "value": 0}]}], own
    assert none["return"] == [], none
    types = {s["target"]: {v["name"]: v for v in s["stats"]} for s in schemas["return"]}
    assert "insn_interpreted" in types["vm"], types
    assert len(vm["return"]) == 1 and len(vcpus["return"]) in (0, 2), (vm, vcpus)
    for result in vm["return"] + vcpus["return"]:
        known = types["vcpu" if "qom-path" in result else "vm"]
        assert {v["name"] for v in result["stats"]} == set(known), result
        for v in result["stats"]:
            kind = known[v["name"]]
            expected = (list if kind["type"].endswith("-histogram") else
                        bool if kind.get("unit") == "boolean" else int)
            assert type(v["value"]) is expected, (v, kind)
    print(f"# {len(types['vm'])} of the machine, {len(types.get('vcpu', ()))} of a vCPU")
    assert [r["return"] for r in ask("tcg", *commands[:3])] == [[], [], []]


def irqchip():
    """Where the interrupt chips are is checked; the whole set in the kernel is refused."""
    r = run("-accel", "kvm,kernel-irqchip=on", *BASE, text=QUIT)
    assert r.returncode == 1 and "kernel-irqchip=on is not built yet" in r.stderr, r
    r = run("-accel", "kvm,kernel-irqchip=nosuch", *BASE, text=QUIT)
    assert r.returncode == 1 and "nosuch" in r.stderr, r
    r = run("-accel", "kvm,kernel-irqchip=split", *BASE, text=QUIT)
    assert r.returncode == 0 or "no split interrupt chips" in r.stderr, r


def guest_memory(*args):
    """Flags of the mapping that is the guest's 32 MiB, as the host's kernel shows them."""
    argv = [MACHINE, *args, *BASE, "-m", "32M"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as m:
        print('{"execute":"qmp_capabilities"}', file=m.stdin, flush=True)
        m.stdout.readline()
        m.stdout.readline() # the reply: the machine stands
        size, found = "", []
        with open(f"/proc/{m.pid}/smaps", encoding="ascii", errors="replace") as f:
            for line in f:
                if line.startswith("Size:"):
                    size = line.split()[1]
                elif line.startswith("VmFlags:") and size == str(32 << 10):
                    found.append(line.split()[1:])
        m.communicate('{"execute":"quit"}', timeout=60)
    assert len(found) == 1, found
    return found[0]


def memory():
    """KVM's is private, in large pages if they are to be had; the interpreter's is shared."""
    kvm = guest_memory("-accel", "kvm")
    assert "sh" not in kvm, kvm
    if os.path.exists("/sys/kernel/mm/transparent_hugepage"):
        assert "hg" in kvm, kvm
    assert "sh" in guest_memory("-accel", "tcg")


def opens():
    """Succeeds where /dev/kvm can be opened."""
    return ["sh", "-c", 'exec 3<>/dev/kvm && "$@"', "sh"]


TESTS = [
    ("what is known", probe, None),
    ("help says the same", agrees, None),
    ("the default says it too", default, None),
    ("silent with -icount", lambda: silent("-icount", "shift=3"), None),
    ("silent with -accel tcg", lambda: silent("-accel", "tcg"), None),
    ("silent with -machine accel=interp", lambda: silent("-machine", "accel=interp"), None),
    ("a list", lists, None),
    ("translated code checked", checked, None),
    ("counters", counters, opens),
    ("memory", memory, opens),
    ("interrupt chips", irqchip, opens),
    ("no device", missing, without_device),
    ("another device", wrong, other_device),
]
WHY = {opens: "/dev/kvm, and the right to open it",
       without_device: "mounts in a name space of the test's own",
       other_device: "/dev/kvm, and mounts in a name space of the test's own"}


def main():
    failed = 0
    print(f"1..{len(TESTS)}", flush=True)
    for n, (name, test, needs) in enumerate(TESTS, 1):
        if needs and not works(needs()):
            print(f"ok {n} - {name} # SKIP {WHY[needs]}", flush=True)
            continue
        try:
            test()
            print(f"ok {n} - {name}", flush=True)
        except AssertionError as e:
            failed += 1
            print(f"not ok {n} - {name}")
            print("# " + str(e).replace("\n", "\n# "), flush=True)
    return 1 if failed else 0


sys.exit(main())
