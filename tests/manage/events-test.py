# SPDX-License-Identifier: LGPL-2.1-or-later
"""libvirt's own Python binding on vivd: its event loop receives what happens to domains, networks
and pools, and errors carry libvirt's numbers."""
import sys

import libvirt

from vivd import LIMIT, Tap, Vivd

seen = []
tap = Tap()


def on_lifecycle(_conn, dom, event, detail, _opaque):
    seen.append((dom.name(), event, detail))


def on_network(_conn, net, event, detail, _opaque):
    seen.append((net.name(), "net", event, detail))


def on_pool(_conn, pool, event, detail, _opaque):
    seen.append((pool.name(), "pool", event, detail))


def expect(what, rows):
    turns = 0
    while len(seen) < len(rows) and turns < LIMIT:
        libvirt.virEventRunDefaultImpl()
        turns += 1
    tap.result(what, [] if seen == rows else [f"{seen}, not {rows}"])
    seen.clear()


def on_timer(*_):
    """Lets a turn of the loop end when nothing comes."""


def changes(conn, dom):
    dom.suspend()
    dom.resume()
    dom.destroy()
    dom.create()
    expect("a domain is paused, resumed, stopped and started",
           [("test", 3, 0), ("test", 4, 0), ("test", 5, 1), ("test", 2, 0)])
    dom.undefine()
    conn.defineXML(dom.XMLDesc())
    expect("it is undefined and defined", [("test", 1, 0), ("test", 0, 0)])
    net = conn.networkLookupByName("default")
    net.destroy()
    net.create()
    pool = conn.storagePoolLookupByName("default-pool")
    pool.destroy()
    pool.create()
    expect("a network and a pool stop and start",
           [("default", "net", 3, 0), ("default", "net", 2, 0),
            ("default-pool", "pool", 3, 0), ("default-pool", "pool", 2, 0)])


def error_of(call):
    try:
        call()
    except libvirt.libvirtError as e:
        return e.get_error_code(), e.get_error_domain()
    return None


libvirt.registerErrorHandler(lambda *_: None, None)
libvirt.virEventRegisterDefaultImpl()
libvirt.virEventAddTimeout(1000, on_timer, None)
with Vivd() as vivd:
    conn = libvirt.open(vivd.uri())
    dom = conn.lookupByName("test")
    ids = [conn.domainEventRegisterAny(None, 0, on_lifecycle, None)]
    net_id = conn.networkEventRegisterAny(None, 0, on_network, None)
    pool_id = conn.storagePoolEventRegisterAny(None, 0, on_pool, None)
    changes(conn, dom)

    conn.domainEventDeregisterAny(ids[0])
    dom.suspend()
    conn.domainEventRegisterAny(dom, 0, on_lifecycle, None)
    dom.resume()
    expect("nothing comes while nobody is registered", [("test", 4, 0)])

    found = [error_of(lambda: conn.lookupByName("nobody")), error_of(dom.create),
             error_of(conn.listNWFilters)]
    tap.result("errors carry libvirt's numbers",
               [] if found == [(42, 12), (55, 12), (3, 12)] else [found])
    conn.networkEventDeregisterAny(net_id)
    conn.storagePoolEventDeregisterAny(pool_id)
    conn.close()
sys.stdout.flush()
tap.done()
