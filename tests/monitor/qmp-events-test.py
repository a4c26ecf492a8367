# SPDX-License-Identifier: GPL-2.0-or-later
"""Every event that query-qmp-schema lists is seen at least once, for the reason that QEMU's manual
gives for it, and is of the form that QEMU's own schema says. A listed event without a row here
fails, and so does a row whose event is not listed or not seen."""
import os
import socket
import sys

from qmp import Qmp, Schema
from rig import BDF, MACHINE, PORT, Rig

QEMU = os.environ.get("QEMU", "qemu-system-x86_64")
NULL = "driver=null-co,node-name=b,size=1048576,read-zeroes=on"
count, failed = 0, 0


def check(name, problems):
    global count, failed
    count += 1
    for p in problems:
        print(f"# {p}")
    print(f"{'not ok' if problems else 'ok'} {count} - {name}", flush=True)
    failed += bool(problems)


def schema(program):
    with Qmp(program, ["-M", "none", "-S", "-display", "none", "-nodefaults"]) as q:
        entries = q.ask("query-qmp-schema")
        q.ask("quit")
    return Schema(entries)


# ---- what makes each event: the machine's options, and what is done to it ----

def stop(t):
    t.qmp("stop")


def cont(t):
    t.qmp("stop")
    t.qmp("cont")


def reset(t):
    t.qmp("system_reset")


def powerdown(t):
    t.qmp("system_powerdown")


def migrate(t):
    t.qmp("migrate-set-capabilities", capabilities=[{"capability": "events", "state": True}])
    t.qmp("migrate", uri="file:/dev/null")


def leave(t):
    t.qmp("quit")


def sleep(t):
    """The ICH9's power management: SLP_EN with S3."""
    t.qmp("cont")
    t.set_config(0xF8, 0x40, 0x601)
    t.set_config(0xF8, 0x44, 0x80, 1)
    t.outw(0x604, 0x2000 | 1 << 10)


def wake(t):
    sleep(t)
    t.event("SUSPEND")
    t.qmp("system_wakeup")


def panic(t):
    t.outb(0x505, 1)


def read_error(t):
    t.legacy().start_queue(0)
    t.blk(0, 0, 512)


def balloon(t):
    """The driver's word for how many pages it has given away."""
    t.legacy()
    t.outb(PORT + 0x12, 7)
    t.outl(PORT + 0x14 + 4, 256)


def clock(t):
    """A new date: the year is set while SET holds the clock."""
    for register, value in ((0x0B, 0x82), (0x09, 0x33), (0x0B, 0x02)):
        t.outb(0x70, register)
        t.outb(0x71, value)


def tray(t):
    t.qmp("blockdev-open-tray", id="cd0")


def port(t):
    """PORT_OPEN of port 1, on the control queue of a driver that knows of ports."""
    t.legacy()
    t.outl(PORT + 4, 1 << 1)
    t.start_queue(3)
    for event, value in ((0, 1), (3, 1), (6, 1)):  # DEVICE_READY, PORT_READY, PORT_OPEN
        t.write(0x40000, (1).to_bytes(4, "little") + event.to_bytes(2, "little") +
                value.to_bytes(2, "little"))
        t.request([(0x40000, 8, 0)])


def receive(t, command=0, data=b"\0"):
    """A command of class RX or MAC on the control queue."""
    kind = 0 if len(data) == 1 else 1
    t.write(0x40000, bytes([kind, command]) + data)
    t.write(0x30000, b"\xee")
    t.request([(0x40000, 2 + len(data), 0), (0x30000, 1, 1)])
    return t.read(0x30000, 1)[0]


def network(t):
    t.legacy()
    t.outl(PORT + 4, 1 << 17 | 1 << 18 | 1 << 20)
    t.start_queue(2)


def rx_filter(t):
    network(t)
    receive(t)


def light(t, *values):
    """A device comes to the slot of a port and is to go again; what the guest writes to the slot's
    control register in between."""
    t.qmp("device_add", driver="virtio-rng-pci", id="late", bus="rp")
    at = t.config(BDF, 0x34, 1)
    while t.config(BDF, at, 1) != 0x10:
        at = t.config(BDF, at + 1, 1)
    t.set_config(BDF, at + 0x18, 0x1C0, 2)
    t.qmp("device_del", id="late")
    for value in values:
        t.set_config(BDF, at + 0x18, value, 2)


def unplug(t):
    light(t, 0x7C0)


def keep(t):
    light(t, 0x2C0, 0x1C0)


FAILS = ("driver=blkdebug,node-name=b,image.driver=null-co,image.size=1048576,"
         "inject-error.0.event=none,inject-error.0.errno=5")
EVENTS = {
    "STOP": ([], stop), "RESUME": ([], cont), "RESET": ([], reset), "SUSPEND": ([], sleep),
    "WAKEUP": ([], wake), "POWERDOWN": ([], powerdown), "SHUTDOWN": ([], leave),
    "MIGRATION": ([], migrate),
    "GUEST_PANICKED": (["-device", "pvpanic", "-action", "panic=none"], panic),
    "BLOCK_IO_ERROR": (["-blockdev", FAILS, "-device", "virtio-blk-pci,drive=b,addr=4"],
                       read_error),
    "BALLOON_CHANGE": (["-device", "virtio-balloon-pci,addr=4"], balloon),
    "RTC_CHANGE": ([], clock),
    "DEVICE_TRAY_MOVED": (["-blockdev", NULL + ",read-only=on", "-device",
                           "ide-cd,id=cd0,drive=b"], tray),
    "DEVICE_DELETED": (["-device", "pcie-root-port,id=rp,addr=4"], unplug),
    "DEVICE_UNPLUG_GUEST_ERROR": (["-device", "pcie-root-port,id=rp,addr=4"], keep),
    "VSERPORT_CHANGE": (["-device", "virtio-serial-pci,addr=4", "-chardev", "ringbuf,id=r",
                         "-device", "virtserialport,id=p,nr=1,chardev=r,name=a.b"], port),
    "NIC_RX_FILTER_CHANGED": (["-netdev", "user,id=n,restrict=on", "-device",
                               "virtio-net-pci,id=d,netdev=n,addr=4"], rx_filter),
}


def observe(name, theirs):
    options, provoke = EVENTS[name]
    with Rig(*options) as t:
        try:
            provoke(t)
            e = t.event(name, whole=True)
        except (socket.timeout, ValueError, EOFError) as why:
            return [f"not seen: {why}"]
        problems = theirs.check_event(e)
        if name not in theirs.entries:
            problems.append("QEMU has no such event")
        if set(e["timestamp"]) != {"seconds", "microseconds"}:
            problems.append(f"timestamp {e['timestamp']}")
    return problems


def filter_info():
    """query-rx-filter says what the driver asked for, and lets the next change be told."""
    theirs = schema(QEMU)
    with Rig(*EVENTS["NIC_RX_FILTER_CHANGED"][0]) as t:
        network(t)
        first = t.qmp("query-rx-filter")
        problems = theirs.check_reply("query-rx-filter", first)
        problems += [] if first[0]["promiscuous"] and first[0]["name"] == "d" else [str(first)]
        told = []
        for command, on in ((0, 0), (1, 1), (5, 1), (3, 0)):  # PROMISC, ALLMULTI, NOBCAST, NOMULTI
            receive(t, command, bytes([on]))
            t.qmp("query-status")
            told.append(len([e for e in t.events if e["event"] == "NIC_RX_FILTER_CHANGED"]))
        problems += [] if told == [1, 1, 1, 1] else [f"told {told} times"]
        one, two = bytes.fromhex("525400aabbcc"), bytes.fromhex("01005e000001")
        table = (1).to_bytes(4, "little") + one + (1).to_bytes(4, "little") + two
        problems += [] if receive(t, 0, table) == 0 else ["the table was refused"]
        now = t.qmp("query-rx-filter", name="d")[0]
        problems += theirs.check_reply("query-rx-filter", [now])
        wanted = {"promiscuous": False, "multicast": "all", "unicast": "normal",
                  "broadcast-allowed": False, "unicast-table": ["52:54:00:aa:bb:cc"],
                  "multicast-table": ["01:00:5e:00:00:01"],
                  "unicast-overflow": False, "multicast-overflow": False}
        problems += [f"{k}: {now[k]!r}, not {v!r}" for k, v in wanted.items() if now[k] != v
]
        receive(t, 0, b"\1")
        t.event("NIC_RX_FILTER_CHANGED")
        t.event("NIC_RX_FILTER_CHANGED")
        problems += [] if "no" in str(t.qmp("query-rx-filter", name="no")) else ["'no' is known"]
    check("query-rx-filter", problems)


def main():
    theirs = schema(QEMU)
    listed = {n for n, e in schema(MACHINE).entries.items() if e["meta-type"] == "event"}
    check("every event that is listed has a row", sorted(listed - set(EVENTS)))
    check("every row's event is listed", sorted(set(EVENTS) - listed))
    for name in EVENTS:
        check(f"event {name}", observe(name, theirs))
    filter_info()
    print(f"1..{count}")
    return 1 if failed else 0


sys.exit(main())
