# SPDX-License-Identifier: LGPL-2.1-or-later
"""Calls of libvirt's Python binding on vivd's test driver and on the library's own: the same
results, the same errors, the same events. Here is what virsh cannot be asked: it waits for ever
for a job of its own driver that ends before it looks."""
import os
import re
import tempfile

import libvirt

from vivd import Tap, Vivd

TURNS = 20  # of the event loop; a timer ends each
GUEST = "<domain type='test'><name>guest</name><uuid>12345678-1234-1234-1234-123456789abc</uuid>" \
        "<memory>65536</memory><vcpu>2</vcpu><os><type arch='i686'>hvm</type></os></domain>"


class Side:
    """One connection, with a domain, and a folder of its own."""

    def __init__(self, uri):
        self.folder = tempfile.TemporaryDirectory(prefix="vivd-calls-")
        self.said = []
        self.conn = libvirt.open(uri)
        self.dom = self.conn.lookupByName("test")
        self.conn.domainEventRegister(self.on_lifecycle, None)

    def on_lifecycle(self, _conn, dom, event, detail, _opaque):
        self.said.append(f"event {dom.name()} {event} {detail}")

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def ask(self, call, *args):
        """Notes what came back, or the error's number and words."""
        try:
            result = call(*args)
        except libvirt.libvirtError as e:
            result = f"{e.get_error_code()} {e.get_error_domain()} {e}"
        if not isinstance(result, (int, str, list, dict, tuple, type(None))):
            result = type(result).__name__
        told = [a for a in args if isinstance(a, (int, str, list, type(None)))]
        self.said.append(f"{call.__name__}{told!r}: {result!r}")

    def close(self):
        self.conn.getLibVersion()  # what the domain did is told before this answer
        for _ in range(TURNS):
            libvirt.virEventRunDefaultImpl()
        text = "\n".join(self.said).replace(self.folder.name, "FOLDER")
        self.conn.domainEventDeregister(self.on_lifecycle)
        self.conn.close()
        self.folder.cleanup()
        return re.sub(r"<creationTime>\d+", "<creationTime>TIME", text).splitlines()


def saves(s):
    s.ask(s.dom.save, s.path("a"))
    s.ask(s.dom.state)
    s.ask(s.dom.save, s.path("a"))
    for flags in (0, 1, 2):
        s.ask(s.conn.saveImageGetXMLDesc, s.path("a"), flags)
    s.ask(s.conn.saveImageDefineXML, s.path("a"), s.dom.XMLDesc().replace(">2<", ">3<"), 2)
    s.ask(s.conn.restore, s.path("a"))
    s.ask(s.dom.XMLDesc)
    s.ask(s.dom.XMLDesc, 2)
    s.ask(s.conn.restore, s.path("a"))
    s.ask(s.dom.saveFlags, s.path("a"), s.dom.XMLDesc(), 0)
    s.ask(s.dom.saveFlags, s.path("a"), None, 2)
    s.ask(s.conn.restoreFlags, s.path("a"), s.dom.XMLDesc(), 0)
    s.ask(s.conn.restoreFlags, s.path("a"), None, 4)
    s.ask(s.dom.save, s.path("none/a"))
    s.ask(s.dom.state)
    with open(s.path("a"), "rb") as f:
        image = f.read()
    s.said.append(repr(image[:19]))
    for length in (17, 19, 60):
        with open(s.path("cut"), "wb") as f:
            f.write(image[:length])
        s.ask(s.conn.restore, s.path("cut"))
        s.ask(s.conn.saveImageGetXMLDesc, s.path("cut"))
    s.ask(s.conn.saveImageDefineXML, s.path("a"), "<x/>", 0)
    s.ask(s.conn.saveImageDefineXML, s.path("none"), GUEST, 0)
    s.ask(s.conn.restore, s.folder.name)


def saved_and_undefined(s):
    s.ask(s.dom.suspend)
    s.ask(s.dom.save, s.path("a"))
    s.ask(s.dom.undefine)
    s.ask(s.conn.restore, s.path("a"))
    s.ask(s.conn.lookupByName("test").state)
    s.ask(s.conn.lookupByName("test").isPersistent)
    s.ask(s.conn.lookupByName("test").save, s.path("a"))
    s.ask(s.conn.listDefinedDomains)
    s.ask(s.conn.saveImageDefineXML, s.path("a"), GUEST, 0)
    s.ask(s.conn.restore, s.path("a"))
    s.ask(s.conn.lookupByName, "guest")
    s.ask(s.conn.lookupByName("guest").managedSave)


def managed(s):
    s.ask(s.dom.hasManagedSaveImage)
    s.ask(s.dom.managedSave, 2)
    s.ask(s.dom.state)
    s.ask(s.dom.hasManagedSaveImage)
    s.ask(s.dom.managedSave)
    s.ask(s.dom.managedSave, 8)
    s.ask(s.dom.undefine)
    s.ask(s.dom.create)
    s.ask(s.dom.state)
    s.ask(s.dom.hasManagedSaveImage)
    s.ask(s.dom.managedSave)
    s.ask(s.dom.managedSaveRemove)
    s.ask(s.dom.hasManagedSaveImage)
    s.ask(s.dom.create)
    s.ask(s.dom.managedSave)
    s.ask(s.dom.undefineFlags, 1)


def dumps(s):
    for flags in (0, 2, 4, 8):
        s.ask(s.dom.coreDump, s.path("d"), flags)
    for form in range(6):
        s.ask(s.dom.coreDumpWithFormat, s.path("d"), form, 0)
    s.ask(s.dom.coreDump, s.path("none/d"), 0)
    with open(s.path("d"), "rb") as f:
        s.said.append(repr(f.read()))
    s.ask(s.dom.coreDump, s.path("d"), 1)
    s.ask(s.dom.state)
    s.ask(s.dom.coreDump, s.path("d"), 0)


def snapshots(s):
    def make(name, flags=0, more=""):
        s.ask(s.dom.snapshotCreateXML,
              f"<domainsnapshot><name>{name}</name>{more}</domainsnapshot>", flags)
    make("a", 0, "<description>&lt;d&gt;</description>")
    xml = s.dom.snapshotLookupByName("a").getXMLDesc()
    make("b")
    for text, flags in ((xml, 1), (xml, 3), (xml, 2), (xml.replace(">running", ">paused"), 1),
                        (xml.replace(">running", ">nonsense"), 1),
                        (xml.replace(">running", ">shutoff", 1), 1),
                        (xml.replace("<state>running</state>", ""), 1),
                        (xml.replace("6695eb01", "7695eb01"), 1),
                        (xml.replace("<state>", "<parent><name>x</name></parent><state>"), 1),
                        (xml.replace("<state>", "<parent><name>a</name></parent><state>"), 1),
                        (xml.replace("<state>", "<parent><name>b</name></parent><state>"), 1),
                        (xml.replace("<name>a<", "<name>c<", 1), 1), ("<x/>", 0), ("<x", 0),
                        ("<domainsnapshot><name>n</name></domainsnapshot>", 1),
                        ("<domainsnapshot/>", 1)):
        s.ask(s.dom.snapshotCreateXML, text, flags)
    for more in ("<memory snapshot='x'/>", "<memory snapshot='external'/>",
                 "<memory snapshot='external' file='x'/>", "<memory snapshot='internal' file='/x'/>",
                 "<disks><disk/></disks>", "<disks><disk name='vda' snapshot='x'/></disks>",
                 "<disks><disk name='vda'/><disk name='vda'/></disks>"):
        make("d", 0, more)
    s.ask(s.dom.snapshotNum)
    for flags in (4, 12, 0x100, 0x300, 0x12, 0x10, 0x20, 0x60, 0x80, 0xa0, 0x800):
        s.ask(s.dom.snapshotNum, flags)
    for name in "abc":
        snap = s.dom.snapshotLookupByName(name)
        s.ask(snap.getXMLDesc)
        s.ask(snap.isCurrent)
        s.ask(snap.hasMetadata)
        s.ask(snap.numChildren)
        s.ask(snap.numChildren, 1)
        s.ask(snap.getParent)
    s.ask(s.dom.snapshotLookupByName("a").delete, 5)
    gone = s.dom.snapshotLookupByName("b")
    s.ask(gone.delete)
    for call in (gone.delete, gone.getXMLDesc, gone.getParent, gone.isCurrent, gone.numChildren):
        s.ask(call)
    s.ask(s.dom.snapshotLookupByName("a").delete, 1)
    s.ask(s.dom.snapshotCurrent)
    s.ask(s.dom.hasCurrentSnapshot)


def reverts(s):
    for flags in (0, 8):
        s.ask(s.dom.snapshotCreateXML, "<domainsnapshot><name>run</name></domainsnapshot>", flags)
    s.ask(s.dom.suspend)
    s.ask(s.dom.snapshotCreateXML, "<domainsnapshot><name>pause</name></domainsnapshot>", 8)
    s.ask(s.dom.state)
    for name in ("run", "pause"):
        for flags in (0, 1, 2, 4, 8):
            s.ask(s.dom.revertToSnapshot, s.dom.snapshotLookupByName(name), flags)
            s.ask(s.dom.state)


def off_and_on(s):
    for call in (s.dom.suspend, s.dom.resume, s.dom.reboot, s.dom.shutdown, s.dom.create):
        s.ask(call)


def frozen(s):
    for mounts in (None, ["/"], ["/", "/boot"], ["/x"]):
        s.ask(s.dom.fsFreeze, mounts)
        s.ask(s.dom.fsThaw, mounts)
    s.ask(s.dom.fsFreeze, ["/"])
    s.ask(s.dom.fsFreeze)
    s.ask(s.dom.destroy)
    s.ask(s.dom.fsThaw)


def main():
    tap = Tap()
    libvirt.registerErrorHandler(lambda *_: None, None)
    libvirt.virEventRegisterDefaultImpl()
    libvirt.virEventAddTimeout(1, lambda *_: None, None)
    with Vivd() as vivd:
        for calls in (saves, saved_and_undefined, managed, dumps, snapshots, reverts, off_and_on,
                      frozen):
            sides = []
            for uri in (vivd.uri(), "test:///default"):
                side = Side(uri)
                calls(side)
                sides.append(side.close())
            ours, theirs = sides
            tap.result(calls.__name__, [f"ours   {o}\ntheirs {t}"
                                        for o, t in zip(ours, theirs) if o != t] +
                       ([] if len(ours) == len(theirs) else [f"{len(ours)}, not {len(theirs)}"]))
    tap.done()


main()
