# SPDX-License-Identifier: LGPL-2.1-or-later
"""The commands of viv that virsh has not, on vivd with a machine of real QEMU and of viv-machine: what
is missing, what a machine said, what a restart changes, what an error means."""
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid as uuids

from machine import ECHO, VIV, XML, Host, Session, processes
from vivd import LIMIT, Tap

NAME = "small"


def logs(h, folder, uuid):
    path = os.path.join(folder, "cache", "vivarium", "log", uuid + ".log")
    h.ok("where the log is", "logs", NAME, "--path", expect=path)
    with open(path, "a", encoding="utf-8") as f:
        f.write("one\ntwo \x1b[31mred\x07\nlast\n")
    h.ok("all of it", "logs", NAME, "--lines", "0", expect="one\ntwo ?[31mred?\nlast\n")
    out = h.ok("the last lines", "logs", NAME, "--lines", "2")
    h.true("are as many", out == "two ?[31mred?\nlast\n\n", repr(out))
    h.true("as JSON", h.json("logs", NAME, "--lines", "1") == ["last"])
    with open(os.path.join(folder, "followed"), "w+", encoding="utf-8") as f:
        child = subprocess.Popen([VIV, "-c", h.uri, "logs", NAME, "--follow", "--lines", "1"],
                                 stdout=f, env=h.env)
        told = ""
        end = time.monotonic() + LIMIT
        n = 0
        while "news 1\n" not in told and time.monotonic() < end:
            with open(path, "a", encoding="utf-8") as log:
                log.write(f"news {n}\n")
            n += 1
            time.sleep(0.2)
            f.seek(0)
            told = f.read()
        child.send_signal(signal.SIGINT)
        h.true("it can be followed", child.wait(LIMIT) == 0 and "news 1\n" in told, told)


def diff(h, path):
    h.ok("nothing is pending", "diff", NAME, expect="is what its next start takes")
    h.true("as JSON: no lines", h.json("diff", NAME) == [])
    h.ok("another memory", "setmem", NAME, "32M", "--config")
    h.ok("a title", "desc", NAME, "--title", "--config", "--new-desc", "a <title>", program="virsh")
    out = h.ok("what a restart changes", "diff", NAME, "--context", "0")
    h.true("goes and comes", "-   <currentMemory unit='KiB'>65536</currentMemory>\n" in out and
           "+   <currentMemory unit='KiB'>32768</currentMemory>\n" in out and
           "+   <title>a &lt;title&gt;</title>\n" in out and
           len([line for line in out.splitlines() if line.startswith(("+ ", "- "))]) == 3, out)
    rows = h.json("diff", NAME)
    h.true("as JSON", {"Change": "comes",
                       "Line": "<currentMemory unit='KiB'>32768</currentMemory>"} in rows, rows)
    h.ok("destroy", "destroy", NAME)
    h.ok("one that does not run has nothing pending", "diff", NAME, expect="nothing is pending")
    h.ok("as before", "define", path)
    h.fails("of nobody", "diff", "nobody", expect="failed to get domain 'nobody'")


def found(rows, state, what):
    return [r["Found"] for r in rows if r["State"] == state and what in r["What"]]


def doctor(h, disk):
    rows = h.json("doctor")
    h.true("the daemon is well", found(rows, "good", "the daemon") == [h.uri], rows)
    h.true("and the domain", not found(rows, "warning", f"domain {NAME}"), rows)
    os.rename(disk, disk + ".away")
    rows = h.json("doctor")
    os.rename(disk + ".away", disk)
    h.true("a disk that is not there is told",
           found(rows, "warning", f"domain {NAME}") == [f"{disk} is not there"], rows)
    status, out, err = h.run("doctor", PATH="/nonesuch")
    h.true("no emulator is bad", status == 1 and "apt install qemu-system-x86" in out, out + err)
    uri = "viv:///session"
    status, out, err = h.run("doctor", uri=uri, XDG_CACHE_HOME="/nonesuch",
                             XDG_RUNTIME_DIR="/nonesuch")
    h.true("no daemon is bad, and what starts one is told",
           status == 1 and "Failed to connect socket" in out and "vivd " in out, out + err)


def explain(h):
    """Needs no daemon."""
    uri = "qemu+unix:///session?socket=/nonesuch"
    for words in (["42"], ["NO_DOMAIN"], ["vir_err_no_domain"],
                  ["error: Domain not found: no domain with matching name 'x'"]):
        h.ok(f"explain {words[0]}", "explain", *words, expect="VIR_ERR_NO_DOMAIN", uri=uri)
    status, _, err = h.run("suspend", NAME, program="virsh")
    row = h.json("explain", *err.splitlines()[-1].split()) or {}
    h.true("a message as it came", status == 1 and row.get("Code") == "55", err)
    row = h.json("explain", "--domain", "x",
                 "error: unsupported configuration: <sound> with model 'ich9' is not built yet",
                 uri=uri)
    h.true("what takes it away", row["Code"] == "67" and
           row["Command"] == "virt-xml x --remove-device --sound all", row)
    h.fails("what is no error", "explain", "all", "is", "well", expect="no error that is known",
            uri=uri)
    for name in ("doctor", "explain", "diff", "logs", "top"):
        h.ok(f"{name} --help", name, "--help", expect=f"  NAME\n    {name} - ", uri=uri)


def top(h):
    """A guest that polls its serial port keeps its CPU busy."""
    names = {"Name", "vCPUs", "CPU %", "Memory", "Read/s", "Written/s", "Received/s", "Sent/s"}
    rows = h.json("top", "--interval", "1") or [{}]
    row = rows[0]
    h.true("top has the domain that runs", len(rows) == 1 and set(row) == names and
           row["Name"] == NAME and row["vCPUs"] == "1" and row["Memory"] == "64.00 MiB", rows)
    h.true("and what it uses", row.get("CPU %", "-") != "-" and float(row["CPU %"]) > 0 and
           row["Read/s"].endswith("B") and row["Written/s"].endswith("B"), row)
    out = h.ok("two tables", "top", "--interval", "1", "--iterations", "2")
    h.true("are two", out.count(" Name ") == 2 and out.count(f" {NAME} ") == 2 and
           "\x1b" not in out, out)
    h.fails("no time between", "top", "--interval", "0", expect="the interval must be 1 to 86400")
    child = subprocess.Popen([VIV, "-c", h.uri, "top", "--interval", "1", "--iterations", "0"],
                             stdout=subprocess.PIPE, text=True, env=h.env)
    first = child.stdout.readline()
    child.send_signal(signal.SIGINT)
    rest = child.stdout.read()
    child.stdout.close()
    h.true("it goes on until interrupted", child.wait(LIMIT) == 0 and " Name " in first and
           f" {NAME} " in rest, first + rest)
    uri = "test:///default"
    rows = h.json("top", "--interval", "1", "--once", uri=uri)
    h.true("what a host does not tell is no number", rows[0]["vCPUs"] == "-" and
           rows[0]["Sent/s"] == "-", rows)


def prepare(folder, emulator, uuid):
    disk, path = os.path.join(folder, "disk"), os.path.join(folder, "small.xml")
    with open(disk, "wb") as f:
        f.write(ECHO + bytes(510 - len(ECHO)) + b"\x55\xaa")
        f.truncate(1 << 20)
    with open(path, "w", encoding="utf-8") as f:
        f.write(XML.format(name=NAME, uuid=uuid, emulator=emulator, disk=disk, usb="none"))
    return disk, path


def on_vivd(tap, what, emulator):
    uuid = str(uuids.uuid4())
    with tempfile.TemporaryDirectory(prefix="own-test-") as folder:
        disk, path = prepare(folder, emulator, uuid)
        with Session(folder) as vivd:
            h = Host(tap, what, vivd, folder)
            try:
                h.ok("define", "define", path)
                h.fails("no log yet", "logs", NAME, expect="it was never started")
                doctor(h, disk)
                explain(h)
                h.ok("start", "start", NAME)
                logs(h, folder, uuid)
                top(h)
                diff(h, path)
            finally:
                for pid in processes(uuid):
                    os.kill(pid, signal.SIGKILL)


results = Tap()
on_vivd(results, "QEMU", shutil.which("qemu-system-x86_64"))
if os.environ.get("VIV_MACHINE"):
    on_vivd(results, "viv-machine", os.environ["VIV_MACHINE"])
results.done()
