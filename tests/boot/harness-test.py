#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The boot harness itself, against a shell in place of a machine."""
import subprocess
import sys
import textwrap

from harness import BootError, Machine, Tap, own_copy, scratch


def raises(call):
    try:
        call()
    except BootError as e:
        return str(e)
    raise AssertionError("no BootError")


def expecting(tap):
    with tap.test("expect passes over what it matched, and over colours"):
        with Machine(["-c", r"printf 'one \033[1mtwo\033[0m three one'"], "/bin/sh") as m:
            assert m.expect("one two").group(0) == b"one two"
            assert m.expect("one", 20)
            assert "two three" in m.text()
    with tap.test("expect fails when the machine ends"):
        with Machine(["-c", "echo partial"], "/bin/sh") as m:
            why = raises(lambda: m.expect("whole", 20))
            assert "the machine ended" in why and "partial" in why, why
    with tap.test("expect fails at its limit"):
        with Machine(["-c", "sleep 60"], "/bin/sh") as m:
            assert "0.3 s passed" in raises(lambda: m.expect("x", 0.3))


def talking(tap):
    with tap.test("send and command"):
        with Machine(["-c", "while read -r l; do eval \"$l\"; done"], "/bin/sh") as m:
            m.send("echo got-$((1+1))\n")
            m.expect("got-2", 20)
            status, _ = m.command("false", 20)
            assert status == 1
    with tap.test("wait returns the exit status"):
        with Machine(["-c", "exit 7"], "/bin/sh") as m:
            assert m.wait(20) == 7
    with tap.test("leaving kills the machine"):
        with Machine(["-c", "exec sleep 60"], "/bin/sh") as m:
            pass
        assert m.child.returncode == -15


def reporting(tap):
    script = textwrap.dedent("""
        from harness import Tap
        def body(tap):
            with tap.test("good"):
                pass
            with tap.test("bad"):
                assert False, "because"
            with tap.test("never"):
                pass
        Tap().run(body)
    """)
    with tap.test("a failure is reported and ends the test"):
        out = subprocess.run([sys.executable, "-c", script], cwd=sys.path[0], text=True,
                             capture_output=True, check=False)
        assert out.returncode == 1
        lines = [line for line in out.stdout.splitlines() if not line.startswith("# 0")]
        assert lines == ["ok 1 - good", "not ok 2 - bad", "# because", "1..2"], lines


def copying(tap):
    with tap.test("a copy of an image is the test's own"), scratch() as folder:
        (folder / "a").mkdir()
        (folder / "image").write_bytes(b"disk")
        copy = own_copy(folder / "image", folder / "a")
        copy.write_bytes(b"other")
        assert (folder / "image").read_bytes() == b"disk"


def body(tap):
    expecting(tap)
    talking(tap)
    reporting(tap)
    copying(tap)


Tap().run(body)
