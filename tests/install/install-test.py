#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""meson install into a scratch root: programs run from there, a guest boots from there, manuals
and completions are readable, and uninstalling leaves nothing. usage: install-test.py BUILD"""
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "boot"))
from debian import ICOUNT  # noqa: E402
from harness import Machine, Tap, guest, scratch  # noqa: E402

BUILD = sys.argv[1]


def run(*argv, **env):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=300,
                          env=dict(os.environ, **env), check=False)
    assert done.returncode == 0, f"{argv}: exit status {done.returncode}\n{done.stdout[-800:]}" \
                                 f"{done.stderr[-800:]}"
    return done.stdout


def files(root):
    return sorted(p for p in root.rglob("*") if not p.is_dir())


def programs(tap, installed):
    for path in (p for p in installed if p.parent.name == "bin"):
        with tap.test(f"{path.name} runs from where it was installed"):
            out = run(path, "-version" if path.name.startswith("viv-machine") else "--version")
            assert out.strip(), "says no version"


def names(tap, installed):
    """The name a machine is called by chooses its guest; -arch is stronger."""
    programs = {p.name: p for p in installed if p.parent.name == "bin"}
    for name, options, board in (("viv-machine-riscv64", [], "RISC-V"),
                                 ("viv-machine-x86_64", [], "Standard PC"),
                                 ("viv-machine", ["-arch", "riscv64"], "RISC-V"),
                                 ("viv-machine-riscv64", ["-arch", "x86_64"], "Standard PC")):
        with tap.test(f"{' '.join([name, *options])} runs that guest"):
            first = run(programs[name], *options, "-machine", "help").splitlines()[1]
            assert board in first and first.endswith("(default)"), first


def pages(tap, installed):
    manuals = [p for p in installed if "/man/man" in str(p)]
    with tap.test("manuals are readable"):
        assert manuals, "no manual was installed"
        for path in manuals:
            out = run("man", "-l", path, MANWIDTH="80", MANPAGER="cat", LC_ALL="C.UTF-8")
            assert "NAME" in out and len(out) > 300, f"{path.name}: {out[:200]}"
    for path in (p for p in installed if p.parent.name == "completions"):
        with tap.test(f"the completion of {path.name} loads"):
            out = run("bash", "-c", f"set -e; . '{path}'; complete -p {path.name}")
            assert "_viv" in out, out


def boots(tap, machine):
    kit = guest("busybox")
    with Machine([*ICOUNT, "-m", "256M", "-nographic", "-no-reboot", "-nic", "none", "-kernel",
                  kit / "vmlinuz", "-initrd", kit / "initrd.img",
                  "-append", "console=ttyS0 quiet viv.run=true"], program=machine) as m:
        with tap.test("the installed machine boots a guest"):
            m.expect("BUSYBOX-UP")
            m.expect("VIV-EXIT 0")
            assert m.wait() == 0


def body(tap):
    with scratch() as root:
        with tap.test("installs"):
            run("meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", DESTDIR=str(root))
            installed = files(root)
            assert installed, "nothing was installed"
        programs(tap, installed)
        names(tap, installed)
        pages(tap, installed)
        for machine in (p for p in installed if p.name == "viv-machine" and
                        p.parent.name == "bin"):
            boots(tap, machine)
        with tap.test("uninstalls, and nothing is left"):
            run("ninja", "-C", BUILD, "uninstall")
            left = [str(p.relative_to(root)) for p in root.rglob("*")]  # folders too
            assert not left, f"left: {left}"


Tap().run(body)
