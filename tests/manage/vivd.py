# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts vivd in a folder of its own, and runs clients on it."""
import os
import shutil
import socket
import subprocess
import tempfile
import time

LIMIT = 60
ENV = {k: v for k, v in os.environ.items() if not k.startswith("LIBVIRT")} | {"LC_ALL": "C.UTF-8"}


class Vivd:
    """A daemon of this user; its state is in a folder of its own, or in the one given."""

    def __init__(self, *options, state=None):
        self.folder = tempfile.mkdtemp(prefix="vivd-")
        self.socket = os.path.join(self.folder, "vivd-sock")
        self.reader = self.socket + "-ro"
        state = state or self.folder
        env = {f"XDG_{kind.upper()}": os.path.join(state, kind.split("_")[0])
               for kind in ("config_home", "cache_home", "data_home", "runtime_dir")}
        os.makedirs(env["XDG_RUNTIME_DIR"], 0o700, exist_ok=True)
        self.child = subprocess.Popen([os.environ["VIVD"], "--session", "--runtime-dir",
                                       self.folder, *options],
                                      stderr=subprocess.PIPE, text=True, env=ENV | env)

    def __enter__(self):
        end = time.monotonic() + LIMIT
        while not self.answers():
            if self.child.poll() is not None or time.monotonic() > end:
                raise RuntimeError("vivd did not start: " + self.stop())
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder)

    def answers(self):
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(self.reader) == 0

    def stop(self):
        """What it said; raises when it did not end well."""
        self.child.terminate()
        said = self.child.communicate(timeout=LIMIT)[1]
        if self.child.returncode != 0:
            raise RuntimeError(f"vivd: exit status {self.child.returncode}\n{said}")
        return said

    def uri(self, read_only=False):
        return f"test+unix:///default?socket={self.reader if read_only else self.socket}"

    def virsh(self, *words, read_only=False):
        return virsh(self.uri(read_only), *words)


def virsh(uri, *words, cwd="/"):
    """(exit status, what it printed, what it complained)."""
    try:
        run = subprocess.run(["virsh", "-c", uri, *words], capture_output=True, text=True, env=ENV,
                             timeout=LIMIT, check=False, input="", cwd=cwd)
    except subprocess.TimeoutExpired:
        return "hangs", "", ""
    return run.returncode, run.stdout, run.stderr


class Tap:
    def __init__(self):
        self.count = 0
        self.failed = 0

    def result(self, name, problems=()):
        self.count += 1
        name = " ".join(name.split())
        for p in problems:
            print("\n".join("# " + line for line in str(p).splitlines()))
        print(f"{'not ok' if problems else 'ok'} {self.count} - {name}", flush=True)
        self.failed += bool(problems)

    def done(self):
        print(f"1..{self.count}")
        raise SystemExit(1 if self.failed else 0)
