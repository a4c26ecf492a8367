#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""tools/mk-guest's cache and its words, without a network: each test has a cache of its own."""
import os
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/boot"))
from harness import Tap, scratch  # noqa: E402

# Nothing listens there, so it is a mirror that cannot be reached.
DEAD_MIRROR = "http://127.0.0.1:9/debian"


def mk_guest(cache, *words, **env):
    return subprocess.run([TOP / "tools/mk-guest", *words], text=True, capture_output=True,
                          env=dict(os.environ, VIV_CACHE=str(cache), **env), timeout=240,
                          check=False)


def plant(cache, name, age, *lines):
    """A guest in the cache, as many days old as age says."""
    folder = cache / "guests" / name
    folder.mkdir(parents=True)
    (folder / "info").write_text("\n".join(lines) + "\n", encoding="utf-8")
    stamp = 1_700_000_000 - age * 86400
    os.utime(folder, (stamp, stamp))
    return folder


def words(tap):
    with tap.test("--help names every option"), scratch() as cache:
        out = mk_guest(cache, "--help").stdout
        for option in ("--cloud-init", "--extra", "--format", "--kernel", "--size", "--suite",
                       "--update", "--offline", "--list", "--prune", "VIV_CACHE"):
            assert option in out, option
    for argv, said in ((["--frob"], "no option --frob"), (["vax"], "no guest 'vax'"), ([], "name a"),
                       (["--size", "x", "debian"], "number"), (["busybox", "debian"], "one guest"),
                       (["--format", "vhd", "debian"], "no format vhd")):
        with tap.test(f"refuses {' '.join(argv) or 'nothing'}"), scratch() as cache:
            run = mk_guest(cache, *argv)
            assert run.returncode == 1 and said in run.stderr, run.stderr
            assert run.stdout == "", run.stdout


def network(tap):
    with tap.test("--offline with an empty cache fails"), scratch() as cache:
        run = mk_guest(cache, "--offline", "busybox")
        assert run.returncode == 1 and "--offline" in run.stderr, run.stderr
    with tap.test("a mirror that cannot be reached fails by name"), scratch() as cache:
        (cache / "sources").write_text(f"deb {DEAD_MIRROR} bookworm main\n", encoding="ascii")
        (cache / "conf").write_text(
            f'Dir::Etc::sourcelist "{cache}/sources";\nDir::Etc::sourceparts "/dev/null";\n'
            'Acquire::http::Proxy "false";\nAcquire::Retries "0";\n', encoding="ascii")
        run = mk_guest(cache, "busybox", APT_CONFIG=str(cache / "conf"))
        assert run.returncode == 1, run.stderr
        assert f"cannot be reached: {DEAD_MIRROR}" in run.stderr, run.stderr
        assert not list(cache.glob("guests/busybox-*")), "left a guest"


def cached(tap):
    with tap.test("--list shows what is there"), scratch() as cache:
        folder = plant(cache, "busybox-bookworm-1", 0, "kind: busybox", "kernel: k")
        out = mk_guest(cache, "--list").stdout
        assert str(folder) in out and "kernel: k" in out, out
    with tap.test("--list of an empty cache is empty"), scratch() as cache:
        run = mk_guest(cache, "--list")
        assert run.returncode == 0 and run.stdout == "", run.stderr
    with tap.test("--prune keeps the newest of each kind"), scratch() as cache:
        rows = [plant(cache, f"debian-bookworm-{n}", age, "kind: debian", f"size: {size}",
                      f"package: p {n}", f"recipe: r{n}")
                for n, (age, size) in enumerate([(3, 1), (1, 1), (9, 2), (2, 1)])]
        run = mk_guest(cache, "--prune")
        assert run.returncode == 0, run.stderr
        assert [r.exists() for r in rows] == [False, True, True, False], run.stderr
    with tap.test("--prune removes what dead builds left, not what runs"), scratch() as cache:
        plant(cache, ".tmp-dead", 0)
        alive = cache / "guests/.tmp-alive"
        alive.mkdir()
        mk_guest(cache, "--prune")
        assert not (cache / "guests/.tmp-dead").exists() and alive.exists()


def body(tap):
    words(tap)
    network(tap)
    cached(tap)


Tap().run(body)
