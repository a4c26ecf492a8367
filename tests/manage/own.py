# SPDX-License-Identifier: LGPL-2.1-or-later
"""Asks viv and virsh on one daemon."""
import json
import os
import subprocess

from vivd import ENV, LIMIT

VIV = os.environ["VIV"]


class Host:
    """A vivd that viv and virsh are asked on."""

    def __init__(self, tap, what, vivd, folder):
        self.tap, self.what, self.uri = tap, what, vivd.uri()
        self.env = ENV | {"XDG_CACHE_HOME": os.path.join(folder, "cache"),
                          "XDG_RUNTIME_DIR": os.path.join(folder, "runtime")}

    def run(self, *words, program=VIV, options=(), uri=None, said=None, **env):
        done = subprocess.run([program, "-c", uri or self.uri, *options, *words], text=True,
                              capture_output=True, env=self.env | env, timeout=LIMIT, check=False,
                              input=said or "", cwd="/")
        return done.returncode, done.stdout, done.stderr

    def json(self, *words, **how):
        out = self.run(*words, options=["--format=json"], **how)[1]
        return json.loads(out) if out else None

    def true(self, name, value, why=""):
        self.tap.result(f"{self.what}: {name}", [] if value else [why])

    def ok(self, name, *words, expect="", **how):
        status, out, err = self.run(*words, **how)
        self.true(name, status == 0 and expect in out, f"{words}: {status} {out}{err}")
        return out

    def fails(self, name, *words, expect, **how):
        status, out, err = self.run(*words, **how)
        self.true(name, status == 1 and expect in err, f"{words}: {status} {out}{err}")
