# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts Debian's libvirtd in session mode with a folder of its own, and runs virsh on it. libvirtd
run by root is the system's, so root becomes nobody."""
import os
import shutil
import subprocess
import tempfile
import time

LIMIT = 120
NOBODY = "65534"


class Libvirtd:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="libvirtd-", dir="/var/tmp")
        self.daemons = []
        self.prefix = []
        env = {k: v for k, v in os.environ.items() if not k.startswith(("LIBVIRT", "XDG"))}
        self.env = env | {"HOME": self.folder, "LC_ALL": "C.UTF-8",
                          "XDG_RUNTIME_DIR": f"{self.folder}/run",
                          "PATH": os.environ["PATH"] + ":/usr/sbin"}
        os.mkdir(f"{self.folder}/run", 0o700)
        if os.geteuid() == 0:
            os.chmod(self.folder, 0o755)
            self.prefix = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
            for path in (self.folder, f"{self.folder}/run"):
                os.chown(path, int(NOBODY), int(NOBODY))

    def __enter__(self):
        for name in ("virtlogd", "libvirtd"):
            # pylint: disable=consider-using-with
            self.daemons.append(subprocess.Popen([*self.prefix, name], env=self.env,
                                                 cwd=self.folder, stdin=subprocess.DEVNULL,
                                                 stdout=subprocess.DEVNULL,
                                                 stderr=subprocess.DEVNULL))
        end = time.monotonic() + LIMIT
        while self.virsh("uri")[0] != 0:
            if time.monotonic() > end or self.daemons[1].poll() is not None:
                self.__exit__()
                raise RuntimeError("libvirtd did not start")
            time.sleep(0.3)
        return self

    def __exit__(self, *_):
        for daemon in reversed(self.daemons):
            daemon.terminate()
            daemon.wait(LIMIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def virsh(self, *words):
        """(exit status, what it printed, what it complained)."""
        # Without --connect's own autostart: the daemon is ours or none.
        run = subprocess.run([*self.prefix, "virsh", "-c", "qemu+unix:///session?socket="
                              f"{self.folder}/run/libvirt/libvirt-sock", *words], env=self.env,
                             cwd="/", capture_output=True, text=True, timeout=LIMIT,
                             stdin=subprocess.DEVNULL, check=False)
        return run.returncode, run.stdout, run.stderr
