# SPDX-License-Identifier: GPL-2.0-or-later
"""Every option that the help of a network back end, a character device or an object lists has an
effect. Each has a row here: a check of this file, or another test and words that must be in it. An
option without a row fails, and so does a row without an option."""
import os
import pathlib
import pty
import re
import socket
import subprocess
import sys
import tempfile
import termios

from qmp import LIMIT, Qmp

HERE = pathlib.Path(__file__).resolve().parent.parent
MACHINE = os.environ["VIV_MACHINE"]
BASE = ["-M", "none", "-S", "-display", "none"]
count, failed = 0, 0
seen = set()  # (option of the command line, type, name) with a row


def check(name, problems):
    global count, failed
    count += 1
    for p in problems:
        print(f"# {p}")
    print(f"{'not ok' if problems else 'ok'} {count} - {name}", flush=True)
    failed += bool(problems)


def same(got, wanted):
    return [] if got == wanted else [f"{got!r}, not {wanted!r}"]


def row(kind, backend, names, problems):
    seen.update((kind, backend, n) for n in names.split())
    check(f"-{kind} {backend}: {names}", problems)


def run(*args):
    return subprocess.run([MACHINE, *BASE, *args], capture_output=True, text=True, timeout=LIMIT,
                          stdin=subprocess.DEVNULL, check=False)


def refused(*args):
    """What a machine that does not start says; one that starts is told to quit."""
    r = subprocess.run([MACHINE, *BASE, "-monitor", "stdio", *args], capture_output=True, text=True,
                       timeout=LIMIT, input="quit\n", check=False)
    return r.stderr if r.returncode else ""


def filenames(*args):
    with Qmp(MACHINE, [*BASE, *args]) as q:
        found = {c["label"]: c["filename"] for c in q.ask("query-chardev")}
        q.ask("quit")
    return found


# ---- sockets ----

def abstract_names(options):
    """Names of abstract sockets that begin with ours, as the kernel lists them."""
    name = f"viv-test-{os.getpid()}"
    with Qmp(MACHINE, [*BASE, "-chardev",
                       f"socket,id=s,path={name},server=on,wait=off,{options}"]) as q:
        found = re.findall(rf"@({name}@*)$", pathlib.Path("/proc/net/unix").read_text(), re.M)
        q.ask("quit")
    pathlib.Path(name).unlink(missing_ok=True)
    return [(n.rstrip("@") == name, len(n) > len(name)) for n in found]


def unix():
    row("chardev", "socket", "abstract tight", same(
        [abstract_names(o) for o in ("abstract=off", "abstract=on", "abstract=on,tight=off")],
        [[], [(True, False)], [(True, True)]]))
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/s"
        at = filenames("-chardev", f"socket,id=s,path={path},server=on,wait=off")["s"]
    row("chardev", "socket", "path", [] if path in at else [at])


def family(options):
    """Whether a server may listen on an IPv4 address."""
    server = "socket,id=s,port=0,server=on,wait=off"
    return not refused("-chardev", f"{server},host=127.0.0.1,{options}")


def tcp():
    row("chardev", "socket", "ipv4 ipv6", same(
        [family(o) for o in ("ipv4=on", "ipv4=off", "ipv6=on", "ipv6=off")],
        [True, False, False, True]))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        last = min(port + 50, 65535)
        at = filenames("-chardev", f"socket,id=s,host=127.0.0.1,port={port},to={last},server=on,"
                       "wait=off")["s"]
        got = int(re.search(r"127\.0\.0\.1:(\d+)", at)[1])
        row("chardev", "socket", "host port to server", [] if port < got <= last else [at])


def given(options):
    """Nagle's algorithm of a socket that the machine was given, seen through our own descriptor."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with socket.create_connection(listener.getsockname()) as ours, listener.accept()[0]:
            with subprocess.Popen(
                    [MACHINE, *BASE, "-chardev", f"socket,id=s,fd={ours.fileno()},{options}",
                     "-monitor", "stdio"], pass_fds=[ours.fileno()], stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL) as child:
                child.communicate(b"quit\n", timeout=LIMIT)
            return ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def telnet():
    """A telnet server begins with commands of the protocol."""
    with Qmp(MACHINE, [*BASE, "-chardev", "socket,id=s,host=127.0.0.1,port=0,server=on,wait=off,"
                       "telnet=on"]) as q:
        at = {c["label"]: c["filename"] for c in q.ask("query-chardev")}["s"]
        port = int(re.search(r"telnet:127\.0\.0\.1:(\d+)", at)[1])
        with socket.create_connection(("127.0.0.1", port), LIMIT) as peer:
            first = peer.recv(1)
        q.ask("quit")
    row("chardev", "socket", "telnet", same(first, b"\xff"))


def nagle():
    row("chardev", "socket", "fd delay nodelay", same(
        [given(o) for o in ("nodelay=off", "nodelay=on", "delay=off")], [False, True, True]))


def ends_alone(path, options):
    """Whether a machine that is told to quit does so before its socket has a peer."""
    with subprocess.Popen([MACHINE, *BASE, "-chardev", f"socket,id=s,path={path},server=on{options}",
                           "-monitor", "stdio"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as child:
        child.stdin.write(b"quit\n")
        child.stdin.flush()
        if options:
            child.wait(LIMIT)
            return True
        try:
            child.wait(1)
            return True
        except subprocess.TimeoutExpired:
            with socket.socket(socket.AF_UNIX) as peer:
                peer.connect(path)
                child.wait(LIMIT)
            return False


def waits():
    with tempfile.TemporaryDirectory() as folder:
        row("chardev", "socket", "wait", same(
            [ends_alone(f"{folder}/s", o) for o in (",wait=off", "")], [True, False]))


# ---- a terminal ----

def signals(options):
    """Whether Ctrl-c on the machine's terminal is a signal."""
    ours, theirs = pty.openpty()
    control, far = socket.socketpair()
    with subprocess.Popen([MACHINE, *BASE, "-chardev", f"stdio,id=t{options}", "-chardev",
                           f"socket,id=q,fd={far.fileno()}", "-mon", "chardev=q,mode=control"],
                          stdin=theirs, stdout=theirs, pass_fds=[far.fileno()]) as child:
        far.close()
        control.settimeout(LIMIT)
        with control, control.makefile("rw", encoding="utf-8") as file:
            file.readline()
            mode = termios.tcgetattr(theirs)[3]
            file.write('{"execute": "qmp_capabilities"} {"execute": "quit"}')
            file.flush()
            child.wait(LIMIT)
    os.close(ours)
    os.close(theirs)
    return bool(mode & termios.ISIG)


def stdio():
    row("chardev", "stdio", "signal", same(
        [signals(o) for o in ("", ",signal=on", ",signal=off")], [True, True, False]))


# ---- files ----

def appended():
    with tempfile.NamedTemporaryFile() as file:
        found = {}
        for how in ("on", "off"):
            pathlib.Path(file.name).write_text("before")
            filenames("-chardev", f"file,id=f,path={file.name},append={how}")
            found[how] = pathlib.Path(file.name).read_text()
        row("chardev", "file", "append", same(found, {"on": "before", "off": ""}))


# ---- secrets ----

def secrets():
    problems = []
    with tempfile.NamedTemporaryFile() as file:
        taken = f"secret,id=a,file={file.name}"
        with Qmp(MACHINE, [*BASE, "-object", taken]) as q:
            problems += same([o["name"] for o in q.ask("qom-list", path="/objects")
                              if o["type"] == "child<secret>"], ["a"])
            q.ask("quit")
    problems += same("No such file" in refused("-object", taken), True)
    problems += same("one of 'file' and 'data'" in refused("-object", f"{taken},data=x"), True)
    row("object", "secret", "data file", problems)
    row("object", "secret", "format", same(
        [bool(refused("-object", f"secret,id=a,data=ab!,format={f}"))
         for f in ("raw", "base64")], [False, True]))


# (option, type, names, file below tests/, words that must be in it): observed there.
ELSEWHERE = [
    ("netdev", "user", "net dhcpstart hostname", "net/net-test.c", "/net/user-dhcp"),
    ("netdev", "user", "host dns restrict", "net/net-test.c", "/net/user-addresses"),
    ("netdev", "user", "ipv4 ipv6", "net/net-test.c", "/net/user-protocols"),
    ("netdev", "user", "ipv6-prefix ipv6-prefixlen", "net/net-test.c", "/net/user-ipv6-prefix"),
    ("netdev", "user", "ipv6-host ipv6-dns", "net/net-test.c", "/net/user-ipv6-addresses"),
    ("netdev", "user", "domainname dnssearch tftp-server-name bootfile", "net/net-test.c",
     "/net/user-dhcp-names"),
    ("netdev", "user", "tftp", "net/net-test.c", "/net/user-tftp"),
    ("netdev", "user", "hostfwd", "net/net-test.c", "/net/user-hostfwd"),
    ("netdev", "user", "guestfwd", "net/net-test.c", "/net/user-guestfwd"),
    ("netdev", "null", "queues", "monitor/properties-test.py", "netdev null: queues"),
    ("netdev", "tap", "ifname script downscript", "monitor/properties-test.py",
     "netdev tap: ifname script downscript"),
    ("netdev", "tap", "queues", "monitor/properties-test.py", "netdev tap: queues"),
    ("netdev", "tap", "vnet_hdr", "monitor/properties-test.py", "netdev tap: vnet_hdr"),
    ("netdev", "tap", "fd fds", "manage/interfaces-test.py", "a card of several queues"),
    ("netdev", "tap", "vhost", "net/net-test.c", "vhost=on"),  # refused
    ("chardev", "socket", "reconnect", "chardev/chardev-test.c", "/chardev/reconnect"),
    ("chardev", "file", "path input-path", "chardev/chardev-test.c", "input-path"),
    ("chardev", "pipe", "path", "chardev/chardev-test.c", "/chardev/pipe"),
    ("chardev", "ringbuf", "size", "chardev/chardev-test.c", "/chardev/ring"),
    ("object", "rng-random", "filename", "monitor/properties-test.py", "filename=/dev/zero"),
    ("object", "secret", "keyid iv", "main/options-test.py", "data=x,keyid=k"),  # refused
    *(("object", f"memory-backend-{kind}", f"size share prealloc merge dump reserve{more}",
       "main/effect-test.py", "share={other} prealloc=on dump=off reserve=off")
      for kind, more in (("file", " mem-path"), ("memfd", ""), ("ram", ""))),
    ("object", "memory-backend-memfd", "seal", "main/effect-test.py", 'check("seal"'),
]


def every_option():
    listed = set()
    for kind, word in (("netdev", "type"), ("chardev", "backend"), ("object", "qom-type")):
        types = re.findall(r"^ *([a-z][\w-]+)$", run(f"-{kind}", "help").stdout, re.M)
        check(f"-{kind} help lists types", [] if types else [f"nothing for {word}="])
        for t in types:
            listed |= {(kind, t, n) for n in re.findall(r"^  ([\w-]+)=<", run(
                f"-{kind}", f"{t},id=x,help").stdout, re.M)}
    check("every option has a row", sorted(" ".join(w) for w in listed - seen))
    check("every row has an option", sorted(" ".join(w) for w in seen - listed))


for part in (unix, tcp, telnet, nagle, waits, stdio, appended, secrets):
    part()
for kind_, type_, names_, path_, words_ in ELSEWHERE:
    row(kind_, type_, names_,
        [] if words_ in (HERE / path_).read_text() else [f"{path_} has no {words_}"])
every_option()
print(f"1..{count}")
sys.exit(1 if failed else 0)
