# SPDX-License-Identifier: LGPL-2.1-or-later
"""Networks of qemu:///session: what virsh says of them, in libvirtd's words, and what is then in the
kernel. Everything happens in network name spaces of the test's own."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

from vivd import ENV, LIMIT, Tap, Vivd, virsh

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


# --- networks that run

NAT = """<forward mode='nat'/><bridge stp='off'/><domain name='lab.example' localOnly='yes'/>
<dns><txt name='t' value='a,&quot;b'/><host ip='10.9.0.7'><hostname>seven</hostname></host></dns>
<ip address='10.9.0.1' prefix='24'><dhcp><range start='10.9.0.10' end='10.9.0.20'/>
<host mac='52:54:00:00:00:07' name='fixed' ip='10.9.0.99'/></dhcp></ip>"""

# What busybox's DHCP client calls with what it was given.
CLIENT = """#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr add "$ip/$mask" dev "$interface"
[ -z "$router" ] || ip route add default via "$router"
echo "$ip"
"""


def sh(*words, check=True):
    run = subprocess.run(words, capture_output=True, text=True, timeout=LIMIT, check=False,
                         stdin=subprocess.DEVNULL)
    if check and run.returncode != 0:
        raise RuntimeError(f"{words}: {run.stdout}{run.stderr}")
    return run.stdout


def inside_of(space, *words):
    return sh("ip", "netns", "exec", space, *words, check=False)


def make_outside():
    """A host beyond ours, 198.51.100.2, that tells who asks it."""
    sh("ip", "netns", "add", "out")
    sh("ip", "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", "out")
    sh("ip", "addr", "add", "198.51.100.1/24", "dev", "up0")
    sh("ip", "link", "set", "up0", "up")
    inside_of("out", "ip", "addr", "add", "198.51.100.2/24", "dev", "eth0")
    inside_of("out", "ip", "link", "set", "eth0", "up")
    code = ("import socket\n"
            "s = socket.create_server(('', 7))\n"
            "print('listens', flush=True)\n"
            "while True:\n"
            "    c, who = s.accept()\n"
            "    c.sendall(who[0].encode())\n"
            "    c.close()\n")
    server = subprocess.Popen(["ip", "netns", "exec", "out", sys.executable, "-c", code],
                              stdout=subprocess.PIPE)
    server.stdout.readline()
    return server


def make_guest(space, mac):
    """A card of a guest on the network's bridge."""
    sh("ip", "netns", "add", space)
    sh("ip", "link", "add", space + "-tap", "type", "veth", "peer", "name", "eth0", "netns", space)
    inside_of(space, "ip", "link", "set", "eth0", "address", mac)
    sh("ip", "link", "set", space + "-tap", "master", "virbr0", "up")
    inside_of(space, "ip", "link", "set", "eth0", "up")


def ask_outside(space, patience=30):
    """Whom the server outside saw, or nothing."""
    code = ("import socket\n"
            f"s = socket.create_connection(('198.51.100.2', 7), {patience})\n"
            "print(s.recv(100).decode())\n")
    return inside_of(space, sys.executable, "-c", code).strip()


def dnsmasqs(folder):
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as f:
                words = f.read()
        except OSError:
            continue
        if "dnsmasq" in words and folder in words:
            found.append(int(pid))
    return found


def tables():
    return re.findall(r"table (\S+ \S+)", sh("nft", "list", "tables"))


def started(h):
    h.good("net-define", h.xml("n", NAT))
    h.good("net-start", "n", says="Network n started")
    h.bad("net-start", "n", says="Requested operation is not valid: network is already active")
    h.check("address", re.findall(r"inet (\S+)", sh("ip", "addr", "show", "virbr0")),
            ["10.9.0.1/24"])
    h.check("tables", tables(), ["inet vivarium_virbr0"])
    h.check("dnsmasq", len(dnsmasqs(h.folder)), 1)
    h.check("ports", "<port start='1024' end='65535'/>" in h.good("net-dumpxml", "n"), True)
    h.check("ports", "<port" in h.good("net-dumpxml", "n", "--inactive"), False)
    h.result("a network starts: bridge, table, dnsmasq")


def guests(h):
    client = h.file("client", CLIENT)
    os.chmod(client, 0o755)
    for space, mac, wanted in (("g1", "52:54:00:00:00:07", r"10\.9\.0\.99"),
                               ("g2", "52:54:00:00:00:08", r"10\.9\.0\.(1\d|20)")):
        make_guest(space, mac)
        seen = inside_of(space, "busybox", "udhcpc", "-i", "eth0", "-n", "-q", "-f", "-t", "20",
                         "-T", "1", "-s", client, "-x", "hostname:" + space)
        h.check("address of " + space, bool(re.search(wanted, seen)) or seen, True)
    for name, wanted in (("seven", r"10\.9\.0\.7"), ("fixed", r"10\.9\.0\.99"),
                         ("g2.lab.example", r"10\.9\.0\.(1\d|20)")):
        seen = inside_of("g1", "busybox", "nslookup", name, "10.9.0.1")
        h.check("the name " + name, bool(re.search(f"Address: {wanted}\n", seen)) or seen, True)
    lease = r"(?m)^ \d{4}-\d\d-\d\d \d\d:\d\d:\d\d +52:54:00:00:00:07 +ipv4 +10\.9\.0\.99/24 +fixed +"
    seen = h.good("net-dhcp-leases", "n")
    h.check("leases", (seen.count("ipv4"), bool(re.search(lease, seen)) or seen), (2, True))
    seen = h.good("net-dhcp-leases", "n", "52:54:0:0:0:08")
    h.check("leases of one", (seen.count("ipv4"), "g2" in seen), (1, True))
    h.bad("net-dhcp-leases", "n", "x", says="invalid MAC address: x")
    h.result("guests get addresses from it, and names; virsh lists the leases")


def outside(h):
    h.check("who asks", ask_outside("g1"), "198.51.100.1")
    h.result("guests reach the outside with the host's address")


def docker(h):
    h.good("net-destroy", "n")
    sh("nft", "add table ip filter; add chain ip filter DOCKER-USER; add chain ip filter FORWARD "
       "{ type filter hook forward priority 0; policy drop; }; "
       "add rule ip filter FORWARD jump DOCKER-USER")
    h.good("net-start", "n")
    for space in ("g1", "g2"):
        sh("ip", "link", "set", space + "-tap", "master", "virbr0")
    h.check("who asks", ask_outside("g1"), "198.51.100.1")
    h.check("rules", sh("nft", "list", "chain", "ip", "filter", "DOCKER-USER").count("accept"), 2)
    h.good("net-destroy", "n")
    h.check("rules", sh("nft", "list", "chain", "ip", "filter", "DOCKER-USER").count("accept"), 0)
    sh("nft", "delete", "table", "ip", "filter")
    h.result("a network comes through Docker's chain, and takes its rules away")


def dropped(h):
    sh("nft", "add table inet other; add chain inet other pass "
       "{ type filter hook forward priority 0; policy drop; }")
    h.good("net-start", "n")
    for space in ("g1", "g2"):
        sh("ip", "link", "set", space + "-tap", "master", "virbr0")
    h.check("who asks", ask_outside("g1", 2), "")
    h.result("a table of somebody else's drops what guests send")


def obeyed(h, said):
    """Of the vivd that started it: what it says to do helps."""
    commands = [line for line in said.splitlines() if line.startswith("nft insert rule ")]
    h.check("commands", len(commands), 2)
    for command in commands:
        sh(*command.split())
    h.check("who asks", ask_outside("g1"), "198.51.100.1")
    sh("nft", "delete", "table", "inet", "other")
    h.result("and vivd has told the command that lets them through")


def found(h, process):
    h.good("net-info", "n", says="Active:         yes")
    h.check("a dnsmasq that ended is there again",
            (len(dnsmasqs(h.folder)), dnsmasqs(h.folder) == [process]), (1, False))
    h.check("who asks", ask_outside("g1"), "198.51.100.1")
    h.good("net-undefine", "n", says="Network n has been undefined")
    h.good("net-info", "n", says="Persistent:     no")
    h.result("another vivd finds what runs, and mends it")


def ended(h):
    h.good("net-destroy", "n", says="Network n destroyed")
    h.bad("net-info", "n", says="Network not found: no network with matching name 'n'")
    h.check("bridge", os.path.exists("/proc/sys/net/ipv4/conf/virbr0"), False)
    h.check("tables", tables(), [])
    h.check("dnsmasq", dnsmasqs(h.folder), [])
    runtime = os.path.join(h.folder, "state", "runtime", "vivarium", "network")
    h.check("files", os.listdir(runtime), ["autostarted"])
    h.result("nothing stays of a network that ends")


def modes(h):
    inside_ip = "<ip address='10.7.0.1' prefix='24'/>"
    for mode, rule in (("route", "accept"), ("open", None), (None, "reject")):
        forward = f"<forward mode='{mode}'/>" if mode else ""
        h.good("net-create", h.xml("r", forward + inside_ip), says="Network r created from ")
        h.check(f"{mode} has a table", tables(), ["inet vivarium_virbr0"] if rule else [])
        if rule:
            rules = sh("nft", "list", "table", "inet", "vivarium_virbr0")
            h.check(f"{mode}: ways", "ip saddr 10.7.0.0/24 accept" in rules, mode == "route")
            h.check(f"{mode}: masquerade", "masquerade" in rules, False)
        h.good("net-destroy", "r")
    h.good("net-create", h.xml("r", "<forward mode='bridge'/><bridge name='br0'/>"))
    h.good("net-info", "r", says="Bridge:         br0")
    h.good("net-destroy", "r")
    h.result("networks that are routed, open, isolated, and of a bridge that is there")


def in_the_way(h):
    sh("ip", "link", "add", "taken", "type", "bridge")
    h.bad("net-create", h.xml("x", "<bridge name='taken'/>"),
          says="error creating bridge interface taken: File exists")
    h.check("bridge", os.path.exists("/proc/sys/net/ipv4/conf/taken"), True)
    h.bad("net-create", h.xml("x", "<bridge name='waytoolongbridgename'/>"),
          says="error creating bridge interface waytoolongbridgename: ")
    h.bad("net-create", h.xml("x", "<ip address='198.51.100.77' prefix='24'/>"),
          says="internal error: Network is already in use by interface up0")
    h.bad("net-create", h.xml("x", "<forward mode='vepa'/>"),
          says="this function is not supported by the connection driver: ")
    h.bad("net-create", h.xml("x", "<domain name='a&#10;b'/><ip address='10.7.0.1'/>"),
          says="unsupported configuration: a network with the domain 'a\nb' cannot be started")
    path = shutil.which("dnsmasq", path=os.environ["PATH"] + ":/usr/sbin")
    sh("mount", "--bind", "/dev/null", path)
    h.bad("net-create", h.xml("x", "<ip address='10.7.0.1' prefix='24'/>"), says="operation failed: "
          "the program dnsmasq is not installed (apt-get install dnsmasq-base)")
    sh("umount", path)
    h.check("tables", tables(), [])
    h.check("bridge", os.path.exists("/proc/sys/net/ipv4/conf/virbr0"), False)
    h.bad("net-info", "x", says="Network not found: ")
    h.result("what is in the way is named, and nothing stays")


def fresh_system(h):
    """The system's daemon, where somebody has the usual addresses and the usual bridge."""
    for where in ("/var/lib", "/var/log", "/var/cache"):
        sh("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", where)
    sh("ip", "addr", "add", "192.168.122.9/24", "dev", "up0")
    sh("ip", "link", "add", "virbr0", "type", "bridge")
    with subprocess.Popen([os.environ["VIVD"]], env=ENV, stderr=subprocess.PIPE) as child:
        end = time.monotonic() + LIMIT
        while not os.path.exists("/run/vivarium/vivd-sock-ro") and time.monotonic() < end:
            time.sleep(0.05)
        h.uri = "qemu+unix:///system?socket=/run/vivarium/vivd-sock"
        xml = h.good("net-dumpxml", "default")
        h.check("address", re.findall(r"<ip address='(\S+)'", xml), ["192.168.123.1"])
        h.good("net-info", "default", says="Bridge:         virbr1")
        h.good("net-info", "default", says="Active:         no")
        h.good("net-start", "default", says="Network default started")
        h.check("dnsmasq", len(dnsmasqs("/run/vivarium/")), 1)
        h.good("net-destroy", "default")
        h.check("dnsmasq", len(dnsmasqs("/run/vivarium/")), 0)
        child.terminate()
        child.communicate(timeout=LIMIT)
        h.check("status", child.returncode, 0)
    h.result("a fresh system has the network default, where there is room")


def definitions_of(folder, h):
    state = os.path.join(folder, "state")
    with Vivd(state=state) as vivd:
        for step in (definitions, forms, refused):
            step(h.on(vivd))
    with Vivd(state=state) as vivd:
        kept(h.on(vivd))


def running_in(folder, h):
    state = os.path.join(folder, "state")
    with Vivd(state=state) as vivd:
        for step in (started, guests, outside, docker, dropped):
            step(h.on(vivd))
        said = vivd.stop()
        vivd.stop = lambda: ""
    obeyed(h, said)
    process = dnsmasqs(folder)[0]
    os.kill(process, 9)
    with Vivd(state=state) as vivd:
        found(h.on(vivd), process)
        for step in (ended, modes, in_the_way):
            step(h)


def inside():
    server = None
    with tempfile.TemporaryDirectory(prefix="vivd-networks-") as folder:
        sh("mount", "-t", "tmpfs", "tmpfs", "/run")
        sh("ip", "link", "set", "lo", "up")
        h = Host(folder)
        try:
            definitions_of(folder, h)
            server = make_outside()
            running_in(folder, h)
            fresh_system(h)
        finally:
            if server is not None:
                server.kill()
                server.communicate()
    tap.done()


def main():
    if sys.argv[1:] == ["inside"]:
        inside()
    for space in (["unshare", "-nmpf"], ["unshare", "-rnmpf"]):
        if subprocess.run([*space, "true"], check=False, capture_output=True).returncode == 0:
            os.execvp("unshare", [*space, "--propagation", "private", "--mount-proc",
                                  sys.executable, __file__, "inside"])
    print("1..0 # SKIP needs name spaces of the network")


main()
