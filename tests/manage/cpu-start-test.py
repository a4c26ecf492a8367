#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines with each mode of <cpu>, by Debian's virsh on vivd and on libvirtd: the definition kept,
the error or the definition of the run, and the emulator's -cpu are the same."""
import difflib
import os
import re
import shutil
import tempfile

from libvirtd import Libvirtd
from vivd import Tap, Vivd

DOMAIN = """<domain type='qemu'><name>{name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='q35'>hvm</type></os>{features}{cpu}<devices>
<emulator>/usr/bin/qemu-system-x86_64</emulator><controller type='usb' model='none'/>
<memballoon model='none'/><video><model type='none'/></video></devices></domain>"""
HYPERV = "<features><hyperv><relaxed state='on'/></hyperv></features>"


def custom(model, *features, attributes="", tag=""):
    return (f"<cpu mode='custom' {attributes}><model {tag}>{model}</model>"
            + policies(features) + "</cpu>")


def policies(features):
    return "".join(f"<feature policy='{p}' name='{n}'/>" for p, n in (f.split() for f in features))


CASES = {
    "none": "",
    "topology": "<cpu><topology sockets='1' cores='1' threads='1'/></cpu>",
    "no-model": "<cpu mode='custom'/>",
    "host-model": "<cpu mode='host-model'/>",
    "host-model-features": "<cpu mode='host-model'>" + policies(
        ("disable avx", "require aes", "forbid xop", "optional rdseed", "optional pku",
         "optional avx2", "optional tbm")) + "</cpu>",
    "host-model-vendor": "<cpu mode='host-model'><model vendor_id='GenuineIntel'/></cpu>",
    "host-model-full": "<cpu mode='host-model' check='full'/>",
    "host-model-unknown": "<cpu mode='host-model'><feature policy='require' name='none'/></cpu>",
    "maximum": "<cpu mode='maximum'>" + policies(("disable avx",)) + "</cpu>",
    "maximum-unknown": "<cpu mode='maximum'>" + policies(("disable none",)) + "</cpu>",
    "model": custom("Nehalem"),
    "model-blocked": custom("EPYC", "require aes", "optional xop"),
    "model-partial": custom("EPYC", attributes="check='partial'"),
    "model-partial-forbid": custom("Nehalem", "forbid aes", attributes="check='partial'"),
    "model-partial-strict": custom("Nehalem", attributes="check='partial' match='strict'"),
    "model-full": custom("Nehalem", "require hypervisor", attributes="check='full'"),
    "model-not-full": custom("EPYC", attributes="check='full'"),
    "model-missing": custom("Nehalem", "require hypervisor", "force xop",
                            attributes="check='full'"),
    "minimum": custom("Nehalem", "disable aes", attributes="match='minimum'"),
    "strict": custom("Nehalem", attributes="match='strict'"),
    "names": custom("qemu64", "require pclmuldq", "require lahf_lm", "force sse4.1",
                    "optional avx", "forbid fma", "require rdseed"),
    "vendor": custom("Nehalem", "require aes", tag="vendor_id='GenuineIntel'"),
    "translated": custom("Icelake-Client", "require aes", "disable avx2", "optional xop"),
    "untranslated": custom("Icelake-Client", tag="fallback='forbid'"),
    "old-name": custom("cpu64-rhel6"),
    "unknown": custom("nonesuch"),
    "unknown-feature": custom("qemu64", "require nonesuch"),
}
REFUSED = {
    "bad-policy": custom("qemu64", "maybe aes"),
    "bad-mode": "<cpu mode='about'><model>qemu64</model></cpu>",
    "bad-match": custom("qemu64", attributes="match='about'"),
    "bad-check": custom("qemu64", attributes="check='about'"),
    "bad-fallback": custom("qemu64", tag="fallback='about'"),
    "bad-vendor-id": custom("qemu64", tag="vendor_id='short'"),
    "twice": custom("qemu64", "require aes", "require aes"),
    "features-alone": "<cpu mode='custom'>" + policies(("require aes",)) + "</cpu>",
    "vendor-alone": "<cpu mode='custom'><vendor>AMD</vendor></cpu>",
    "migratable": custom("qemu64", attributes="migratable='on'"),
    "zero": "<cpu><topology sockets='0' cores='1' threads='1'/></cpu>",
}


class Session(Vivd):
    def uri(self, read_only=False):
        return f"qemu+unix:///session?socket={self.reader if read_only else self.socket}"


def cpu_of(text):
    found = re.search(r" *<cpu [^>]*/>|<cpu .*?</cpu>", text, re.S)
    return found[0].splitlines() if found else ["no <cpu>"]


def argument(name):
    """The -cpu of the process with that guest's name."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as f:
                words = f.read().split("\0")
        except OSError:
            continue
        if any(w.startswith(f"guest={name},") for w in words):
            return words[words.index("-cpu") + 1] if "-cpu" in words else "no -cpu"
    return "no process"


def lives(side, name, path):
    """All that is seen of one machine on one side."""
    status, _, err = side.virsh("define", path)
    seen = [f"define {status}", *err.replace(name, "NAME").splitlines()]
    if status != 0:
        return seen
    seen += cpu_of(side.virsh("dumpxml", "--inactive", name)[1])
    status, _, err = side.virsh("start", name)
    seen += [f"start {status}", *err.replace(name, "NAME").splitlines()]
    if status == 0:
        seen += [argument(name), *cpu_of(side.virsh("dumpxml", name)[1])]
        side.virsh("destroy", name)
        seen += ["again", *cpu_of(side.virsh("dumpxml", name)[1])]
    side.virsh("undefine", name)
    return seen


def main():
    tap = Tap()
    folder = tempfile.mkdtemp(prefix="cpu-", dir="/var/tmp")
    os.chmod(folder, 0o755)
    try:
        with Session() as vivd, Libvirtd() as libvirtd:
            for case, cpu in (CASES | REFUSED).items():
                seen = []
                for side, letter in (libvirtd, "l"), (vivd, "v"):
                    name = f"cpu-{case}-{os.getpid()}-{letter}"
                    path = f"{folder}/{case}.xml"
                    with open(path, "w", encoding="utf-8") as f:
                        f.write(DOMAIN.format(name=name, cpu=cpu, features=HYPERV if
                                              case == "vendor" else ""))
                    seen.append(lives(side, name, path))
                tap.result(case, list(difflib.unified_diff(*seen, "libvirtd", "vivd",
                                                           lineterm="", n=1)))
    finally:
        shutil.rmtree(folder)
    tap.done()


main()
