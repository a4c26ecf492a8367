# SPDX-License-Identifier: GPL-2.0-or-later
"""Drives every QMP command that the machine lists and checks replies and events against the
schema of QEMU itself, taken live from qemu-system-x86_64."""
import os
import socket
import sys
import tempfile

from qmp import Qmp, QmpError, Schema

MACHINE = os.environ["VIV_MACHINE"]
QEMU = os.environ.get("QEMU", "qemu-system-x86_64")

failed = []
count = 0


def result(name, problems):
    global count
    count += 1
    for p in problems:
        print(f"# {p}")
    print(f"{'not ok' if problems else 'ok'} {count} - {name}", flush=True)
    if problems:
        failed.append(name)


def qemu_schema():
    with Qmp(QEMU, ["-M", "none", "-S", "-display", "none", "-nodefaults"]) as q:
        entries = q.ask("query-qmp-schema")
        q.ask("quit")
    return Schema(entries)


def refused(q, command, kind="GenericError", **arguments):
    """What is wrong with the refusal of a command: nothing if it is refused in this class."""
    try:
        q.ask(command, **arguments)
    except QmpError as e:
        return [] if e.kind == kind else [f"{command}: {e}, not {kind}"]
    return [f"{command} was accepted"]


def pipe_fd():
    r, w = os.pipe()
    os.close(r)
    return w


# What is needed to call a command: arguments, or the class of error it must give.
CALLS = {
    "balloon": dict(value=64 << 20),
    "blockdev-change-medium": dict(id="cd0", filename="@DISK2@", format="raw"),
    "blockdev-close-tray": dict(id="cd0"),
    "blockdev-insert-medium": dict(id="cd0", node__name="n1"),
    "blockdev-open-tray": dict(id="cd0"),
    "blockdev-remove-medium": dict(id="cd0"),
    "chardev-change": dict(id="c1", backend={"type": "ringbuf", "data": {"size": 1024}}),
    "eject": dict(id="cd0"),
    "memsave": dict(val=0xFFFF0, size=16, filename="/dev/null"),
    "pmemsave": dict(val=0xFFFFFFF0, size=16, filename="/dev/null"),
    "set_link": dict(name="net1", up=False),
    "block_resize": dict(node__name="n0", size=2 << 20),
    "blockdev-add": dict(driver="null-co", node__name="n1", size=4096),
    "blockdev-del": dict(node__name="n1"),
    "chardev-add": dict(id="c1", backend={"type": "ringbuf", "data": {"size": 4096}}),
    "chardev-remove": dict(id="c1"),
    "chardev-send-break": dict(id="c1"),
    "device_add": dict(driver="virtio-rng-pci", id="late", bus="rp0"),
    "device_del": dict(id="late"),
    "device-list-properties": dict(typename="virtio-blk-pci"),
    "human-monitor-command": {"command__line": "info status"},
    "migrate-set-capabilities": dict(capabilities=[{"capability": "events", "state": True}]),
    "migrate": dict(uri="file:/dev/null"),
    "migrate-set-parameters": dict(max__bandwidth=0),
    "netdev_add": dict(type="user", id="net1", restrict=True),
    "netdev_del": dict(id="net1"),
    "object-add": {"qom__type": "rng-builtin", "id": "r1"},
    "object-del": dict(id="r1"),
    "query-cpu-model-expansion": dict(type="full", model={"name": "qemu64"}),
    "query-stats": dict(target="vm"),
    "qom-get": dict(path="/machine/peripheral/d0", property="drive"),
    "qom-list": dict(path="/machine/peripheral"),
    "qom-list-properties": dict(typename="memory-backend-file"),
    "qom-set": dict(path="/machine/peripheral/b0", property="guest-stats-polling-interval", value=2),
    "ringbuf-read": dict(device="c1", size=10),
    "ringbuf-write": dict(device="c1", data="abc"),
    "send-key": dict(keys=[{"type": "qcode", "data": "ctrl"}, {"type": "number", "data": 30}]),
    "set-action": dict(shutdown="pause"),
    "getfd": dict(fdname="f"),
    "closefd": dict(fdname="f"),
    "add-fd": dict(fdset__id=3),
    "remove-fd": dict(fdset__id=3),
}
REFUSED = {
    "qmp_capabilities": "CommandNotFound",
    "migrate-incoming": "GenericError",
    "query-sev-capabilities": "GenericError",
    "query-sgx-capabilities": "GenericError",
    "query-vm-generation-id": "GenericError",
    "system_wakeup": "GenericError",
}
# These need another to come first, or nothing after.
FIRST = ["chardev-add", "chardev-change", "ringbuf-write", "blockdev-add", "netdev_add", "object-add", "getfd",
         "add-fd"]
LAST = ["set_link", "eject", "blockdev-close-tray", "blockdev-open-tray", "blockdev-insert-medium",
        "blockdev-remove-medium", "blockdev-change-medium", "ringbuf-read", "chardev-send-break", "chardev-remove", "blockdev-del", "netdev_del",
        "object-del", "closefd", "remove-fd", "system_reset", "quit"]
# QEMU gives these where we give a list of their kind; the validator has no type for them.
UNKNOWN_TO_QEMU = set()


def order(commands):
    middle = [c for c in commands if c not in FIRST and c not in LAST]
    return [c for c in FIRST if c in commands] + middle + [c for c in LAST if c in commands]


def drive(q, schema, command):
    if command in REFUSED:
        return refused(q, command, REFUSED[command])
    fds = []
    if command in ("getfd", "add-fd"):
        fds = [pipe_fd()]
    arguments = {k: q.disk if v == "@DISK2@" else v for k, v in CALLS.get(command, {}).items()}
    value = q.ask(command, fds, **arguments)
    for fd in fds:
        os.close(fd)
    if command not in schema.entries:
        return [f"QEMU has no command {command}"]
    return schema.check_reply(command, value)


def every_command(schema, disk):
    args = ["-M", "q35", "-accel", "qtest", "-m", "128", "-S", "-display", "none", "-nodefaults",
            "-name", "guest", "-object", "iothread,id=t0",
            "-blockdev", f"driver=file,filename={disk},node-name=n0",
            "-device", "virtio-blk-pci,drive=n0,id=d0", "-device", "ide-cd,id=cd0",
            "-device", "pcie-root-port,id=rp0", "-device", "virtio-balloon-pci,id=b0"]
    with Qmp(MACHINE, args) as q, tempfile.NamedTemporaryFile() as medium:
        medium.truncate(1 << 20)
        q.disk = medium.name
        commands = [c["name"] for c in q.ask("query-commands")]
        for command in order(commands):
            try:
                problems = drive(q, schema, command)
            except (QmpError, EOFError) as e:
                problems = [f"{command}: {e}"]
            result(f"command {command}", problems)
        events = []
        for line in q.file:
            import json
            events.append(json.loads(line))
        result("quit ends it with status 0", [] if q.child.wait(60) == 0 else ["another status"])
        events += q.events
        result("events", [p for e in events for p in schema.check_event(e)] +
               [f"no {n}" for n in ("RESUME", "STOP", "SHUTDOWN")
                if n not in [e["event"] for e in events]])


def every_other_command(schema):
    """What QEMU has and we lack is refused by name."""
    theirs = [n for n, e in schema.entries.items() if e["meta-type"] == "command"]
    with Qmp(MACHINE, ["-M", "none", "-S", "-nodefaults", "-display", "none"]) as q:
        ours = {c["name"] for c in q.ask("query-commands")}
        problems = []
        for name in theirs:
            if name in ours:
                continue
            try:
                q.ask(name)
                problems.append(f"{name} was accepted")
            except QmpError as e:
                if e.kind != "CommandNotFound" or "not built yet" not in str(e):
                    problems.append(str(e))
        result("commands that are not built are refused by name", problems)
        q.ask("quit")


def expansion():
    """A model expands to what QEMU's expands to, and what we lack is off there too."""
    def ask(program, kind, model):
        with Qmp(program, ["-M", "q35", "-S", "-display", "none", "-nodefaults"]) as q:
            reply = q.ask("query-cpu-model-expansion", type=kind, model={"name": model})
            q.ask("quit")
        return reply["model"]

    for kind, model in (("static", "qemu64"), ("static", "Westmere"), ("full", "qemu64")):
        ours, theirs = ask(MACHINE, kind, model), ask(QEMU, kind, model)
        problems = [] if ours["name"] == theirs["name"] else [f"{ours['name']} for a name"]
        for name, value in ours["props"].items():
            if name not in theirs["props"]:
                problems.append(f"QEMU has no {name}")
            elif theirs["props"][name] != value:
                problems.append(f"{name}: {value}, QEMU {theirs['props'][name]}")
        if kind == "static":
            problems += [f"{name} is missing" for name, value in theirs["props"].items()
                         if name not in ours["props"] and value]
        result(f"{kind} expansion of {model}", problems)


def own_schema(schema):
    """Our own schema holds together, and each command we list is there."""
    with Qmp(MACHINE, ["-M", "none", "-S", "-nodefaults", "-display", "none"]) as q:
        entries = q.ask("query-qmp-schema")
        result("query-qmp-schema is of QEMU's form",
               schema.check_reply("query-qmp-schema", entries)[:10])
        ours = Schema(entries)
        missing = [e["name"] + ": " + t for e in entries
                   for t in ([e[k] for k in ("arg-type", "ret-type", "element-type") if k in e] +
                             [m["type"] for m in e.get("members", []) if "type" in m])
                   if t not in ours.entries]
        result("every type it names is described", missing)
        q.ask("quit")


# What we never give: an error, or a list that is always empty, whose elements are not described in
# full; and QEMU's description of itself, which the validator checks.
NEVER_GIVEN = ("query-tpm: []", "query-sev-capabilities: ", "query-sgx-capabilities: ",
               "query-blockstats: [].stats.timed_stats[]",
               "query-block-jobs: []", "query-qmp-schema: []")


class Shapes:
    """Whether what our schema says of a command or event fits into what QEMU's says."""
    def __init__(self, ours, theirs):
        self.ours, self.theirs, self.seen = ours, theirs, set()

    def same(self, a, b, where, ours_are_given):
        """`a` of ours and `b` of QEMU's. A member we give is one of theirs, and all that they
        always give is given; of what we are given it is the other way round."""
        x, y = self.ours.entries[a], self.theirs.entries[b]
        if (a, b, ours_are_given) in self.seen:
            return []
        self.seen.add((a, b, ours_are_given))
        if y["meta-type"] == "alternate" or x["meta-type"] == "builtin" and x["json-type"] == "value":
            return []
        if (x["meta-type"], y["meta-type"]) == ("builtin", "enum") and not ours_are_given:
            return [] if x["json-type"] == "string" else [f"{where}: no string"]
        if x["meta-type"] != y["meta-type"]:
            return [f"{where}: {x['meta-type']}, QEMU {y['meta-type']}"]
        return getattr(self, x["meta-type"])(x, y, where, ours_are_given)

    def builtin(self, x, y, where, _):
        return [] if x["json-type"] == y["json-type"] else [
            f"{where}: {x['json-type']}, QEMU {y['json-type']}"]

    def enum(self, x, y, where, _):
        return [f"{where}: QEMU has no '{v}'" for v in x["values"] if v not in y["values"]]

    def array(self, x, y, where, given):
        return self.same(x["element-type"], y["element-type"], where + "[]", given)

    def object(self, x, y, where, given):
        mine = {m["name"]: m for m in x["members"]}
        its = {m["name"]: m for m in y["members"]}
        some = {m["name"] for v in y.get("variants", []) for m in
                self.theirs.entries[v["type"]]["members"]}
        problems = [f"{where}: QEMU has no '{n}'" for n in mine if n not in its and n not in some]
        for n in set(mine) & set(its):
            problems += self.same(mine[n]["type"], its[n]["type"], f"{where}.{n}", given)
        if where in NEVER_GIVEN:
            return problems
        ask = (its, mine) if given else (mine, its)
        problems += [f"{where}: '{n}' is not always there" for n, m in ask[0].items()
                     if "default" not in m and n not in some and
                     (n not in ask[1] or "default" in ask[1][n])]
        return problems


def shapes(theirs):
    with Qmp(MACHINE, ["-M", "none", "-S", "-nodefaults", "-display", "none"]) as q:
        ours = Schema(q.ask("query-qmp-schema"))
        q.ask("quit")
    compare = Shapes(ours, theirs)
    for name, e in ours.entries.items():
        if e["meta-type"] == "command":
            its = theirs.entries.get(name)
            result(f"{name} has QEMU's shape", [f"QEMU has no {name}"] if not its else
                   compare.same(e["arg-type"], its["arg-type"], f"{name}()", False) +
                   compare.same(e["ret-type"], its["ret-type"], f"{name}: ", True))
        elif e["meta-type"] == "event":
            its = theirs.entries.get(name)
            result(f"{name} has QEMU's shape", [f"QEMU has no {name}"] if not its else
                   compare.same(e["arg-type"], its["arg-type"], name, True))


def protocol():
    with Qmp(MACHINE, ["-M", "none", "-S", "-nodefaults", "-display", "none"],
             negotiate=False) as q:
        version = q.greeting["QMP"]["version"]
        result("greeting", [] if version["qemu"] == {"major": 7, "minor": 2, "micro": 0} and
               version["package"].startswith("vivarium") else [str(version)])
        result("a command before qmp_capabilities", refused(q, "query-status", "CommandNotFound"))
        q.ask("qmp_capabilities")
        q.send("{'execute': 'query-status', 'id': {'a': [1]}}")
        reply = q.reply()
        result("single quotes, id", [] if reply.get("id") == {"a": [1]} and "return" in reply
               else [str(reply)])
        q.send('{"execute": "query-name"}{"execute":\n"query-name"}')
        result("two in one, one in two lines",
               [] if "return" in q.reply() and "return" in q.reply() else ["no reply"])
        for bad in ['{"execute": 1}\n', '[1]\n', '{"execute": "no-such"}\n', '{"x": 1}\n',
                    '{"execute": "query-name", "arguments": []}\n', '}{\n',
                    '{"execute": "stop", "arguments": {"x": 1}}\n',
                    '{"execute": "qom-get", "arguments": {"path": 1, "property": "x"}}\n',
                    '[' * 5000 + '\n']:
            q.send(bad)
            reply = q.reply()
            result(f"refused: {bad.strip()[:40]}", [] if "error" in reply else [str(reply)[:200]])
        result("alive afterwards", [] if q.ask("query-status")["status"] == "prelaunch" else ["?"])
        q.ask("quit")


def main():
    schema = qemu_schema()
    with tempfile.NamedTemporaryFile() as disk:
        disk.truncate(1 << 20)
        protocol()
        own_schema(schema)
        shapes(schema)
        every_other_command(schema)
        expansion()
        every_command(schema, disk.name)
    print(f"1..{count}")
    return 1 if failed else 0


sys.exit(main())
