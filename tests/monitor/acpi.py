# SPDX-License-Identifier: GPL-2.0-or-later
"""ACPI tables as a guest's firmware would have them: read through fw_cfg, put together by the
table loader's commands, disassembled by iasl, and the DSDT as a map from paths to meanings.

    tables(qtest) -> {"FACP": bytes, ..., "DSDT": bytes}
    disassemble(tables) -> {"FACP": text, ...}
    namespace(text) -> {"\\\\_SB.PCI0._HID": "Name (_HID, ...)", ...}"""
import pathlib
import re
import struct
import subprocess
import tempfile

FIRST = 0x4000000  # where the tables would be loaded
STEP = 0x200000


def prepare(t):
    """What firmware programs before it reads the tables, as SeaBIOS does."""
    lpc = 0xF8
    t.set_config(lpc, 0x40, 0x601)
    t.set_config(lpc, 0x44, 0x80, 1)
    t.set_config(0, 0x64, 0)
    t.set_config(0, 0x60, 0xB0000001)


def load(t):
    """Runs the loader's commands; file name -> contents, and -> address."""
    files = t.files()
    contents, addresses = {}, {}
    loader = t.file_bytes("etc/table-loader", files)
    for at in range(0, len(loader), 128):
        entry = loader[at:at + 128]
        command, = struct.unpack("<I", entry[:4])
        one = entry[4:60].split(b"\0")[0].decode()
        if command == 1:  # allocate
            addresses[one] = FIRST + STEP * len(addresses)
            contents[one] = bytearray(t.file_bytes(one, files))
        elif command == 2:  # add pointer
            other = entry[60:116].split(b"\0")[0].decode()
            offset, size = struct.unpack("<IB", entry[116:121])
            field = slice(offset, offset + size)
            value = int.from_bytes(contents[one][field], "little") + addresses[other]
            contents[one][field] = value.to_bytes(size, "little")
        elif command == 3:  # add checksum
            offset, start, length = struct.unpack("<III", entry[60:72])
            contents[one][offset] = 0
            contents[one][offset] = -sum(contents[one][start:start + length]) & 0xFF
    return contents, addresses


def tables(t):
    prepare(t)
    contents, addresses = load(t)

    def memory(address, size):
        for name, base in addresses.items():
            if base <= address < base + len(contents[name]):
                return bytes(contents[name][address - base:address - base + size])
        raise ValueError(f"no table at {address:#x}")

    def table(address):
        return memory(address, struct.unpack("<I", memory(address + 4, 4))[0])

    rsdp = contents["etc/acpi/rsdp"]
    root = table(struct.unpack("<I", rsdp[16:20])[0])
    found = {"order": []}
    for at in range(36, len(root), 4):
        one = table(struct.unpack("<I", root[at:at + 4])[0])
        found[one[:4].decode()] = one
        found["order"].append(one[:4].decode())
    found["DSDT"] = table(struct.unpack("<I", found["FACP"][40:44])[0])
    found["FACS"] = memory(struct.unpack("<I", found["FACP"][36:40])[0], 64)
    return found


def checksums(found):
    return [name for name, table in found.items()
            if name not in ("order", "FACS") and sum(table) & 0xFF]


def disassemble(found):
    """Name -> iasl's text without comments, addresses of the test and checksums."""
    texts = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, table in found.items():
            if name == "order":
                continue
            path = pathlib.Path(folder) / f"{name}.aml"
            path.write_bytes(table)
            subprocess.run(["iasl", "-d", str(path)], check=True, capture_output=True, timeout=60)
            text = path.with_suffix(".dsl").read_text()
            text = re.sub(r"/\*.*?\*/|^Raw Table Data.*", "", text, flags=re.S | re.M)
            text = re.sub(r"//[^\n]*|^\[[^\]]*\]\s*", "", text, flags=re.M)
            texts[name] = "\n".join(
                line.strip() for line in text.split("\n") if line.strip() and not re.match(
                    r"(Checksum|FACS Address|DSDT Address) ", line.strip()))
    return texts


def parse(lines):
    """Statements of a block: [(head, [statements])]; consumes up to the block's closing brace."""
    out = []
    while lines:
        line = lines.pop(0)
        if line.startswith("}"):
            if line != "}" and out:  # "})" ends a Package or Buffer that is an argument
                out.append((line[1:], []))
            return out
        if line == "{":
            if out:
                out[-1][1].extend(parse(lines))
            else:
                out += parse(lines)
        else:
            out.append((line, []))
    return out


def flat(statement):
    head, body = statement
    return f"{head} {{ {' '.join(flat(s) for s in body)} }}" if body else head


def absolute(base, name):
    if name.startswith("\\"):
        base, name = "", name[1:]
    parts = [p for p in base.strip("\\").split(".") if p]
    parts += [p.rstrip("_") or p for p in name.split(".") if p]
    return "\\" + ".".join(parts)


SCOPE = re.compile(r"(Scope|Device|Processor|PowerResource|ThermalZone) \(([\\^\w.]+)")
LEAF = re.compile(r"(Name|Method|OperationRegion|Mutex|Event) \(([\\^\w.]+)")


def walk(statements, base, out):
    fields = 0
    for head, body in statements:
        scope, leaf = SCOPE.match(head), LEAF.match(head)
        if scope:
            path = absolute(base, scope[2])
            if scope[1] != "Scope":
                out[path] = scope[1]
            walk(body, path, out)
        elif leaf:
            out[absolute(base, leaf[2])] = re.sub(r"[\\^]", "", flat((head, body)))
        elif head.startswith(("Field", "CreateField", "IndexField")):
            fields += 1
            out[absolute(base, f"{head.split('(')[1].split(',')[0]}-fields{fields}")] = flat(
                (head, body))
        elif body:
            walk(body, base, out)
    return out


def namespace(text):
    return walk(parse(text.split("\n")), "", {})
