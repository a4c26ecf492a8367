# SPDX-License-Identifier: LGPL-2.1-or-later
"""Networks of qemu:///session: what virsh says of them, in libvirtd's words, and what is then in the
kernel. Everything happens in network name spaces of the test's own."""
import os
import re
import subprocess
import sys
import tempfile

from vivd import LIMIT, Tap, Vivd, virsh

tap = Tap()

PLAIN = """<network>
  <name>plain</name>
  <uuid>18615c7d-04f4-46ed-a03e-1865fef9cc8a</uuid>
  <bridge name='virbr1' stp='on' delay='0'/>
  <mac address='52:54:00:b2:dc:21'/>
  <domain name='lab.example' localOnly='yes'/>
  <dns>
    <txt name='t' value='hello'/>
    <srv service='s' protocol='tcp' domain='d' target='t.lab' port='1'/>
    <host ip='10.9.0.7'>
      <hostname>seven</hostname>
    </host>
  </dns>
  <ip address='10.9.0.1' prefix='24'>
    <dhcp>
      <range start='10.9.0.10' end='10.9.0.20'>
        <lease expiry='2' unit='minutes'/>
      </range>
      <host mac='52:54:00:00:00:07' name='seven' ip='10.9.0.7'/>
    </dhcp>
  </ip>
</network>
"""

# What a client may write, in another order than libvirt keeps; and what libvirtd 9.0 makes of it.
FORMS = [
    ("<forward dev='eth0'><nat><port start='10' end='20'/></nat></forward><ip address='10.0.0.1' "
     "prefix='24'><dhcp/></ip>", """
  <forward dev='eth0' mode='nat'>
    <nat>
      <port start='10' end='20'/>
    </nat>
    <interface dev='eth0'/>
  </forward>
  <bridge name='virbr1' stp='on' delay='0'/>
  <ip address='10.0.0.1' prefix='24'>
  </ip>
"""),
    ("<dns><txt name='a' value='x&quot;y'/><forwarder addr='8.8.8.8'/></dns><bridge delay='3'/>", """
  <bridge name='virbr1' stp='on' delay='3'/>
  <dns>
    <forwarder addr='8.8.8.8'/>
    <txt name='a' value='x&quot;y'/>
  </dns>
"""),
    ("<bridge name='br7'/><forward mode='bridge'/>", """
  <forward mode='bridge'/>
  <bridge name='br7'/>
"""),
    ("<bridge name='vx%d' stp='off'/>", """
  <bridge name='vx0' stp='off' delay='0'/>
"""),
]

# What libvirtd 9.0 refuses, and how.
IP = "<ip address='10.0.0.1' prefix='24'><dhcp>%s</dhcp></ip>"
REFUSED = [
    ("<forward mode='bogus'/>", "unsupported configuration: unknown forwarding type 'bogus'"),
    ("<forward mode='nat'/>",
     "XML error: nat forwarding requested, but no IP address provided for network 'e'"),
    ("<forward mode='bridge'/><bridge name='b'/><ip address='10.0.0.1'/>",
     "unsupported configuration: Unsupported <ip> element in network e with forward mode='bridge'"),
    ("<bridge delay='x'/>", "XML error: Invalid delay value in network 'e'"),
    ("<mtu size='x'/>", "XML error: Invalid mtu size 'x' in network 'e'"),
    ("<mac address='x'/>", "XML error: Invalid bridge mac address 'x' in network 'e'"),
    ("<mac address='01:00:00:00:00:01'/>",
     "XML error: Invalid multicast bridge mac address '01:00:00:00:00:01' in network 'e'"),
    ("<ip/>", "XML error: Missing required address attribute in network 'e'"),
    ("<ip address='10.7.0.300'/>", "XML error: Invalid address '10.7.0.300' in network 'e'"),
    ("<ip address='fd00::1'/>", "unsupported configuration: no family specified for non-IPv4 "
     "address 'fd00::1' in network 'e'"),
    ("<ip family='ipv6' address='fd00::1' netmask='255.0.0.0'/>", "unsupported configuration: "
     "netmask not allowed for IPv6 address 'fd00::1' in network 'e'"),
    ("<ip family='ipv6' address='fd00::1' prefix='129'/>",
     "unsupported configuration: Invalid IPv6 prefix '129' in network 'e'"),
    ("<ip address='10.0.0.1' prefix='33'/>",
     "unsupported configuration: Invalid IPv4 prefix '33' in network 'e'"),
    ("<ip address='10.0.0.1' netmask='255.0.0.0' prefix='8'/>", "unsupported configuration: "
     "Network 'e' IP address cannot have both a prefix and a netmask"),
    (IP % "<range start='10.0.0.2'/>",
     "XML error: Missing 'end' attribute in dhcp range for network 'e'"),
    (IP % "<range start='10.0.0.x' end='10.0.0.9'/>",
     "Cannot parse socket address '10.0.0.x': Name or service not known"),
    (IP % "<range start='10.0.0.9' end='10.0.0.3'/>",
     "internal error: range 10.0.0.9 - 10.0.0.3 is reversed "),
    (IP % "<range start='10.8.0.2' end='10.8.0.3'/>",
     "internal error: range 10.8.0.2 - 10.8.0.3 is not entirely within network 10.0.0.1/24"),
    (IP % "<range start='10.0.0.0' end='10.0.0.9'/>", "internal error: start of range 10.0.0.0 - "
     "10.0.0.9 in network 10.0.0.1/24 is the network address"),
    (IP % "<range start='10.0.0.2' end='10.0.0.255'/>", "internal error: end of range 10.0.0.2 - "
     "10.0.0.255 in network 10.0.0.1/24 is the broadcast address"),
    (IP % "<host ip='10.0.0.3'/>", "XML error: Static host definition in IPv4 network 'e' must "
     "have mac or name attribute"),
    (IP % "<host name='a'/>",
     "XML error: Missing IP address in static host definition for network 'e'"),
    (IP % "<host mac='52:54:00:00:00:01' ip='10.0.0.x'/>",
     "XML error: Invalid IP address in static host definition for network 'e'"),
    (IP % "<host mac='xx' ip='10.0.0.3'/>",
     "XML error: Cannot parse MAC address 'xx' in network 'e'"),
    ("<dns><txt name='a b' value='x'/></dns>",
     "prohibited character in DNS TXT record name 'a b' of network e"),
    ("<dns><host ip='z'><hostname>q</hostname></host></dns>",
     "Invalid IP address in network 'e' DNS HOST record"),
    ("<dns><host ip='10.0.0.9'/></dns>", "Missing hostname in network 'e' DNS HOST record"),
    ("<dns><forwarder addr='nope'/></dns>",
     "XML error: Invalid forwarder IP address 'nope' in network 'e'"),
    ("<dns><srv protocol='tcp'/></dns>",
     "missing required service attribute in DNS SRV record of network e"),
]


class Host:
    """virsh on a vivd; each step says what it expects of status and output."""

    def __init__(self, folder):
        self.folder = folder
        self.uri = None
        self.problems = []

    def on(self, vivd):
        self.uri = f"qemu+unix:///session?socket={vivd.socket}"
        return self

    def run(self, *words):
        return virsh(self.uri, *words, cwd=self.folder)

    def good(self, *words, says=""):
        status, out, err = self.run(*words)
        if status != 0 or says not in out:
            self.problems.append(f"{words}: {status} {out}{err}, wanted: {says}")
        return out

    def bad(self, *words, says):
        status, out, err = self.run(*words)
        if status != 1 or "error: " + says not in err:
            self.problems.append(f"{words}: {status} {out}{err}, wanted: {says}")

    def check(self, what, seen, wanted):
        if seen != wanted:
            self.problems.append(f"{what}: {seen}, wanted: {wanted}")

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def xml(self, name, inside):
        return self.file("net.xml", f"<network><name>{name}</name>{inside}</network>")

    def result(self, name):
        tap.result(name, self.problems)
        self.problems = []


def definitions(h):
    h.good("net-define", h.file("plain.xml", PLAIN), says="Network plain defined from ")
    h.check("form", h.good("net-dumpxml", "plain").strip(), PLAIN.strip())
    h.good("net-info", "plain", says="Bridge:         virbr1")
    h.good("net-autostart", "plain", says="Network plain marked as autostarted")
    h.check("uuid", h.good("net-uuid", "plain").strip(), "18615c7d-04f4-46ed-a03e-1865fef9cc8a")
    h.check("name", h.good("net-name", "18615c7d-04f4-46ed-a03e-1865fef9cc8a").strip(), "plain")
    h.bad("net-define", h.xml("plain", ""), says="operation failed: network 'plain' already exists "
          "with uuid 18615c7d-04f4-46ed-a03e-1865fef9cc8a")
    h.bad("net-define", h.xml("e", "<bridge name='virbr1'/>"),
          says="internal error: bridge name 'virbr1' already in use.")
    h.bad("net-define", h.xml("a\nb", ""), says="invalid char in name: ")
    h.bad("net-define", h.xml("../b", ""), says="XML error: name ../b cannot contain '/'")
    h.bad("net-info", "none", says="Network not found: no network with matching name 'none'")
    h.result("a network is defined, in libvirt's form")


def forms(h):
    for given, wanted in FORMS:
        h.good("net-define", h.xml("e", given))
        seen = re.sub(r"  <(uuid|mac)\b.*\n", "", h.good("net-dumpxml", "e")).strip()
        wanted = wanted.replace("virbr1", "virbr0")
        h.check("form", seen, f"<network>\n  <name>e</name>{wanted}</network>")
        h.good("net-undefine", "e", says="Network e has been undefined")
    h.result("defaults and order are libvirtd's")


def refused(h):
    for given, words in REFUSED:
        h.bad("net-define", h.xml("e", given), says=words)
    h.bad("net-info", "e", says="Network not found: ")
    h.result("what makes no sense is refused in libvirtd's words")


def kept(h):
    h.check("form", h.good("net-dumpxml", "plain").strip(), PLAIN.strip())
    h.good("net-info", "plain", says="Autostart:      yes")
    h.good("net-autostart", "plain", "--disable")
    h.good("net-undefine", "plain", says="Network plain has been undefined")
    h.result("another vivd has the definition")


def inside():
    with tempfile.TemporaryDirectory(prefix="vivd-networks-") as folder:
        state = os.path.join(folder, "state")
        h = Host(folder)
        with Vivd(state=state) as vivd:
            for step in (definitions, forms, refused):
                step(h.on(vivd))
        with Vivd(state=state) as vivd:
            kept(h.on(vivd))
    tap.done()


def main():
    if sys.argv[1:] == ["inside"]:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True, timeout=LIMIT)
        inside()
    for space in (["unshare", "-nm"], ["unshare", "-rnm"]):
        if subprocess.run([*space, "true"], check=False, capture_output=True).returncode == 0:
            os.execvp("unshare", [*space, sys.executable, __file__, "inside"])
    print("1..0 # SKIP needs name spaces of the network")


main()
