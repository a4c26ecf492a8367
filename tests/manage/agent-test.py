#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The guest's agent by Debian's virsh, on real QEMU: a small agent of the test's own listens where the
machine's channel did, and notes what it was asked."""
import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import uuid
from xml.etree import ElementTree

from machine import Session, Steps, processes
from vivd import LIMIT, Tap

NAME = "agent"
UUID = str(uuid.uuid4())  # its machines are ended by it, and no other run's
XML = """<domain type='qemu'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>32</memory>
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
    {channel}
    <memballoon model='none'/>
  </devices>
</domain>
"""
CHANNEL = """<channel type='unix'>
      <source mode='bind' path='{folder}/agent'/>
      <target type='virtio' name='org.qemu.guest_agent.0'/>
    </channel>"""
FSINFO = [{"name": "vda1", "mountpoint": "/", "type": "ext4", "disk": []},
          {"name": "vda2", "mountpoint": "/home", "type": "xfs", "total-bytes": 4096, "used-bytes": 1024,
           "disk": [{"serial": "S1", "dev": "/dev/vda2", "bus-type": "virtio", "bus": 0, "unit": 0,
                     "target": 0, "pci-controller": {"domain": 0, "function": 0}}]}]
CPUS = [{"logical-id": 0, "online": True, "can-offline": False},
        {"logical-id": 1, "online": True, "can-offline": True},
        {"logical-id": 2, "online": False, "can-offline": True}]
USERS = [{"user": "anna", "login-time": 1700000000.25}]
OS = {"id": "debian", "name": "Debian GNU/Linux", "kernel-release": "6.1.0"}
ZONE = {"zone": "CET", "offset": 3600}
INTERFACES = [{"name": "eth0", "hardware-address": "52:54:00:00:00:01", "ip-addresses": [
    {"ip-address-type": "ipv4", "ip-address": "10.0.2.15", "prefix": 24}]}]
# guestinfo's rows, as libvirt 9.0 has them of these answers.
INFO = """user.count : 1
user.0.name : anna
user.0.login-time : 1700000000250
os.id : debian
os.name : Debian GNU/Linux
os.kernel-release : 6.1.0
timezone.name : CET
timezone.offset : 3600
hostname : guest.example
fs.count : 2
fs.0.name : vda1
fs.0.mountpoint : /
fs.0.fstype : ext4
fs.0.disk.count : 0
fs.1.name : vda2
fs.1.mountpoint : /home
fs.1.fstype : xfs
fs.1.total-bytes : 4096
fs.1.used-bytes : 1024
fs.1.disk.count : 1
fs.1.disk.0.alias : vda
fs.1.disk.0.serial : S1
fs.1.disk.0.device : /dev/vda2
if.count : 1
if.0.name : eth0
if.0.hwaddr : 52:54:00:00:00:01
if.0.addr.count : 1
if.0.addr.0.type : ipv4
if.0.addr.0.addr : 10.0.2.15
if.0.addr.0.prefix : 24"""


class Agent(threading.Thread):
    """Answers as qemu-ga would, one conversation at a time; `silent` it says nothing."""

    ANSWERS = {"guest-get-host-name": {"host-name": "guest.example"}, "guest-set-time": {},
               "guest-get-time": 1700000000123456789, "guest-fsfreeze-freeze": 2,
               "guest-fsfreeze-freeze-list": 1, "guest-fsfreeze-thaw": 2, "guest-fstrim": {},
               "guest-set-user-password": {}, "guest-get-fsinfo": FSINFO, "guest-ping": {},
               "guest-get-users": USERS, "guest-get-osinfo": OS, "guest-get-timezone": ZONE,
               "guest-network-get-interfaces": INTERFACES, "guest-get-vcpus": CPUS,
               "guest-set-vcpus": 1, "guest-ssh-get-authorized-keys": {"keys": ["ssh-rsa A", "ssh-rsa B"]},
               "guest-ssh-add-authorized-keys": {}, "guest-ssh-remove-authorized-keys": {}}

    def __init__(self, path):
        super().__init__(daemon=True)
        os.unlink(path)
        self.asked, self.silent = [], False
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()

    def run(self):
        while True:
            try:
                s = self.listener.accept()[0]
            except OSError:
                return
            with s, s.makefile("rw", encoding="utf-8") as f:
                try:
                    self.talk(f)
                except (OSError, ValueError):
                    pass

    def talk(self, f):
        f.write('{"return": 12345}\n')  # left of a conversation that nobody waits for any more
        f.flush()
        for line in f:
            message = json.loads(line)
            name = message["execute"]
            if name == "guest-sync":
                reply = {"return": message["arguments"]["id"]}
            else:
                self.asked.append((name, message.get("arguments")))
                if self.silent or name == "guest-shutdown":
                    return
                reply = ({"return": self.ANSWERS[name]} if name in self.ANSWERS else
                         {"error": {"class": "CommandNotFound", "desc": "no such command"}})
            f.write(json.dumps(reply) + "\n")
            f.flush()


def questions(s, agent):
    s.ok("qemu-agent-command", "qemu-agent-command", NAME, '{"execute":"guest-ping"}',
         expect='{"return":{}}')
    s.ok("its errors are answers", "qemu-agent-command", NAME, '{"execute":"nope"}',
         expect="CommandNotFound")
    s.fails("what is no JSON", "qemu-agent-command", NAME, "{", expect="cannot parse json")
    s.ok("domhostname", "domhostname", NAME, "--source", "agent", expect="guest.example")
    s.ok("domtime", "domtime", NAME, expect="Time: 1700000000")
    s.ok("domtime --time", "domtime", NAME, "--time", "1600000000")
    s.true("the agent was told", agent.asked[-1] == ("guest-set-time", {"time": 1600000000 * 10**9}),
           agent.asked[-1])
    s.ok("domfsinfo", "domfsinfo", NAME, expect="/home        vda2   xfs")
    s.ok("domfsfreeze", "domfsfreeze", NAME, expect="Froze 2 filesystem(s)")
    s.ok("one of them", "domfsfreeze", NAME, "--mountpoint", "/home", expect="Froze 1 filesystem(s)")
    s.true("it alone", agent.asked[-1][1] == {"mountpoints": ["/home"]}, agent.asked[-1])
    s.ok("domfsthaw", "domfsthaw", NAME, expect="Thawed 2 filesystem(s)")
    s.ok("domfstrim", "domfstrim", NAME, "--minimum", "4096")
    s.true("the agent was told the least", agent.asked[-1] == ("guest-fstrim", {"minimum": 4096}),
           agent.asked[-1])
    s.ok("set-user-password", "set-user-password", NAME, "root", "secret")
    s.true("the agent has it", agent.asked[-1][1] == {
        "crypted": False, "username": "root",
        "password": base64.b64encode(b"secret").decode()}, agent.asked[-1])


def information(s):
    # Where the domain has its disk is where the guest sees it.
    disk = ElementTree.fromstring(s.vivd.virsh("dumpxml", NAME)[1]).find("devices/disk/address")
    FSINFO[1]["disk"][0]["pci-controller"] |= {w: int(disk.get(w), 16) for w in ("bus", "slot")}
    code, out, err = s.vivd.virsh("guestinfo", NAME)
    rows = [" ".join(line.split()) for line in out.strip().splitlines()]
    s.true("guestinfo", code == 0 and rows == INFO.splitlines(), out + err)
    code, out, err = s.vivd.virsh("guestinfo", NAME, "--timezone", "--os")
    s.true("some of it", code == 0 and "CET" in out and "debian" in out and "anna" not in out,
           out + err)
    s.fails("what this agent does not know", "guestinfo", NAME, "--disk",
            expect="unable to execute QEMU agent command 'guest-get-disks': no such command")


def processors(s, agent):
    code, out, err = s.vivd.virsh("guestvcpus", NAME)
    rows = [" ".join(line.split()) for line in out.strip().splitlines()]
    s.true("guestvcpus", code == 0 and rows == ["vcpus : 0-2", "online : 0-1", "offlinable : 1-2"],
           out + err)
    s.ok("two that come, one after the other", "guestvcpus", NAME, "--cpulist", "1-2", "--enable")
    s.true("the agent was asked again for what it left", agent.asked[-2:] == [
        ("guest-set-vcpus", {"vcpus": [{"logical-id": n, "online": True} for n in left]})
        for left in ((1, 2), (2,))], agent.asked)
    s.fails("one that stays", "guestvcpus", NAME, "--cpulist", "0", "--disable", expect="error: ")
    s.fails("one that is none", "guestvcpus", NAME, "--cpulist", "5", "--enable",
            expect="guest is missing vCPUs '5'")


def keys(s, agent, folder):
    path = f"{folder}/keys"
    with open(path, "w", encoding="utf-8") as f:
        f.write("ssh-rsa NEW")  # virsh takes the end of a line for the start of one more key
    s.ok("get-user-sshkeys", "get-user-sshkeys", NAME, "anna", expect="ssh-rsa A")
    for options, command, more in (((), "add", {"reset": False}), (("--reset",), "add", {"reset": True}),
                                   (("--remove",), "remove", {})):
        s.ok(" ".join(("set-user-sshkeys", *options)), "set-user-sshkeys", NAME, "anna", "--file", path,
             *options)
        s.true("the agent was told", agent.asked[-1] == (
            f"guest-ssh-{command}-authorized-keys",
            {"username": "anna", "keys": ["ssh-rsa NEW"]} | more), agent.asked[-1])


def logged_in(s):
    """viv takes what the agent says for an address, where it is one that can be reached."""
    def command():
        run = subprocess.run([os.environ["VIV"], "-c", s.vivd.uri(), "ssh", NAME, "--print"],
                             capture_output=True, text=True, timeout=LIMIT, check=False)
        return run.stdout + run.stderr

    kept = list(INTERFACES)
    told = command()
    s.true("viv ssh goes where the agent says", told.rstrip().endswith("-p22 -- 10.0.2.15"), told)
    INTERFACES[:] = [{"name": "lo", "ip-addresses": [
        {"ip-address-type": kind, "ip-address": address, "prefix": 8} for kind, address in (
            ("ipv4", "127.0.0.1"), ("ipv6", "::1"), ("ipv6", "fe80::1"), ("ipv4", "-oProxyCommand=x"),
            ("ipv4", "10.0.0.1 x"), ("ipv4", "0.0.0.0"))]}]
    told = command()
    s.true("nowhere else", f"'{NAME}' has no address by" in told, told)
    INTERFACES[0]["ip-addresses"].append(
        {"ip-address-type": "ipv6", "ip-address": "2001:db8::7", "prefix": 64})
    told = command()
    s.true("by IPv6 too", told.rstrip().endswith("-p22 -- 2001:db8::7"), told)
    INTERFACES[:] = kept


def snapshot(s, agent):
    del agent.asked[:]
    s.fails("quiesce with memory", "snapshot-create-as", NAME, "no", "--quiesce",
            expect="quiesce requires disk-only snapshots")
    s.ok("snapshot with the guest's file systems frozen", "snapshot-create-as", NAME, "quiet",
         "--disk-only", "--quiesce")
    s.true("they froze and thawed", [name for name, _ in agent.asked] ==
           ["guest-fsfreeze-freeze", "guest-fsfreeze-thaw"], agent.asked)
    s.ok("delete what is known of it", "snapshot-delete", NAME, "quiet", "--metadata")


def down(s, agent):
    s.ok("shutdown by the agent", "shutdown", NAME, "--mode", "agent")
    s.wait("it was asked", lambda: ("guest-shutdown", {"mode": "powerdown"}) in agent.asked)
    s.ok("reboot by the agent", "reboot", NAME, "--mode", "agent")
    s.wait("it was asked that", lambda: ("guest-shutdown", {"mode": "reboot"}) in agent.asked)
    s.ok("reboot by the button", "reboot", NAME, "--mode", "acpi")
    s.fails("a way that there is not", "reboot", NAME, "--mode", "initctl", expect="error: ")
    s.ok("it runs yet", "domstate", NAME, expect="running")


def main():
    tap = Tap()
    s = Steps(tap, "QEMU")
    folder = tempfile.mkdtemp(prefix="agent-")
    s.vivd = Session(folder).__enter__()
    path = f"{folder}/agent.xml"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", f"{folder}/disk.qcow2", "1M"],
                   check=True)

    def define(channel):
        with open(path, "w", encoding="utf-8") as f:
            f.write(XML.format(name=NAME, uuid=UUID, channel=channel, folder=folder,
                               emulator=shutil.which("qemu-system-x86_64")))
        s.ok("define", "define", path)
        s.ok("start", "start", NAME)

    try:
        define("")
        s.fails("without a channel", "domhostname", NAME, "--source", "agent",
                expect="QEMU guest agent is not configured")
        s.ok("destroy", "destroy", NAME)
        define(CHANNEL.format(folder=folder))
        s.fails("without an agent", "domhostname", NAME, "--source", "agent",
                expect="QEMU guest agent is not connected")
        s.fails("shutdown by none", "shutdown", NAME, "--mode", "agent",
                expect="QEMU guest agent is not connected")
        agent = Agent(f"{folder}/agent")
        agent.start()
        questions(s, agent)
        information(s)
        processors(s, agent)
        keys(s, agent, folder)
        logged_in(s)
        snapshot(s, agent)
        down(s, agent)
        agent.silent = True
        s.fails("one that says nothing", "domhostname", NAME, "--source", "agent",
                expect="Guest agent is not responding")
        s.ok("the machine is none the worse", "domstate", NAME, expect="running")
        s.ok("destroy", "destroy", NAME)
        agent.listener.close()
    finally:
        s.vivd.__exit__()
        for pid in processes(UUID):
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(folder)
    tap.done()


main()
