# SPDX-License-Identifier: LGPL-2.1-or-later
"""Command lines for virsh's test driver, generated from virsh's own help: each command with what
it requires, with each of its options, and with an object that is not there. What may not be seen
in a line's own output is read back by a second command."""
import os
import re
import subprocess

COMMAND = re.compile(r"^    ([a-z][\w-]*) ", re.M)
OPTION = re.compile(r"^    (\[)?--([\w-]+)\]?(?: <(string|number)>)?  ?", re.M)

# Not about a connection's objects: they would read a terminal, wait, leave, or talk of this host.
NOT_RUN = {
    "cd", "pwd", "echo", "exit", "quit", "help", "self-test", "connect", "console", "edit",
    "iface-edit", "managedsave-edit", "net-edit", "nwfilter-edit", "pool-edit", "save-image-edit",
    "snapshot-edit", "checkpoint-edit",
}

# What an argument or option is given, by command.option, else by option.
VALUES = {
    "domain": "test", "network": "default", "pool": "default-pool", "interface": "eth1",
    "net-update.command": "add", "net-update.section": "ip-dhcp-host",
    "net-update.xml": "<host><ip/></host>",
    "snapshotname": "snap1", "checkpointname": "chk1", "vol": "vol1", "device": "computer",
    "nodedev-list.cap": "system", "secret": "11111111-2222-3333-4444-555555555555",
    "nwfilter": "clean-traffic", "binding": "vnet0", "path": "vda",
    "name": "thing", "newname": "renamed", "new-name": "renamed", "domrename.new-name": "renamed",
    "size": "1048576", "capacity": "1M", "count": "1", "vcpu": "0", "vcpulist": "0",
    "cpulist": "0-1", "iothread": "1", "id": "1", "type": "dir", "target": "vdz",
    "source": "/guest/other", "keycode": "KEY_A", "codeset": "linux", "pid": "1",
    "signame": "sigterm", "time": "1700000000", "duration": "30", "file": "FILE",
    "timeout": "1", "event": "lifecycle", "offset": "0", "length": "10", "state": "up",
    "uuid": "12345678-1234-1234-1234-123456789abc", "title": "words", "uri": "test:///default",
    "key": "k", "set": "weight=5", "user": "root", "password": "x", "mountpoint": "/",
    "attach-interface.type": "network", "attach-interface.source": "default",
    "attach-interface.target": "vnet7", "attach-interface.mac": "52:54:00:11:22:33",
    "domif-setlink.interface": "testnet0", "domif-getlink.interface": "testnet0",
    "domifstat.interface": "testnet0", "domiftune.interface": "testnet0",
    "domifaddr.interface": "testnet0", "domifaddr.source": "lease",
    "detach-interface.type": "network", "detach-interface.mac": "aa:bb:cc:dd:ee:ff",
    "detach-disk.target": "vda", "change-media.path": "vda", "alias": "ua-x",
    "xml": "FILE", "path.pool": "/default-pool", "desc.new-desc": "words",
    "metadata.uri": "http://example.org/x", "metadata.set": "<x/>", "metadata.key": "k",
    "lifecycle": "poweroff", "action": "restart", "set-lifecycle-action.type": "poweroff",
    "vol-create-as.name": "thing.img", "vol-clone.newname": "clone.img",
    "vol-create-from.inputpool": "default-pool", "inputpool": "default-pool",
    "snapshot-create-as.name": "snap2", "checkpoint-create-as.name": "chk2", "level": "1",
    "cellno": "0", "cpu": "0", "pagesize": "4", "pagecount": "1", "weight": "5", "cap": "5",
    "emulatorbin": "/bin/true", "arch": "i686", "virttype": "test", "machine": "pc",
    "format": "raw", "mac": "52:54:00:11:22:33", "bandwidth": "1", "speed": "1",
    "downtime": "1", "pool-create-as.target": "/tgt", "pool-define-as.target": "/tgt",
    "source-host": "h", "source-path": "/p", "source-dev": "/d", "source-name": "n",
    "source-format": "raw", "mode": "mem", "target-dev": "vda", "from": "snap1", "to": "snap1",
    "current": "", "parent-name": "snap1", "postsrc": "/x", "bitmap": "b", "seconds": "1",
    "iface-bridge.bridge": "br9", "allocation": "1K", "base": "/b", "top": "/t", "dest": "/d",
    "screen": "0", "vcpus": "0", "nparams": "1", "start": "0", "total": "", "params": "x",
    "cmd": "x", "memory-size": "1", "maximum": "", "config": "", "hash": "0", "ip": "1.2.3.4",
    "iothreads": "1", "desturi": "test:///default", "xmlfile": "FILE", "filter": "x",
    "parent-index": "0", "blkiotune.weight": "100", "value": "1", "disk": "vda",
}

# Without these it would wait for ever.
EVENTS = ("event", "net-event", "pool-event", "nodedev-event", "secret-event")
ALWAYS = {e: ["--timeout 1"] for e in EVENTS}
ALWAYS |= {c: ["--target /tgt"] for c in ("pool-create-as", "pool-define-as")}
LEFT = {(e, "timeout") for e in EVENTS}

GUEST = "<domain type='test'><name>guest</name><uuid>12345678-1234-1234-1234-123456789abc</uuid>" \
        "<memory>65536</memory><vcpu>2</vcpu><os><type arch='i686'>hvm</type></os></domain>"
DISK = "<disk type='file' device='disk'><source file='/guest/two'/>" \
       "<target dev='vdb' bus='virtio'/></disk>"
FILES = {
    "create": GUEST, "define": GUEST,
    "attach-device": DISK, "detach-device": DISK, "update-device": DISK,
    "net-create": "<network><name>second</name><uuid>12345678-1234-1234-1234-123456789abc</uuid>"
                  "<bridge name='virbr7'/><forward/><ip address='192.168.7.1' "
                  "netmask='255.255.255.0'><dhcp><range start='192.168.7.2' "
                  "end='192.168.7.9'/></dhcp></ip></network>",
    "pool-create": "<pool type='dir'><name>second</name><uuid>12345678-1234-1234-1234-"
                   "123456789abc</uuid><target><path>/tmp/x</path></target></pool>",
    "vol-create": "<volume><name>thing.img</name><capacity>1048576</capacity>"
                  "<allocation>0</allocation><target><path>/default-pool/thing.img</path>"
                  "<format type='raw'/></target></volume>",
    "iface-define": "<interface type='ethernet' name='eth7'><start mode='none'/>"
                    "<mac address='52:54:00:11:22:33'/><mtu size='1492'/></interface>",
    "nodedev-create": "<device><name>scsi_host12</name><parent>test-scsi-host-vport</parent>"
                      "<capability type='scsi_host'><capability type='fc_host'>"
                      "<wwnn>2000000012341234</wwnn><wwpn>1000000012341234</wwpn>"
                      "</capability></capability></device>",
    "secret-define": "<secret ephemeral='no' private='no'><usage type='volume'>"
                     "<volume>/x</volume></usage></secret>",
    "snapshot-create": "<domainsnapshot><name>snap2</name><description>d</description>"
                       "</domainsnapshot>",
    "checkpoint-create": "<domaincheckpoint><name>chk2</name></domaincheckpoint>",
    "nwfilter-define": "<filter name='x' chain='root'/>",
    "cpu-compare": "<cpu><arch>i686</arch><model>qemu32</model></cpu>",
}
FILES["net-define"] = FILES["net-create"]
FILES["pool-define"] = FILES["pool-create"]
FILES["vol-create-from"] = FILES["vol-create"]
FILES["nodedev-define"] = FILES["nodedev-create"]
FILES["cpu-baseline"] = FILES["hypervisor-cpu-baseline"] = FILES["cpu-compare"]
FILES["hypervisor-cpu-compare"] = FILES["cpu-compare"]

SNAP = "snapshot-create-as test snap1 'a snapshot'"
VOL = "vol-create-as default-pool vol1 1M"
# What comes first, so that the command can succeed: by command, else by the first word's group.
BEFORE = {
    "start": "destroy test", "resume": "suspend test", "net-start": "net-destroy default",
    "net-undefine": "net-destroy default", "pool-start": "pool-destroy default-pool",
    "pool-undefine": "pool-destroy default-pool", "pool-build": "pool-destroy default-pool",
    "pool-delete": "pool-destroy default-pool", "iface-start": "iface-destroy eth1",
    "domrename": "destroy test", "undefine": "destroy test", "managedsave-remove": "managedsave test",
    "managedsave-dumpxml": "managedsave test", "managedsave-define": "managedsave test",
    "restore": "save test SAVED", "save-image-dumpxml": "save test SAVED",
    "save-image-define": "save test SAVED", "checkpoint-create": "", "snapshot-create": "",
    "snapshot-create-as": "", "checkpoint-create-as": "", "snapshot-list": SNAP,
    "vol-create": "", "vol-create-as": "", "vol-list": VOL, "vol-pool": VOL,
}
GROUPS = {"snapshot": SNAP, "vol": VOL,
          "checkpoint": "checkpoint-create-as test chk1 'a checkpoint'"}

# How an effect is read back, by the command's group.
READ = {
    "net": "net-list --all; net-dumpxml default; net-dumpxml --inactive default",
    "pool": "pool-list --all --details; pool-dumpxml default-pool",
    "vol": "vol-list default-pool --details; pool-info default-pool",
    "iface": "iface-list --all; iface-dumpxml eth1",
    "nodedev": "nodedev-list --all", "secret": "secret-list",
    "snapshot": "snapshot-list test; snapshot-current test; domstate test",
    "checkpoint": "checkpoint-list test",
    "": "list --all --managed-save; domstate --reason test; dumpxml test; dumpxml --inactive test",
}
# Their first word is no group: they only tell.
TELLING = re.compile(r"^(dom(?!rename|if-setlink|fs|time|iftune)\w*|.*-(list|dumpxml|info|name|uuid|"
                     r"key|path|current|parent)|list|dumpxml|version|uri|hostname|sysinfo|node\w*|"
                     r"cpu-\w+|capabilities|maxvcpus|freecell|freepages|vcpuinfo|vcpucount|"
                     r"find-storage\S*|allocpages|guest\w+|ttyconsole|vncdisplay|event|.*-event)$")


def ask(*words):
    return subprocess.run(["virsh", *words], capture_output=True, text=True, check=False,
                          env=os.environ | {"LC_ALL": "C"}).stdout


def commands():
    return sorted(set(COMMAND.findall(ask("help"))))


def options(command):
    """(name, positional, kind) of each option; kind is None for a plain flag."""
    text = ask("help", command)
    found = [(m[2], m[1] is not None, m[3]) for m in OPTION.finditer(text)]
    synopsis = re.search(r"SYNOPSIS\n(.*)", text)[1]
    required = set(re.findall(r"(?<!\[)<([\w-]+)>", re.sub(r"--[\w-]+ <\w+>", "", synopsis)))
    required |= set(re.findall(r"(?<![\[|])--([\w-]+) <(?:string|number)>(?!\])", synopsis))
    return [(name, positional, kind, name in required) for name, positional, kind in found]


def value(command, name, kind):
    v = VALUES.get(f"{command}.{name}", VALUES.get(name))
    if v == "FILE":
        return f"FILE:{command}"
    return v or ("1" if kind == "number" else "x")


def quoted(v):
    return "'" + v + "'" if re.search(r"[ <>]", v) else v


def group(command):
    first = command.split("-")[0]
    return first if first in READ and "-" in command else ""


def lines(pattern=""):
    """(command, line): what one virsh runs, with FILE:command and SAVED for paths."""
    for command in commands():
        if command in NOT_RUN or command.startswith("migrate") or not re.search(pattern, command):
            continue
        opts = options(command)
        base = [command, *ALWAYS.get(command, [])] + [f"--{n} {quoted(value(command, n, k))}" for n, _, k, r in opts if r]
        before = BEFORE.get(command, GROUPS.get(group(command), ""))
        after = "" if TELLING.match(command) else READ[group(command)]

        def line(words):
            return "; ".join(p for p in (before, " ".join(words), after) if p)
        yield command, line(base)
        for name, _, kind, needed in opts:
            if needed or (command, name) in LEFT or name == "edit":
                continue
            extra = f"--{name} {quoted(value(command, name, kind))}" if kind else f"--{name}"
            yield command, line([*base, extra])
        for name, _, _, needed in opts:
            if needed:
                wrong = [command] + [f"--{n} " + ("nobody" if n == name else
                                                  quoted(value(command, n, k)))
                                     for n, _, k, r in opts if r]
                yield command, line(wrong)
