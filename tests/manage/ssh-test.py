# SPDX-License-Identifier: LGPL-2.1-or-later
"""viv ssh and forward on the test driver, which makes up addresses: a program in ssh's place notes what
it is asked; servers of this process are what a guest's would be."""
import os
import random
import signal
import socket
import stat
import subprocess
import tempfile
import threading

from machine import VIV, Host
from vivd import LIMIT, Tap

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
    line = h.ok("to another address", "ssh", "test", "--print", "--address", "::1", **how)
    h.true("that is a number", line.rstrip().endswith("-- ::1"), line)
    h.fails("and no name", "ssh", "test", "--address", "-x", expect="'-x' is no address", **how)
    h.fails("no such source", "ssh", "test", "--source", "x", expect="Unknown data source 'x'", **how)
    for port in "0", "65536":
        h.fails(f"port {port}", "ssh", "test", "--port", port, expect="port must be 1 to 65535")
    h.fails("nobody", "ssh", "nobody", expect="failed to get domain 'nobody'")
    h.fails("no ssh", "ssh", "test", expect="cannot run ssh (apt install openssh-client)",
            PATH=os.path.join(folder, "none"), XDG_DATA_HOME=data)
    status, _, err = h.run("destroy test; ssh test")
    h.true("one that is off", status == 1 and "domain 'test' does not run" in err, err)

def serve_backwards(server):
    """Each connection in turn: its bytes come back in reverse order when its client has said all."""
    while True:
        try:
            link = server.accept()[0]
        except OSError:
            return
        with link:
            said = bytearray()
            while data := link.recv(65536):
                said += data
            link.sendall(said[::-1])


def ask(port, data):
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT) as link:
        link.sendall(data)
        link.shutdown(socket.SHUT_WR)
        got = bytearray()
        while part := link.recv(65536):
            got += part
        return bytes(got)


def forwarded(h, child, target):
    lines = [child.stdout.readline(), child.stdout.readline()]
    ports = [int(line.split()[1]) for line in lines]
    h.true("forward says where", lines[0] == f"Port {ports[0]} of 127.0.0.1 leads to port "
           f"{target} of 127.0.0.1\n", lines)
    h.true("both ways", ask(ports[0], b"hello") == b"olleh")
    data = random.Random(7).randbytes(3_000_000)
    h.true("much, as it was", ask(ports[0], data) == data[::-1])
    links = [socket.create_connection(("127.0.0.1", ports[0]), timeout=LIMIT)
             for _ in range(100)]
    for link in links:
        link.close()
    h.true("after many", ask(ports[0], b"abc") == b"cba")
    try:
        told = ask(ports[1], b"")
    except ConnectionError:
        told = b""
    h.true("nobody there: the connection ends", told == b"")
    h.true("the other goes on", ask(ports[0], b"ab") == b"ba")
    child.send_signal(signal.SIGINT)
    h.true("until interrupted", child.wait(LIMIT) == 0)


def forward(h):
    with socket.create_server(("127.0.0.1", 0), backlog=256) as server, socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        target, nobody = server.getsockname()[1], deaf.getsockname()[1]
        threading.Thread(target=serve_backwards, args=[server], daemon=True).start()
        child = subprocess.Popen([VIV, "-c", URI, "forward", "test", f"0:{target}", f"0:{nobody}",
                                  "--address", "127.0.0.1"], stdout=subprocess.PIPE, text=True,
                                 env=h.env)
        try:
            forwarded(h, child, target)
        finally:
            child.kill()
            child.stdout.close()
            child.wait()
        taken = f"{target}:{target}"
        h.fails("a port that is taken", "forward", "test", taken, "--address", "127.0.0.1",
                expect=f"cannot listen at 127.0.0.1 port {target}: Address already in use")
    for text in "x", "1:2:3", "80:0", "0", "70000:1", "-1:2", "1:":
        h.fails(f"port {text}", "forward", "test", "--", text, expect="is no port, nor two")
    h.fails("no address", "forward", "test", "1:2", "--address", "host", expect="'host' is no address")
    h.fails("nor to listen at", "forward", "test", "0:2", "--listen", "-x",
            expect="-x port 0: ")
    h.fails("too many", "forward", "test", *["0:1"] * 17, expect="more than 16 ports")


results = Tap()
with tempfile.TemporaryDirectory(prefix="ssh-test-") as place:
    host = Host(results, "test driver", Driver(), place)
    steps(host, place)
    forward(host)
results.done()
