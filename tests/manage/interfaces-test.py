#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines on a network: Debian's virt-install makes one, its guest takes a lease, cards are plugged
and unplugged, and virt-clone makes another. Read back from the kernel's links and from the guest;
in name spaces of the test's own. On real QEMU; with VIV_MACHINE on that alone."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET

from vivd import ENV, LIMIT, Tap, Vivd

HANG = 300
NAME = "carded"
MAC = "52:54:00:0a:0b:0c"
RUN = 'viv.run="net; while true; do ping -c 1 -w 1 10.9.0.1; sleep 1; done"'
NET = """<network>
  <name>default</name>
  <forward mode='nat'/>
  <bridge name='virbr7'/>
  <ip address='10.9.0.1' prefix='24'>
    <dhcp><range start='10.9.0.10' end='10.9.0.20'/></dhcp>
  </ip>
</network>
"""
CARD = "<interface type='{}'><source {}='{}'/>{}<model type='virtio'/></interface>"
MK_GUEST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "mk-guest")


class Session(Vivd):
    def uri(self, read_only=False):
        return f"qemu+unix:///session?socket={self.reader if read_only else self.socket}"

    def client(self, program, *words):
        """(exit status, what it said) of a client of the virt-install family."""
        env = ENV | {"HOME": self.folder, "XDG_CACHE_HOME": os.path.join(self.folder, "clients"),
                     "XDG_CONFIG_HOME": os.path.join(self.folder, "clients")}
        r = subprocess.run([shutil.which(program), "--connect", self.uri(), *words], env=env,
                           text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=HANG, check=False)
        return r.returncode, r.stdout


class Steps:
    def __init__(self, tap, vivd, folder):
        self.tap, self.vivd, self.folder = tap, vivd, folder

    def check(self, name, good, why=""):
        self.tap.result(name, [] if good else [why or "it is not so"])
        return good

    def good(self, *words):
        status, out, err = self.vivd.virsh(*words)
        self.check(" ".join(words), status == 0, out + err)
        return out

    def bad(self, says, *words):
        status, out, err = self.vivd.virsh(*words)
        self.check(f"refused: {' '.join(words)}", status == 1 and says in err, out + err)

    def until(self, name, wanted, *words, patience=HANG):
        """What these words say once the pattern is in it."""
        end = time.monotonic() + patience
        while True:
            out = self.vivd.virsh(*words)[1]
            if re.search(wanted, out) or time.monotonic() > end:
                break
            time.sleep(0.2)
        self.check(name, re.search(wanted, out), out)
        return out

    def xml(self, *words):
        return ET.fromstring(self.vivd.virsh("dumpxml", NAME, *words)[1])

    def card(self, number=0, *words):
        found = self.xml(*words).findall("devices/interface")
        return found[number] if number < len(found) else ET.Element("none")

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path


def attribute(card, part, name):
    element = card.find(part)
    return element.get(name) if element is not None else None


def link(name):
    """What the kernel says of a link, "" when there is none."""
    return subprocess.run(["ip", "-d", "link", "show", "dev", name], text=True, timeout=LIMIT,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False).stdout


def install(kit, emulator):
    boot = f"kernel={kit}/vmlinuz,initrd={kit}/initrd.img,kernel_args='console=ttyS0 {RUN}'"
    return ["--name", NAME, "--memory", "256", "--vcpus", "1", "--osinfo", "debian11", "--import",
            "--disk", "none", "--network", f"network=default,mac={MAC}", "--virt-type", "qemu",
            "--graphics", "none", "--noautoconsole",
            "--boot", boot + (f",emulator={emulator}" if emulator else "")]


def updated(s):
    """What serves a running network obeys its changes: see which lease the guest takes."""
    host = f"<host mac='{MAC}' name='fixed' ip='10.9.0.9'/>"
    s.bad("couldn't locate a matching dhcp host entry in network 'default'", "net-update",
          "default", "delete", "ip-dhcp-host", host)
    s.good("net-update", "default", "add", "ip-dhcp-host", host.replace("0.9'", "0.8'"), "--live",
           "--config")
    s.bad(f"there is an existing dhcp host entry in network 'default' that matches \"{host}\"",
          "net-update", "default", "add", "ip-dhcp-host", host)
    s.good("net-update", "default", "modify", "ip-dhcp-host", host, "--live")
    s.check("the running one has the change", "10.9.0.9" in s.good("net-dumpxml", "default"))
    s.check("the kept one has what it was told",
            "10.9.0.8" in s.good("net-dumpxml", "default", "--inactive"))
    for section, part, mark in (
            ("ip-dhcp-range", "<range start='10.9.0.30' end='10.9.0.40'/>", "start='10.9.0.30'"),
            ("dns-host", "<host ip='10.9.0.2'><hostname>two</hostname></host>", "ip='10.9.0.2'"),
            ("dns-txt", "<txt name='t' value='v'/>", "<txt name='t' value='v'/>")):
        s.good("net-update", "default", "add-first", section, part, "--config")
        kept = s.good("net-dumpxml", "default", "--inactive")
        s.check(f"the kept one has its {section}", mark in kept, kept)
        s.check("the running one has not", mark not in s.good("net-dumpxml", "default"))
        s.good("net-update", "default", "delete", section, part, "--config")
        s.check("and it goes", mark not in s.good("net-dumpxml", "default", "--inactive"))
    s.bad("is not entirely within network", "net-update", "default", "add", "ip-dhcp-range",
          "<range start='10.8.0.30' end='10.8.0.40'/>")
    s.bad("dhcp ranges cannot be modified, only added or deleted", "net-update", "default",
          "modify", "ip-dhcp-range", "<range start='10.9.0.10' end='10.9.0.20'/>")
    s.bad("couldn't locate a matching DNS TXT record in network default", "net-update", "default",
          "delete", "dns-txt", "<txt name='q' value='x'/>")
    s.bad("Operation not supported: can't update 'domain' section of network 'default'", "net-update", "default", "add",
          "domain", "<domain name='x'/>")


def installed(s, kit, emulator):
    status, said = s.vivd.client("virt-install", *install(kit, emulator))
    s.check("virt-install makes it", status == 0 and "Domain creation completed." in said, said)
    s.check("the running one has its link", attribute(s.card(), "target", "dev") == "vnet0")
    s.check("and its bridge", attribute(s.card(), "source", "bridge") == "virbr7")
    kept = s.card(0, "--inactive")
    s.check("the kept one has neither",
            kept.find("target") is None and kept.find("source").attrib == {"network": "default"})
    s.check("domiflist", re.search(rf"vnet0 +network +default +virtio +{MAC}",
                                   s.good("domiflist", NAME)))
    seen = link("vnet0")
    for what, wanted in (("under the bridge", "master virbr7"), ("up", ",UP"),
                         ("with a high address", "link/ether fe:54:00:0a:0b:0c"),
                         ("with virtio's header", "vnet_hdr on"), ("a tap", "tun type tap")):
        s.check(f"the link is {what}", wanted in seen, seen)


def addressed(s):
    s.until("the guest takes a lease", MAC, "net-dhcp-leases", "default")
    line = r"vnet0 +52:54:00:0a:0b:0c +ipv4 +10\.9\.0\.9/{}"
    s.until("domifaddr by the lease", line.format(24), "domifaddr", NAME)
    s.until("domifaddr by the neighbours", line.format(0), "domifaddr", NAME, "--source", "arp")
    s.bad("QEMU guest agent is not connected", "domifaddr", NAME, "--source", "agent")
    s.until("domifstat counts", r"vnet0 tx_packets [1-9]", "domifstat", NAME, "vnet0")
    s.bad("'vnet9' is not a known interface", "domifstat", NAME, "vnet9")
    s.check("domstats names it", re.search(r"net\.0\.name=vnet0\s+net\.0\.rx\.bytes=[1-9]",
                                           s.good("domstats", "--interface", NAME)))


def unlinked(s):
    s.check("its link is up", "vnet0 up" in s.good("domif-getlink", NAME, "vnet0"))
    s.good("domif-setlink", NAME, "vnet0", "down")
    s.check("its link is down", "vnet0 down" in s.good("domif-getlink", NAME, "vnet0"))
    s.good("domif-setlink", NAME, "vnet0", "up")
    s.check("it kept its tap", attribute(s.card(), "target", "dev") == "vnet0"
            and attribute(s.card(), "source", "bridge") == "virbr7")


def unplugged(s):
    end = time.monotonic() + LIMIT
    while link("own0") and time.monotonic() < end:
        time.sleep(0.1)
    s.check("its link is gone", link("own0") == "", link("own0"))


def detach(s, mac):
    """The guest of viv-machine takes its time to find a card before it gives it back."""
    words = "detach-interface", NAME, "bridge", "--mac", mac
    end = time.monotonic() + LIMIT
    status, out, err = s.vivd.virsh(*words)
    while "guest is busy" in err and time.monotonic() < end:
        time.sleep(1)
        status, out, err = s.vivd.virsh(*words)
    s.check(" ".join(words), status == 0, out + err)


def plugged(s):
    mac = "52:54:00:0a:0b:0d"
    card = s.file("card.xml", CARD.format("bridge", "bridge", "virbr7",
                                          f"<mac address='{mac}'/><target dev='own0'/>"))
    s.good("attach-device", NAME, card)
    s.check("the plugged one is under its bridge", "master virbr7" in link("own0"), link("own0"))
    s.check("and in the definition", attribute(s.card(1), "target", "dev") == "own0")
    detach(s, mac)
    unplugged(s)
    s.check("and the card", "own0" not in s.good("domiflist", NAME))
    for kind, name, says in (
            ("network", "none", "Network not found: no network with matching name 'none'"),
            ("bridge", "none0", "Cannot get interface MTU on 'none0': No such device")):
        s.bad(says, "attach-device", NAME, s.file("bad.xml", CARD.format(kind, kind, name, "")))
    s.check("nothing of those stays", len(s.xml().findall("devices/interface")) == 1)


def stopped(s):
    s.good("destroy", NAME)
    s.check("the link went with the machine", link("vnet0") == "", link("vnet0"))
    s.good("net-destroy", "default")
    s.bad("Requested operation is not valid: network 'default' is not active", "start", NAME)
    s.good("net-start", "default")
    s.good("start", NAME, "--paused")
    s.check("the next link has the next name", attribute(s.card(), "target", "dev") == "vnet1")
    s.good("destroy", NAME)


def cloned(s):
    status, said = s.vivd.client("virt-clone", "--original", NAME, "--name", "copy",
                                 "--auto-clone")
    s.check("virt-clone makes another", status == 0, said)
    s.check("it is on the network with an address of its own",
            re.search(rf"- +network +default +virtio +(?!{MAC})52:54:00:",
                      s.good("domiflist", "copy")))
    s.good("start", "copy", "--paused")
    s.check("and runs beside the first", "master virbr7" in link("vnet2"))
    s.good("destroy", "copy")
    s.good("undefine", "copy")


def several_queues(s):
    card = s.card(0, "--inactive")
    s.vivd.virsh("detach-device", NAME, s.file("c.xml", ET.tostring(card, "unicode")), "--config")
    ET.SubElement(card, "driver", {"name": "qemu", "queues": "2"})
    s.good("attach-device", NAME, s.file("q.xml", ET.tostring(card, "unicode")), "--config")
    s.good("start", NAME, "--paused")
    s.check("a card of several queues has a link of several", "multi_queue" in link("vnet3"),
            link("vnet3"))
    s.good("destroy", NAME)
    s.good("undefine", NAME)


def inside():
    tap = Tap()
    kit = subprocess.run([MK_GUEST, "busybox"], stdout=subprocess.PIPE, text=True,
                         check=True).stdout.strip()
    with tempfile.TemporaryDirectory(prefix="vivd-interfaces-") as folder:
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        with Session(state=folder) as vivd:
            s = Steps(tap, vivd, folder)
            try:
                s.good("net-define", s.file("net.xml", NET))
                s.good("net-start", "default")
                updated(s)
                installed(s, kit, os.environ.get("VIV_MACHINE"))
                for step in (addressed, unlinked, plugged, stopped, cloned, several_queues):
                    step(s)
            finally:
                for name in (NAME, "copy"):
                    vivd.virsh("destroy", name)
                vivd.virsh("net-destroy", "default")
    tap.done()


def main():
    if sys.argv[1:] == ["inside"]:
        inside()
    if subprocess.run(["unshare", "-nmpf", "true"], check=False,
                      capture_output=True).returncode == 0:
        os.execvp("unshare", ["unshare", "-nmpf", "--propagation", "private", "--mount-proc",
                              sys.executable, __file__, "inside"])
    print("1..0 # SKIP needs name spaces of the network")


main()
