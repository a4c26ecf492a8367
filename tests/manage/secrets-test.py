# SPDX-License-Identifier: LGPL-2.1-or-later
"""Secrets of qemu:///session, by virsh: libvirtd's words, and what is on the disk, in events and in
descriptions: never the value."""
import base64
import glob
import os
import select
import shutil
import subprocess
import tempfile
import time

from machine import Session, Steps
from vivd import ENV, LIMIT, Tap

UUID = "11111111-2222-3333-4444-55555555555{}"
VALUE = b"open sesame \0 and the rest of it"
SECRET = "<secret ephemeral='{}' private='{}'>\n  <uuid>{}</uuid>\n{}</secret>\n"
VOLUME = "  <usage type='volume'>\n    <volume>/var/lib/x</volume>\n  </usage>\n"


def usage(kind, inside):
    return f"<secret><usage type='{kind}'>{inside}</usage></secret>"


# What libvirtd 9.0 refuses, and how.
REFUSED = [
    (usage("volume", ""), "internal error: volume usage specified, but volume path is missing"),
    (usage("ceph", ""), "internal error: Ceph usage specified, but name is missing"),
    (usage("iscsi", ""), "internal error: iSCSI usage specified, but target is missing"),
    (usage("tls", ""), "internal error: TLS usage specified, but name is missing"),
    (usage("vtpm", ""), "internal error: vTPM usage specified, but name is missing"),
    (usage("zzz", ""), "unsupported configuration: unknown secret usage type zzz"),
    ("<secret><usage/></secret>", "XML error: unknown secret usage type"),
    ("<secret ephemeral='x'/>", "XML error: invalid value of 'ephemeral'"),
    ("<secret private='x'/>", "XML error: invalid value of 'private'"),
    ("<secret><uuid>zz</uuid></secret>", "internal error: malformed uuid element"),
    ("<secretx/>", "XML error: expecting root element of 'secret', not 'secretx'"),
    # With the first one there.
    (f"<secret private='yes'><uuid>{UUID.format(1)}</uuid></secret>", "internal error: a secret with "
     f"UUID {UUID.format(1)} is already defined for use with /var/lib/x"),
    (usage("volume", "<volume>/var/lib/x</volume>"), "internal error: a secret with UUID "
     f"{UUID.format(1)} already defined for use with /var/lib/x"),
    (f"<secret><uuid>{UUID.format(1)}</uuid>{VOLUME}</secret>",
     "internal error: cannot change private flag on existing secret"),
]

DISK = """<domain type='qemu'><name>locked</name><memory unit='MiB'>64</memory>
<os><type arch='x86_64' machine='q35'>hvm</type></os>
<devices><emulator>{emulator}</emulator>{disk}</devices></domain>"""


class Secrets(Steps):
    def __init__(self, tap, folder):
        super().__init__(tap, "secrets")
        self.folder = folder
        self.files = f"{folder}/config/vivarium/secrets"

    def write(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            f.write(data if isinstance(data, bytes) else data.encode())
        return path

    def define(self, name, xml):
        return self.ok(name, "secret-define", self.write("secret.xml", xml), expect=" created")

    def value(self, n):
        status, out, _ = self.vivd.virsh("secret-get-value", UUID.format(n))
        return base64.b64decode(out) if status == 0 else None

    def everything(self):
        """All that the daemon wrote, and what it says about itself to whoever looks."""
        with open(f"/proc/{self.vivd.child.pid}/cmdline", "rb") as f:
            seen = f.read()
        for where in ("config", "cache", "data", "runtime"):
            for path in glob.glob(f"{self.folder}/{where}/**", recursive=True):
                if os.path.isfile(path):
                    with open(path, "rb") as f:
                        seen += f.read()
        return seen


def definitions(s):
    s.define("a private one", SECRET.format("no", "yes", UUID.format(1),
                                            "<description>d</description>" + VOLUME))
    s.define("one for Ceph", f"<secret><uuid>{UUID.format(2)}</uuid><usage type='ceph'>"
             "<name>c n</name></usage><other/></secret>")
    s.define("an ephemeral one for nothing", f"<secret ephemeral='yes'><uuid>{UUID.format(3)}</uuid>"
             "</secret>")
    out = s.ok("dumpxml", "secret-dumpxml", UUID.format(1))
    s.true("is the normal form", out.strip() == SECRET.format(
        "no", "yes", UUID.format(1), "  <description>d</description>\n" + VOLUME).strip(), out)
    for xml, words in REFUSED:
        s.fails(f"refused: {xml}", "secret-define", s.write("secret.xml", xml), expect=words)
    for words, wanted in [((), "123"), (("--ephemeral",), "3"), (("--no-ephemeral",), "12"),
                          (("--private",), "1"), (("--no-private",), "23")]:
        out = s.ok(f"list {' '.join(words)}", "secret-list", *words)
        s.true("has the right ones", [n for n in "123" if UUID.format(n) in out] == list(wanted), out)
    s.ok("what it is for is told", "secret-list", expect=f"{UUID.format(2)}   ceph c n")


def values(s):
    path = s.write("value", VALUE)
    s.fails("there is no value", "secret-get-value", UUID.format(2),
            expect=f"Secret not found: secret '{UUID.format(2)}' does not have a value")
    for n in (1, 2, 3):
        s.ok(f"set {n}", "secret-set-value", UUID.format(n), "--file", path, "--plain",
             expect="Secret value set")
    os.unlink(path)
    s.true("a value comes back", s.value(2) == s.value(3) == VALUE, [s.value(2), s.value(3)])
    s.fails("a private one does not", "secret-get-value", UUID.format(1),
            expect="Invalid secret: secret is private")
    s.fails("nor to who may only read", "secret-get-value", UUID.format(2), read_only=True,
            expect="operation forbidden: read only access prevents virSecretGetValue")
    out = s.ok("a reader sees the definition", "secret-dumpxml", UUID.format(2), read_only=True)
    s.true("without it", "sesame" not in out and "value" not in out, out)
    modes = {os.path.basename(p): os.stat(p).st_mode & 0o777 for p in glob.glob(s.files + "/*")}
    s.true("files are the user's alone", set(modes.values()) == {0o600}, modes)
    s.true("an ephemeral one has none", sorted(modes) == sorted(
        ["key"] + [UUID.format(n) + end for n in (1, 2) for end in (".value", ".xml")]), modes)
    seen = s.everything()
    s.true("the value is in no file", VALUE not in seen and b"sesame" not in seen
           and base64.b64encode(VALUE)[4:-4] not in seen, "it is")


def events(s):
    child = subprocess.Popen(["virsh", "-c", s.vivd.uri(), "secret-event", "--event",
                              "value-changed", "--loop"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             env=ENV)
    seen = b""
    try:
        # Until it listens, each value changes unheard.
        s.define("it changes", f"<secret ephemeral='yes'><uuid>{UUID.format(3)}</uuid></secret>")
        path = s.write("value", b"again")
        wanted = f"event 'value-changed' for secret {UUID.format(3)}\n".encode()
        end = time.monotonic() + 2 * LIMIT
        while wanted not in seen and time.monotonic() < end:
            s.vivd.virsh("secret-set-value", UUID.format(3), "--file", path, "--plain")
            if select.select([child.stdout], [], [], 0.2)[0]:
                data = os.read(child.stdout.fileno(), 4096)
                seen += data
                if not data:
                    break
        s.true("an event says that a value changed", wanted in seen and b"again" not in seen, seen)
    finally:
        child.kill()
        child.wait(LIMIT)
        child.stdout.close()


def kept(s):
    s.true("another vivd has the value", s.value(2) == VALUE, s.value(2))
    s.fails("and not the ephemeral one", "secret-dumpxml", UUID.format(3),
            expect=f"Secret not found: no secret with matching uuid '{UUID.format(3)}'")
    s.define("a kept one becomes ephemeral", f"<secret ephemeral='yes'><uuid>{UUID.format(2)}</uuid>"
             "<usage type='ceph'><name>c n</name></usage></secret>")
    s.true("its files go", not glob.glob(f"{s.files}/{UUID.format(2)}*"), os.listdir(s.files))
    s.true("its value stays", s.value(2) == VALUE, s.value(2))
    s.define("and kept again", f"<secret><uuid>{UUID.format(2)}</uuid>"
             "<usage type='ceph'><name>c n</name></usage></secret>")
    s.true("its files come", len(glob.glob(f"{s.files}/{UUID.format(2)}*")) == 2,
           os.listdir(s.files))
    shutil.copy(f"{s.files}/{UUID.format(2)}.value", f"{s.files}/{UUID.format(1)}.value")
    s.define("a third", f"<secret><uuid>{UUID.format(4)}</uuid></secret>")
    s.ok("undefine", "secret-undefine", UUID.format(4), expect="deleted")
    s.true("nothing of it is left", not glob.glob(f"{s.files}/{UUID.format(4)}*"))


def disks(s):
    for what, disk in [
            ("<encryption>", "<disk type='file'><source file='/x'><encryption format='luks'><secret "
             f"type='passphrase' uuid='{UUID.format(2)}'/></encryption></source>"
             "<target dev='vda'/></disk>"),
            ("<auth>", "<disk type='network'><source protocol='rbd' name='p/i'><host name='h'/>"
             f"<auth username='u'><secret type='ceph' uuid='{UUID.format(2)}'/></auth></source>"
             "<target dev='vda'/></disk>")]:
        s.ok(f"a disk with {what} is defined", "define", s.write("disk.xml", DISK.format(
            emulator=shutil.which("qemu-system-x86_64"), disk=disk)))
        s.fails("its start says what is not built", "start", "locked",
                expect=f"unsupported configuration: <disk> with {what} in its <source> is not built")
        s.ok("undefine", "undefine", "locked")


def broken(s, said):
    s.true("a value put in another's place is not its value", f"{UUID.format(1)}.xml is not whole"
           in said and "not for this secret" in said, said)
    s.true("the other is whole", s.value(2) == VALUE, s.value(2))


def main():
    tap = Tap()
    with tempfile.TemporaryDirectory(prefix="vivd-secrets-") as folder:
        s = Secrets(tap, folder)
        with Session(folder) as s.vivd:
            definitions(s)
            values(s)
            events(s)
            disks(s)
        with Session(folder) as s.vivd:
            kept(s)
        s.vivd = Session(folder).__enter__()
        value = s.value(2)
        said = s.vivd.stop()
        shutil.rmtree(s.vivd.folder)
        with Session(folder) as s.vivd:
            broken(s, said)
        os.chmod(f"{s.files}/key", 0o644)
        with Session(folder) as s.vivd:
            s.true("a key that others can read is not used", value == VALUE and s.value(2) is None)
            s.fails("nor for a new value", "secret-set-value", UUID.format(2), "--file",
                    s.write("value", b"x"), "--plain", expect="others may read")
    tap.done()


main()
