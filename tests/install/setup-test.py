#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""vivd --setup makes what systemd's tools make of vivd's rules, on a host of the test's own; it says
what it does, does it once, and mends."""
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "manage"))
from host import ABLE, LIMIT, accounts, apart, enter, modes, run  # noqa: E402
from vivd import Tap  # noqa: E402

VIVD = os.environ["VIVD"]
FILES = {"passwd": "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n",
         "group": "root:x:0:\nnogroup:x:65534:\n", "shadow": "root:*:1::::::\n",
         "gshadow": "root:*::\n"}
FOLDERS = ["/run/vivarium", "/var/lib/vivarium", "/var/log/vivarium", "/var/cache/vivarium"]
WHAT = ["group kvm", "group vivarium", "account vivarium", "account vivarium in group kvm", *FOLDERS]


def fresh(root=""):
    """A host without the account."""
    os.makedirs(f"{root}/etc", exist_ok=True)
    for name, text in FILES.items():
        with open(f"{root}/etc/{name}", "w", encoding="utf-8") as f:
            f.write(text)
    for folder in FOLDERS:
        run("rm", "-rf", root + folder)


def state():
    with open("/etc/passwd", encoding="utf-8") as f, open("/etc/group", encoding="utf-8") as g:
        return f.read(), g.read(), modes()


def setup(*words, user=None):
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
    return run(*become, VIVD, "--setup", *words, check=False)


def said(done, word, **others):
    """The problems where not each line says this of its thing, and no line more is there."""
    wanted = [f"{what}: {others.get(what, word)}" for what in WHAT]
    return [] if done.returncode == 0 and done.stdout.splitlines() == wanted else [done]


JOINED = {"account vivarium in group kvm": "added"}


def dry_run():
    """It tells all, to anybody, and does nothing."""
    fresh()
    before = state()
    would = {"account vivarium in group kvm": "would be added"}
    found = said(setup("--dry-run"), "would be made", **would)
    found += said(setup("--dry-run", user=65534), "would be made", **would)
    return found + ([] if state() == before else ["it changed something"])


def needs_root():
    fresh()
    before, r = state(), setup(user=65534)
    return [] if r.returncode == 1 and "only root can" in r.stderr and not r.stdout \
        and state() == before else [r]


def like_systemd():
    """The same as systemd's tools make of the rules that vivd shows."""
    fresh()
    found = said(setup(), "made", **JOINED)
    root = "/run/other"
    fresh(root)
    for program, rules in (("systemd-sysusers", "--sysusers"), ("systemd-tmpfiles", "--tmpfiles")):
        words = ["--create"] if rules == "--tmpfiles" else []
        run(program, f"--root={root}", *words, "-", input=run(VIVD, rules).stdout)
    ours, theirs = (modes(), accounts()), (modes(root), accounts(root))
    if ours != theirs or set(ours[0]) != set(FOLDERS):
        found.append((ours, theirs))
    return found


def once():
    """What is there stays as it is."""
    before = state()
    found = said(setup(), "there")
    return found + ([] if state() == before else ["it changed something"])


def mends():
    """Modes and owners, and an account that is in no group; what is inside stays."""
    os.makedirs("/var/lib/vivarium/domains", 0o700, exist_ok=True)
    right = modes()
    os.chmod("/var/lib/vivarium", 0o777)
    os.chown("/var/log/vivarium", 65534, 65534)
    os.rmdir("/var/cache/vivarium")
    run("gpasswd", "--delete", "vivarium", "kvm")
    changes = JOINED | {
        "/var/lib/vivarium": "given to root with mode 0711 (was 0:0, 0777)",
        "/var/log/vivarium": "given to root with mode 0700 (was 65534:65534, 0700)",
        "/var/cache/vivarium": "made"}
    before = state()
    found = said(setup("--dry-run"), "there", **{k: f"would be {v}" for k, v in changes.items()})
    if state() != before:
        found.append("the dry run changed something")
    found += said(setup(), "there", **changes)
    if modes() != right or accounts()[1]["kvm"] != "vivarium" or \
            not os.path.isdir("/var/lib/vivarium/domains"):
        found.append((modes(), accounts()))
    return found


def suits_vivd():
    """A start of the system's vivd finds it, and changes none of the modes."""
    right = modes()
    child = subprocess.Popen([VIVD])
    end = time.monotonic() + LIMIT
    while not os.path.exists("/run/vivarium/vivd-sock-ro") and time.monotonic() < end:
        time.sleep(0.05)
    group = os.stat("/run/vivarium/vivd-sock").st_gid
    child.terminate()
    status = child.wait(LIMIT)
    member = int(run("id", "-g", "vivarium").stdout)
    good = status == 0 and modes() == right and group == member
    return [] if good else [(status, group, member, modes())]


def refuses():
    """What it must not use, or cannot make, is named; nothing behind it is done."""
    def root_account():
        with open("/etc/passwd", "a", encoding="utf-8") as f:
            f.write("vivarium:x:0:0::/:/bin/sh\n")

    def file_in_the_way():
        with open("/var/lib/vivarium", "w", encoding="utf-8"):
            pass

    def no_useradd():
        run("mount", "--bind", "/dev/null", "/usr/sbin/useradd")

    def read_only():
        run("mount", "-o", "remount,bind,ro", "/etc")

    cases = ((root_account, "the account 'vivarium' that machines run as has root's rights"),
             (file_in_the_way, "'/var/lib/vivarium' is there and no directory"),
             (no_useradd, "this host has no program useradd; what it is wanted for: useradd "
                          "--system --gid vivarium"),
             (read_only, "group kvm: 'groupadd --system kvm' failed: "))
    found = []
    for change, words in cases:
        fresh()
        change()
        r = setup()
        if r.returncode != 1 or words not in r.stderr or "/var/log" in r.stdout or \
                os.path.exists("/var/log/vivarium"):
            found.append((change.__name__, r))
        if change is no_useradd:
            run("umount", "/usr/sbin/useradd")
    return found


TESTS = [dry_run, needs_root, like_systemd, once, mends, suits_vivd, refuses]


def inside():
    tap = Tap()
    enter()
    for test in TESTS:
        tap.result(f"setup: {test.__doc__ or 'it needs root'}", test())
    tap.done()


def main():
    if sys.argv[1:] == ["inside"]:
        inside()
    tap = Tap()
    r = run(VIVD, "--dry-run", check=False)
    tap.result("--dry-run is for --setup", [] if r.returncode == 2 and "for --setup" in r.stderr
               else [r])
    if not ABLE:
        tap.count += 1
        print(f"ok {tap.count} - setup # SKIP needs root and name spaces")
        tap.done()
    with open("/etc/passwd", encoding="utf-8") as f:
        before = f.read()
    r = apart("inside")
    print("".join(f"# {line}\n" for line in (r.stdout + r.stderr).splitlines()), end="")
    tap.result("setup on a host of the test's own",
               [] if r.returncode == 0 and f"1..{len(TESTS)}" in r.stdout else ["see above"])
    with open("/etc/passwd", encoding="utf-8") as f:
        tap.result("and this host is as it was", [] if f.read() == before else ["it is not"])
    tap.done()


main()
