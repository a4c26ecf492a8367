# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line that libvirt makes for a domain without a display: every word is honoured.
The accelerator, CPU and network are ours; the files it names are in a folder of the test."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "monitor"))
from qmp import Qmp  # noqa: E402

MACHINE = os.environ["VIV_MACHINE"]


def devices():
    for n in range(14):
        port = {"driver": "pcie-root-port", "port": 8 + n, "chassis": 1 + n, "id": f"pci.{1 + n}",
                "bus": "pcie.0", "addr": f"{1 + n // 8:#x}" + (f".{n % 8:#x}" if n % 8 else "")}
        yield port if n % 8 else {**port, "multifunction": True}
    yield {"driver": "qemu-xhci", "p2": 15, "p3": 15, "id": "usb", "bus": "pci.2", "addr": "0x0"}
    yield {"driver": "virtio-serial-pci", "id": "virtio-serial0", "bus": "pci.3", "addr": "0x0"}
    yield {"driver": "virtio-blk-pci", "bus": "pci.4", "addr": "0x0", "drive": "libvirt-1-format",
           "id": "virtio-disk0", "bootindex": 1}
    yield {"driver": "virtio-net-pci", "netdev": "hostnet0", "id": "net0",
           "mac": "52:54:00:5a:09:9f", "bus": "pci.1", "addr": "0x0"}
    yield {"driver": "virtserialport", "bus": "virtio-serial0.0", "nr": 1,
           "chardev": "charchannel0", "id": "channel0", "name": "org.qemu.guest_agent.0"}
    yield {"driver": "virtconsole", "chardev": "charconsole0", "id": "console0"}
    yield {"driver": "virtio-balloon-pci", "id": "balloon0", "bus": "pci.5", "addr": "0x0"}
    yield {"driver": "virtio-rng-pci", "rng": "objrng0", "id": "rng0", "bus": "pci.6",
           "addr": "0x0"}


def words(folder):
    args = f"""-name guest=headless-serial,debug-threads=on -S
-object {{"qom-type":"secret","id":"masterKey0","format":"raw","file":"{folder}/key"}}
-machine pc-q35-7.2,usb=off,dump-guest-core=off,memory-backend=pc.ram -accel tcg -cpu qemu64
-m 1024 -object {{"qom-type":"memory-backend-ram","id":"pc.ram","size":1073741824}}
-overcommit mem-lock=off -smp 2,sockets=2,cores=1,threads=1
-uuid 532468dc-3489-4fbe-8888-490a498301ea -display none -no-user-config -nodefaults
-rtc base=utc,driftfix=slew -global kvm-pit.lost_tick_policy=delay -no-hpet -no-shutdown
-global ICH9-LPC.disable_s3=1 -global ICH9-LPC.disable_s4=1 -boot strict=on
-blockdev {{"driver":"file","filename":"{folder}/none.qcow2","node-name":"libvirt-1-storage","auto-read-only":true,"discard":"unmap"}}
-blockdev {{"node-name":"libvirt-1-format","read-only":false,"driver":"qcow2","file":"libvirt-1-storage"}}
-netdev {{"type":"user","id":"hostnet0"}}
-chardev socket,id=charchannel0,path={folder}/agent.0,server=on,wait=off
-chardev pty,id=charconsole0 -audiodev {{"id":"audio1","driver":"none"}}
-object {{"qom-type":"rng-random","id":"objrng0","filename":"/dev/urandom"}}
-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny
-msg timestamp=on""".split()
    for device in devices():
        args += ["-device", json.dumps(device)]
    return args


def check(q):
    yield "name", q.ask("query-name")["name"] == "headless-serial"
    yield "uuid", q.ask("query-uuid")["UUID"] == "532468dc-3489-4fbe-8888-490a498301ea"
    yield "two sockets", [c["props"]["socket-id"] for c in q.ask("query-cpus-fast")] == [0, 1]
    yield "1 GiB", q.ask("query-memory-size-summary")["base-memory"] == 1 << 30
    yield "the memory object", [m["id"] for m in q.ask("query-memdev")] == ["pc.ram"]
    yield "waits with -S", q.ask("query-status")["status"] == "prelaunch"
    nodes = {n["node-name"]: n["drv"] for n in q.ask("query-named-block-nodes")}
    yield "nodes", nodes == {"libvirt-1-storage": "file", "libvirt-1-format": "qcow2"}
    yield "pty", any(c["filename"].startswith("pty:/dev/pts/") for c in q.ask("query-chardev"))
    have = {d["name"]: d["type"] for d in q.ask("qom-list", path="/machine/peripheral")}
    want = {d["id"]: f"child<{d['driver']}>" for d in devices()}
    yield "devices", all(have.get(k) == v for k, v in want.items())
    yield "mac", q.ask("qom-get", path="/machine/peripheral/net0",
                       property="mac") == "52:54:00:5a:09:9f"
    q.ask("cont")
    yield "runs", q.ask("query-status")["running"]
    time.sleep(1)
    q.ask("stop")
    yield "stops", q.ask("query-status")["status"] == "paused"
    q.ask("quit")
    yield "ends with 0 inside the sandbox", q.child.wait(60) == 0


def main():
    folder = tempfile.mkdtemp(prefix="headless-")
    count, failed = 0, False
    # The leak checker starts a process of its own, which the sandbox forbids.
    os.environ["ASAN_OPTIONS"] = "detect_leaks=0"
    try:
        with open(f"{folder}/key", "wb") as f:
            f.write(os.urandom(32))
        subprocess.run([os.environ["VIV_IMG"], "create", "-q", "-f", "qcow2",
                        f"{folder}/none.qcow2", "64M"], check=True, timeout=60)
        with Qmp(MACHINE, words(folder)) as q:
            for name, ok in check(q):
                count += 1
                failed = failed or not ok
                print(f"{'ok' if ok else 'not ok'} {count} - {name}", flush=True)
    finally:
        shutil.rmtree(folder)
    print(f"1..{count}")
    return 1 if failed else 0


sys.exit(main())
