# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may include whom: the table "Tree" of ARCHITECTURE.md is the rule.

The last cell of a row is a grammar: words are folders (a neighbour, or a folder of src/);
"all of machine" stands for every folder of src/machine and what they may include; "`jit/` also
jit" widens one subfolder; "accelerators only through `accel.h`" admits one header of
src/machine/accel; "public headers" is include/viv; "-" is nothing. A sentence after a full stop
is for people."""
import re

from checks import tree

ROW = re.compile(r"^\|(.*)\|(.*)\|(.*)\|$")
ALSO = re.compile(r"`(\w+)/?` also ([\w ]+)")
EVERYONE = {"base", "row"}


class Rule:
    def __init__(self):
        self.allowed = set()    # folders
        self.also = {}          # subfolder -> more folders
        self.headers = set()    # single headers


class TableError(Exception):
    pass


def rows(text):
    """{folder: cell} of the table that has a column "may include"."""
    found, inside = {}, False
    for line in text.splitlines():
        m = ROW.match(line)
        if not m:
            inside = False
            continue
        if m.group(3).strip() == "may include":
            inside = True
            continue
        if inside:
            for folder in re.findall(r"`((?:src|include)/[\w/]+)`", m.group(1)):
                found[folder.removeprefix("src/")] = m.group(3).strip()
    return found


def resolve(word, folder, known):
    """The folder that a word in folder's row means."""
    parent = folder.rpartition("/")[0]
    for candidate in (f"{parent}/{word}" if parent else word, word):
        if candidate in known:
            return candidate
    raise TableError(f"ARCHITECTURE.md: row {folder}: no folder '{word}' in the table")


def parse_rule(folder, cell, known):
    rule = Rule()
    cell = re.split(r"\.(?:\s|$)", cell)[0]
    for sub, words in ALSO.findall(cell):
        rule.also[sub] = {resolve(w, folder, known) for w in words.split()}
    cell = ALSO.sub("", cell)
    for header in re.findall(r"accelerators only through `([\w.]+)`", cell):
        rule.headers.add(f"machine/accel/{header}")
    cell = re.sub(r"accelerators only through `[\w.]+`", "", cell)
    for whole in re.findall(r"all of (\w+)", cell):
        rule.allowed |= {k for k in known if k.startswith(whole + "/")} | {"block"}
    cell = re.sub(r"all of \w+", "", cell)
    if "public headers" in cell:
        rule.allowed.add("include/viv")
        cell = cell.replace("public headers", "")
    for word in re.findall(r"[\w-]+", cell):
        if word != "-":
            rule.allowed.add(resolve(word, folder, known))
    return rule


def rules(text):
    table = rows(text)
    if not table:
        raise TableError("ARCHITECTURE.md has no table with a column 'may include'")
    return {f: parse_rule(f, cell, set(table) | EVERYONE) for f, cell in table.items()}


def owner(path, known):
    """The table's folder that a path (without src/) is in, and the subfolder below it."""
    parts = path.split("/")
    for n in (2, 1):
        folder = "/".join(parts[:n])
        if len(parts) > n and folder in known:
            return folder, parts[n] if len(parts) > n + 1 else None
    return None, None


def may(rule, folder, sub, target, target_folder):
    if target_folder == folder:
        return True
    if target_folder in EVERYONE:
        return folder != "base"
    if target_folder in rule.allowed or target in rule.headers:
        return True
    return sub is not None and target_folder in rule.also.get(sub, ())


def check(top):
    try:
        table = rules(tree.read(top, "ARCHITECTURE.md"))
    except (TableError, OSError) as e:
        return [str(e)]
    problems = []
    for path in filter(tree.is_c, tree.files(top, "src")):
        folder, sub = owner(path.removeprefix("src/"), table)
        if folder is None:
            problems.append(f"{path}: its folder has no row in ARCHITECTURE.md's table")
            continue
        for line, kind, name in tree.includes(tree.read(top, path)):
            if kind == "<":
                if name.startswith("viv/") and "include/viv" not in table[folder].allowed and \
                        folder not in ("manage/lib",):
                    problems.append(f"{path}:{line}: {folder} may not include <{name}>")
                continue
            target, _ = owner(name, table)
            if target is None:
                problems.append(f"{path}:{line}: \"{name}\" is not a path from src/")
            elif not may(table[folder], folder, sub, name, target):
                problems.append(f"{path}:{line}: {folder} may not include \"{name}\"")
    return problems
