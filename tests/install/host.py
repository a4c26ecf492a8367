# SPDX-License-Identifier: GPL-2.0-or-later
"""A host of a test's own: mount name spaces in which /etc is a copy, and /run and what is below
/var are empty, so that accounts, folders and packages can come and go."""
import os
import subprocess
import sys

LIMIT = 120
EMPTY = ("/run", "/var/lib", "/var/log", "/var/cache")
ABLE = os.geteuid() == 0 and subprocess.run(["unshare", "-m", "true"], check=False,
                                            capture_output=True).returncode == 0


def run(*words, check=True, timeout=LIMIT, **more):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, check=False,
                          timeout=timeout, **more)
    if check and done.returncode != 0:
        raise AssertionError(f"{words}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def apart(*words, options=(), timeout=LIMIT):
    """This program again, with these arguments, in name spaces; see enter()."""
    return run("unshare", "-m", *options, "--propagation", "private", sys.executable, sys.argv[0],
               *words, check=False, timeout=timeout)


def enter():
    """To be called first by what apart() started."""
    for where in EMPTY:
        run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", where)
    run("cp", "-a", "/etc", "/run/etc")
    run("mount", "--bind", "/run/etc", "/etc")


def modes(root=""):
    """{folder: (mode, owner, group)} of what is Vivarium's."""
    found = {}
    for where in EMPTY:
        base = os.path.join(root + where, "vivarium")
        for folder in [base] if os.path.isdir(base) else []:
            s = os.lstat(folder)
            found[folder.removeprefix(root)] = (oct(s.st_mode), s.st_uid, s.st_gid)
    return found


def accounts(root=""):
    """What passwd(5) and group(5) say of the account, without the numbers."""
    def rows(name):
        with open(f"{root}/etc/{name}", encoding="utf-8") as f:
            return [line.rstrip("\n").split(":") for line in f]

    users = [[u[0], u[4], u[5], u[6]] for u in rows("passwd") if u[0] == "vivarium"]
    groups = {g[0]: g[3] for g in rows("group") if g[0] in ("vivarium", "kvm")}
    return users, groups
