# SPDX-License-Identifier: LGPL-2.1-or-later
"""viv ssh on the test driver, which makes up addresses: a program in ssh's place notes what it is asked."""
import os
import stat
import tempfile

from machine import Host
from vivd import Tap

URI = "test:///default"
ADDRESS = "192.168.122.3"
FAKE = """#!/bin/sh
for word; do echo "[$word]"; done
[ -d "$XDG_DATA_HOME/vivarium" ] || exit 9
cat
exit "$STATUS"
"""


class Driver:
    """What Host asks of a daemon."""

    @staticmethod
    def uri():
        return URI


def words(out):
    return [line[1:-1] for line in out.splitlines() if line.startswith("[")]


def steps(h, folder):
    program = os.path.join(folder, "ssh")
    with open(program, "w", encoding="utf-8") as f:
        f.write(FAKE)
    os.chmod(program, stat.S_IRWXU)
    data = os.path.join(folder, "100% data")
    how = {"PATH": folder + ":" + os.environ["PATH"], "XDG_DATA_HOME": data}
    uuid = h.ok("its UUID", "domuuid", "test").strip()
    keys = [f"-oHostKeyAlias={uuid}",
            f'-oUserKnownHostsFile="{folder}/100%% data/vivarium/known_hosts"',
            "-oStrictHostKeyChecking=accept-new", "-oCheckHostIP=no"]
    out = h.ok("to its address", "ssh", "test", STATUS="0", said="hello\n", **how)
    h.true("with its own host key", words(out) == [*keys, "-p22", "--", ADDRESS], out)
    h.true("on this input", "hello\n" in out, out)
    out = h.ok("a command", "ssh", "test", "--user", "anna", "--identity", "a key", "--port",
               "2222", "--source", "agent", "--", "ls", "-l", "a b", STATUS="0", **how)
    h.true("all of it", words(out) == [*keys, "-l", "anna", "-i", "a key", "-p2222", "--", ADDRESS,
                                       "ls", "-l", "a b"], out)
    status, out, err = h.run("ssh", "test", STATUS="3", **how)
    h.true("one that fails", status == 1 and words(out)[-1] == ADDRESS and err == "", out + err)
    line = h.ok("the command", "ssh", "test", "--print", "ls", "a b", **how)
    h.true("as a shell takes it", line.startswith("ssh ") and
           line.rstrip().endswith(f"-p22 -- {ADDRESS} ls 'a b'") and f"'{keys[1]}'" in line, line)
    h.true("as JSON", h.json("ssh", "test", "--print", "ls", "a b", **how) ==
           {"Command": line.rstrip("\n")})
    h.fails("no such source", "ssh", "test", "--source", "x", expect="Unknown data source 'x'", **how)
    for port in "0", "65536":
        h.fails(f"port {port}", "ssh", "test", "--port", port, expect="port must be 1 to 65535")
    h.fails("nobody", "ssh", "nobody", expect="failed to get domain 'nobody'")
    h.fails("no ssh", "ssh", "test", expect="cannot run ssh (apt install openssh-client)",
            PATH=os.path.join(folder, "none"), XDG_DATA_HOME=data)
    status, _, err = h.run("destroy test; ssh test")
    h.true("one that is off", status == 1 and "domain 'test' does not run" in err, err)


results = Tap()
with tempfile.TemporaryDirectory(prefix="ssh-test-") as place:
    steps(Host(results, "test driver", Driver(), place), place)
results.done()
