# SPDX-License-Identifier: GPL-2.0-or-later
"""A QMP client over a socket pair, and a validator of replies against query-qmp-schema's output.

    with Qmp(program, ["-M", "none", "-S"]) as q:
        q.ask("query-status")

Standard library only."""
import json
import os
import socket
import subprocess
import sys

LIMIT = 60


class QmpError(Exception):
    def __init__(self, error):
        super().__init__(f"{error['class']}: {error['desc']}")
        self.kind = error["class"]


class Qmp:
    def __init__(self, program, args, negotiate=True):
        ours, theirs = socket.socketpair()
        argv = [program, *args, "-chardev", f"socket,id=qmp-test,fd={theirs.fileno()}",
                "-mon", "chardev=qmp-test,mode=control"]
        self.child = subprocess.Popen(argv, pass_fds=[theirs.fileno()],
                                      stdin=subprocess.DEVNULL, stdout=sys.stderr)
        theirs.close()
        ours.settimeout(LIMIT)
        self.socket = ours
        self.file = ours.makefile("r", encoding="utf-8")
        self.events = []
        self.greeting = json.loads(self.file.readline())
        if negotiate:
            self.ask("qmp_capabilities")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait(LIMIT)

    def send(self, text, fds=()):
        if fds:
            socket.send_fds(self.socket, [text.encode()], list(fds))
        else:
            self.socket.sendall(text.encode())

    def reply(self):
        """The next reply, events put aside."""
        while True:
            line = self.file.readline()
            if not line:
                raise EOFError(f"the machine went away, exit status {self.child.wait(LIMIT)}")
            message = json.loads(line)
            if "event" not in message:
                return message
            self.events.append(message)

    def ask(self, command, fds=(), **arguments):
        request = {"execute": command}
        if arguments:
            request["arguments"] = {k.replace("__", "-"): v for k, v in arguments.items()}
        self.send(json.dumps(request), fds)
        message = self.reply()
        if "error" in message:
            raise QmpError(message["error"])
        return message["return"]

    def wait_event(self, name):
        while True:
            for i, event in enumerate(self.events):
                if event["event"] == name:
                    return self.events.pop(i)
            message = json.loads(self.file.readline())
            if "event" in message:
                self.events.append(message)


class Schema:
    JSON = {"string": str, "int": int, "number": (int, float), "boolean": bool, "null": type(None),
            "object": dict, "array": list}

    def __init__(self, entries):
        self.entries = {e["name"]: e for e in entries}

    def check_reply(self, command, value):
        return self.check(self.entries[command]["ret-type"], value, command)

    def check_event(self, event):
        entry = self.entries.get(event["event"])
        if not entry or entry["meta-type"] != "event":
            return [f"no event {event['event']}"]
        return self.check(entry["arg-type"], event.get("data", {}), event["event"])

    def check(self, type_name, value, where):
        """A list of what is wrong: empty when the value is of the type."""
        entry = self.entries[type_name]
        return getattr(self, "check_" + entry["meta-type"])(entry, value, where)

    def check_builtin(self, entry, value, where):
        kind = entry["json-type"]
        if kind == "value":
            return []
        ok = isinstance(value, self.JSON[kind]) and (kind == "boolean" or
                                                     not isinstance(value, bool))
        return [] if ok else [f"{where}: {value!r} is no {kind}"]

    def check_enum(self, entry, value, where):
        return [] if value in entry["values"] else [f"{where}: {value!r} is not one of the enum"]

    def check_array(self, entry, value, where):
        if not isinstance(value, list):
            return [f"{where}: {value!r} is no array"]
        return [p for i, v in enumerate(value)
                for p in self.check(entry["element-type"], v, f"{where}[{i}]")]

    def check_alternate(self, entry, value, where):
        for member in entry["members"]:
            if not self.check(member["type"], value, where):
                return []
        return [f"{where}: {value!r} fits no alternative"]

    def check_object(self, entry, value, where):
        if not isinstance(value, dict):
            return [f"{where}: {value!r} is no object"]
        members = {m["name"]: m for m in entry["members"]}
        if "tag" in entry:
            for variant in entry["variants"]:
                if variant["case"] == value.get(entry["tag"]):
                    more = self.entries[variant["type"]]["members"]
                    members.update({m["name"]: m for m in more})
        problems = [f"{where}: no '{n}'" for n, m in members.items()
                    if "default" not in m and n not in value]
        for name, v in value.items():
            if name not in members:
                problems.append(f"{where}: '{name}' is not in the schema")
            else:
                problems += self.check(members[name]["type"], v, f"{where}.{name}")
        return problems
