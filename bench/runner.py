# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs benchmarks: see script/bench --help.

A file bench/WHAT-bench.py defines ROWS, a list of row.Row. Runs of both sides alternate, and the
ratio is taken pair by pair, so that what the host does meanwhile hits both."""
import argparse
import datetime
import fnmatch
import importlib.util
import json
import os
import pathlib
import statistics
import subprocess
import sys

from row import QEMU, TOP, BenchError

HERE = pathlib.Path(__file__).resolve().parent


def load_rows():
    rows = []
    for path in sorted(HERE.glob("*-bench.py")):
        spec = importlib.util.spec_from_file_location(path.stem.replace("-", "_"), path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        rows += module.ROWS
    return rows


def measure(row, pairs):
    """The figures of both sides; one run of each first, which warms caches and is not kept."""
    ours, peer = [], []
    for n in range(pairs + 1):
        mine = row.ours()
        theirs = row.peer() if row.peer else None
        if n > 0:
            ours.append(mine)
            if theirs is not None:
                peer.append(theirs)
    return ours, peer


def spread(figures):
    return f"{statistics.median(figures):.4g} [{min(figures):.4g}..{max(figures):.4g}]"


def report(row, ours, peer):
    line = f"{row.name}: ours {spread(ours)} {row.unit}"
    if peer:
        ratios = [a / b for a, b in zip(ours, peer)]
        line += f", peer {spread(peer)} {row.unit}, ours/peer {spread(ratios)}"
        line += " (lower is better)" if row.lower_is_better else " (higher is better)"
    print(line + (f"; aim: {row.aim}" if row.aim else ""), flush=True)


def cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        return next((line.split(":", 1)[1].strip() for line in f
                     if line.startswith("model name")), os.uname().machine)


def context():
    commit = subprocess.run(["git", "-C", str(TOP), "rev-parse", "--short=12", "HEAD"],
                            capture_output=True, text=True, check=False).stdout.strip()
    peer = subprocess.run([QEMU, "--version"], capture_output=True, text=True,
                          check=False).stdout.split("\n")[0]
    return {"commit": commit, "cpu": cpu_model(), "cpus": os.cpu_count(), "peer": peer,
            "load": os.getloadavg()[0],
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d")}


def main():
    parser = argparse.ArgumentParser(prog="script/bench")
    parser.add_argument("pattern", nargs="*")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    rows = [r for r in load_rows()
            if not args.pattern or any(fnmatch.fnmatch(r.name, f"*{p}*") for p in args.pattern)]
    if args.list:
        print("\n".join(f"{r.name} ({r.unit})" for r in rows))
        return 0
    results, failed = [], 0
    for row in rows:
        missing = [str(n) for n in row.needs if not os.path.exists(n)]
        if missing:
            print(f"{row.name}: not run, {' '.join(missing)} is not built")
            continue
        try:
            ours, peer = measure(row, args.pairs)
        except (BenchError, subprocess.SubprocessError, OSError) as e:
            failed += 1
            print(f"{row.name}: FAILED: {e}")
            continue
        report(row, ours, peer)
        results.append({"name": row.name, "unit": row.unit, "ours": ours, "peer": peer})
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({**context(), "rows": results}, f, indent=1)
            f.write("\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
