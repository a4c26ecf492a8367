#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Save, restore, managed save, dumps and their jobs by Debian's virsh, on real QEMU and, but for dumps
of memory alone, on viv-machine. The guest counts the bytes that its serial port gets: what it answers
tells whether it is the one that was saved."""
import os
import shutil
import signal
import struct
import subprocess
import tempfile
import uuid

from machine import COUNTER, Session, Steps, answer, first_answer, processes
from vivd import ENV, LIMIT, Tap

NAME = "saved"
UUID = str(uuid.uuid4())  # its machines are ended by it, and no other run's
HEADER = 92
XML = """<domain type='qemu'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>{memory}</memory>
  <vcpu>1</vcpu>
  <os><type arch='x86_64' machine='q35'>hvm</type></os>
  <features><acpi/></features>
  <cpu mode='custom' match='exact'><model>qemu64</model></cpu>
  <devices>
    <emulator>{emulator}</emulator>
    <disk type='file'>
      <driver name='qemu' type='qcow2'/>
      <source file='{folder}/disk.qcow2'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <controller type='usb' model='none'/>
    <serial type='unix'><source mode='bind' path='{folder}/serial'/></serial>
    <serial type='file'><source path='{folder}/ready'/></serial>
    <memballoon model='virtio'/>
  </devices>
</domain>
"""


def make(folder, emulator, memory=32):
    with open(f"{folder}/disk.raw", "wb") as f:
        f.write(COUNTER + bytes(510 - len(COUNTER)) + b"\x55\xaa")
        f.truncate(1 << 20)
    subprocess.run(["qemu-img", "convert", "-O", "qcow2", f"{folder}/disk.raw",
                    f"{folder}/disk.qcow2"], check=True)
    path = f"{folder}/saved.xml"
    with open(path, "w", encoding="utf-8") as f:
        f.write(XML.format(name=NAME, uuid=UUID, folder=folder, memory=memory,
                           emulator=emulator))
    return path


def header(path):
    with open(path, "rb") as f:
        return f.read(16), struct.unpack("=19I", f.read(HEADER - 16))


def save_and_restore(s, folder):
    image = f"{folder}/a.save"
    s.ok("save, with progress", "save", NAME, image, "--verbose", expect=f"saved to {image}")
    s.ok("it is off then", "domstate", "--reason", NAME, expect="shut off (saved)")
    s.true("no process is left", not processes(UUID))
    magic, words = header(image)
    s.true("the image has libvirt's header",
           magic == b"LibvirtQemudSave" and words[0] == 2 and words[2] == 1, (magic, words))
    with open(image, "rb") as f:
        f.seek(HEADER + words[1])
        s.true("then the emulator's state", f.read(len(s.magic)) == s.magic)
    out = s.ok("the job is told of", "domjobinfo", NAME, "--completed", "--keep-completed",
               expect="Operation:        Save")
    s.true("with figures", "Job type:         Completed" in out and "Memory total:" in out, out)
    s.ok("save-image-dumpxml", "save-image-dumpxml", image, expect=f"<uuid>{UUID}</uuid>")
    s.ok("restore", "restore", image, expect="Domain restored from")
    s.ok("it runs", "domstate", "--reason", NAME, expect="running (restored)")
    s.true("the guest goes on counting", answer(folder) == b"B")
    s.fails("restore what runs", "restore", image, expect=f"domain '{NAME}' is already active")
    s.ok("no job is left", "domjobinfo", NAME, expect="Job type:         None")
    s.fails("nor one to end", "domjobabort", NAME, expect="no job is active on the domain")


def states(s, folder):
    image = f"{folder}/b.save"
    s.ok("save, to be paused", "save", NAME, image, "--paused", "--bypass-cache")
    s.ok("restore paused", "restore", image)
    s.ok("it is paused", "domstate", "--reason", NAME, expect="paused (migrating)")
    s.ok("save a paused one", "save", NAME, image)
    s.true("the image says so", header(image)[1][2] == 0, header(image))
    s.ok("restore it running", "restore", image, "--running", "--bypass-cache")
    s.true("it counts on", answer(folder) == b"C")
    s.fails("running and paused", "save", NAME, image, "--running", "--paused",
            expect="mutually exclusive")
    s.fails("a folder that is not there", "save", NAME, f"{folder}/none/x.save",
            expect="No such file or directory")
    s.true("it goes on", answer(folder) == b"D")


def other_definitions(s, folder):
    image, path = f"{folder}/c.save", f"{folder}/other.xml"
    s.ok("save", "save", NAME, image)
    xml = s.ok("its definition", "save-image-dumpxml", image)

    def change(a, b):
        assert a in xml
        with open(path, "w", encoding="utf-8") as f:
            f.write(xml.replace(a, b))

    change("<on_reboot>restart<", "<on_reboot>destroy<")
    s.ok("save-image-define", "save-image-define", image, path)
    s.ok("is in the image", "save-image-dumpxml", image, expect="<on_reboot>destroy<")
    s.ok("and to be paused", "save-image-define", image, path, "--paused")
    s.true("which the header says", header(image)[1][2] == 0, header(image))
    change("<memory unit='KiB'>32768<", "<memory unit='KiB'>65536<")
    s.fails("a definition of another machine", "save-image-define", image, path,
            expect="does not match source")
    s.fails("restore under it", "restore", image, "--xml", path, expect="does not match source")
    shutil.copy(f"{folder}/disk.qcow2", f"{folder}/moved.qcow2")
    change(f"{folder}/disk.qcow2", f"{folder}/moved.qcow2")
    s.ok("restore with its disk elsewhere", "restore", image, "--xml", path, "--running")
    s.ok("it is there", "domblklist", NAME, expect=f"{folder}/moved.qcow2")
    s.ok("not at the next start", "domblklist", NAME, "--inactive", expect=f"{folder}/disk.qcow2")
    s.true("it counts on", answer(folder) == b"E")
    s.ok("destroy", "destroy", NAME)
    damaged(s, folder, image)


def damaged(s, folder, image):
    with open(image, "rb") as f:
        data = f.read()
    length = HEADER + struct.unpack("=I", data[20:24])[0]
    path = f"{folder}/bad.save"
    for name, content, expect in (
            ("an empty image", b"", "failed to read qemu header"),
            ("no image", b"x" * 200, "image magic is incorrect"),
            ("half an image", b"LibvirtQemudPart" + data[16:], "save image is incomplete"),
            ("one of a later version", data[:16] + b"\3\0\0\0" + data[20:], "not supported"),
            ("one without end", data[:20] + b"\xff" * 4 + data[24:], "invalid XML length"),
            ("a short one", data[:500], "failed to read domain XML"),
            ("one that is compressed", data[:28] + b"\1\0\0\0" + data[32:], "gzip"),
            ("one whose state is none", data[:length] + b"none" * 50, s.no_stream),
            ("one that ends early", data[:length + 5000], "closed the monitor")):
        with open(path, "wb") as f:
            f.write(content)
        s.fails("restore " + name, "restore", path, expect=expect)
    s.fails("restore what is not there", "restore", f"{folder}/nonesuch",
            expect="No such file or directory")
    s.ok("nothing runs", "domstate", NAME, expect="shut off")
    s.true("no process is left", not processes(UUID))


def managed(s, folder):
    kept = f"{folder}/config/vivarium/save/{UUID}.save"
    s.ok("start", "start", NAME)
    first_answer(s, folder)
    s.ok("managedsave", "managedsave", NAME, "--verbose")
    s.true("the image is ours", header(kept)[0] == b"LibvirtQemudSave")
    s.ok("is told of", "dominfo", NAME, expect="Managed save:   yes")
    s.ok("is listed", "list", "--all", "--with-managed-save", "--name", expect=NAME)
    s.ok("managedsave-dumpxml", "managedsave-dumpxml", NAME, expect=f"<uuid>{UUID}</uuid>")
    s.fails("undefine", "undefine", NAME, expect="managed save image exists")
    s.vivd.__exit__()
    s.vivd = Session(folder).__enter__()
    s.ok("a later daemon knows", "dominfo", NAME, expect="Managed save:   yes")
    s.ok("start goes on with it", "start", NAME)
    s.ok("it is restored", "domstate", "--reason", NAME, expect="running (restored)")
    s.true("it counts on", answer(folder) == b"B")
    s.true("the image is used up", not os.path.exists(kept))
    s.ok("managedsave, paused", "managedsave", NAME, "--paused")
    s.ok("start --force-boot", "start", NAME, "--force-boot")
    s.ok("boots", "domstate", "--reason", NAME, expect="running (booted)")
    first_answer(s, folder)
    s.true("the image is gone", not os.path.exists(kept))
    s.ok("managedsave again", "managedsave", NAME)
    s.ok("managedsave-remove", "managedsave-remove", NAME)
    s.true("the image is gone again", not os.path.exists(kept))
    s.fails("no definition is left", "managedsave-dumpxml", NAME,
            expect="domain does not have managed save image")
    s.fails("a stopped one", "managedsave", NAME, expect="domain is not running")


def dumps(s, folder):
    s.ok("start", "start", NAME)
    first_answer(s, folder)
    path = f"{folder}/dump"
    if s.what == "QEMU":
        memory_dumps(s, folder, path)
    s.ok("dump of the whole state", "dump", NAME, path)
    with open(path, "rb") as f:
        s.true("is the emulator's", f.read(len(s.magic)) == s.magic)
    s.true("it counts on", answer(folder) == b"B")
    if s.what == "QEMU":
        s.ok("dump and reset", "dump", NAME, path, "--memory-only", "--reset")
        first_answer(s, folder, 2)
    s.ok("dump and crash", "dump", NAME, path, "--crash",
         *(["--memory-only"] if s.what == "QEMU" else []))
    s.ok("it is off", "domstate", "--reason", NAME, expect="shut off (crashed)")


def memory_dumps(s, folder, path):
    for words, magic in (((), b"\x7fELF"), (("--format", "kdump-zlib"), b"makedumpfile"),
                         (("--live",), b"\x7fELF")):
        s.ok("dump " + " ".join(words), "dump", NAME, path, "--memory-only", "--verbose", *words)
        with open(path, "rb") as f:
            s.true("is one", f.read(len(magic)) == magic)
    s.ok("the job is told of", "domjobinfo", NAME, "--completed", expect="Operation:        Dump")
    s.fails("a format that QEMU refuses", "dump", NAME, path, "--memory-only", "--format",
            "win-dmp", expect="memory-only dump failed: ")


def begin_dump(s, folder):
    """A dump that takes long: into a pipe nobody reads, which takes no more than its buffer."""
    pipe = f"{folder}/pipe"
    if not os.path.exists(pipe):
        os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    dump = subprocess.Popen(["virsh", "-c", s.vivd.uri(), "dump", NAME, pipe],
                            stderr=subprocess.PIPE, text=True, env=ENV)
    s.until("the job runs", "domjobinfo", NAME, expect="Operation:        Dump")
    s.until("the guest does not", "domstate", "--reason", NAME, expect="paused (dumping)")
    return dump, end


def stopped(s, folder):
    s.ok("start", "start", NAME)
    first_answer(s, folder)
    dump, end = begin_dump(s, folder)
    s.ok("statistics are given beside it", "domstats", "--state", NAME, expect="state.state=3")
    s.ok("domjobabort", "domjobabort", NAME)
    os.close(end)
    said = dump.communicate(timeout=LIMIT)[1]
    s.true("the dump says so",
           "operation aborted: domain core dump job: canceled by client" in said, said)
    s.ok("it runs again", "domstate", "--reason", NAME, expect="running")
    s.true("it counts on", answer(folder) == b"B")
    s.ok("the job is told of", "domjobinfo", NAME, "--completed", expect="Job type:")
    s.fails("save to what is no file", "save", NAME, f"{folder}/pipe", expect="no regular file")
    dump, end = begin_dump(s, folder)
    s.ok("destroy beside it", "destroy", NAME)
    os.close(end)
    said = dump.communicate(timeout=LIMIT)[1]
    s.true("the dump says that", "error: " in said, said)
    s.ok("it is off", "domstate", "--reason", NAME, expect="shut off (destroyed)")


def found_again(s, folder):
    """A daemon that dies while its guest is paused for a dump: the next one lets it go on."""
    s.ok("start", "start", NAME)
    first_answer(s, folder)
    dump, end = begin_dump(s, folder)
    s.vivd.child.kill()
    s.vivd.child.wait(LIMIT)
    dump.communicate(timeout=LIMIT)
    os.close(end)
    shutil.rmtree(s.vivd.folder)
    s.vivd = Session(folder).__enter__()
    s.until("a later daemon makes it run", "domstate", NAME, expect="running")
    s.true("it counts on", answer(folder) == b"B")
    s.ok("no job is left", "domjobinfo", NAME, expect="Job type:         None")
    s.ok("destroy", "destroy", NAME)


def machine(tap, what, emulator, magic, no_stream):
    s = Steps(tap, what)
    s.magic, s.no_stream = magic, no_stream
    folder = tempfile.mkdtemp(prefix="save-")
    s.vivd = Session(folder).__enter__()
    try:
        s.ok("define", "define", make(folder, emulator))
        s.ok("start", "start", NAME)
        first_answer(s, folder)
        save_and_restore(s, folder)
        states(s, folder)
        other_definitions(s, folder)
        managed(s, folder)
        dumps(s, folder)
        stopped(s, folder)
        found_again(s, folder)
    finally:
        s.vivd.__exit__()
        for pid in processes(UUID):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder)


def main():
    tap = Tap()
    machine(tap, "QEMU", shutil.which("qemu-system-x86_64"), b"QEVM", "Not a migration stream")
    if os.environ.get("VIV_MACHINE"):
        machine(tap, "viv-machine", os.environ["VIV_MACHINE"], b"VIVSTATE", "not a saved machine")
    tap.done()


main()
