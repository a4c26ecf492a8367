#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""CPU models and features, by Debian's virsh on vivd and on libvirtd: the same lines on the same
documents have the same exit status, output and complaint."""
import difflib
import glob
import os
import random
import re
import shutil
import tempfile

from libvirtd import Libvirtd
from vivd import Tap, Vivd

# Of a file each: documents that `cpu-compare` and `cpu-baseline` read.
HOST = "<cpu><arch>x86_64</arch><model>{}</model>{}</cpu>"
GUESTS = {
    "plain": "<cpu><model>486</model></cpu>",
    "strict": "<cpu match='strict'><model>486</model></cpu>",
    "forbids": "<cpu match='exact'><model>486</model>"
               "<feature policy='forbid' name='sse2'/></cpu>",
    "needs": "<cpu match='minimum'><model>486</model><feature policy='require' name='xop'/>"
             "<feature policy='require' name='3dnow'/></cpu>",
    "allows": "<cpu><model>486</model><feature policy='optional' name='xop'/>"
              "<feature policy='disable' name='sse2'/><feature policy='force' name='3dnow'/></cpu>",
    "twice": "<cpu><model>486</model><feature policy='require' name='sse'/>"
             "<feature policy='require' name='sse'/></cpu>",
    "unknown-feature": "<cpu><model>486</model><feature policy='require' name='nonesuch'/></cpu>",
    "unknown-policy": "<cpu><model>486</model><feature policy='maybe' name='sse'/></cpu>",
    "unknown-model": "<cpu><model>nonesuch</model></cpu>",
    "unknown-match": "<cpu match='about'><model>486</model></cpu>",
    "unknown-mode": "<cpu mode='about'><model>486</model></cpu>",
    "unknown-fallback": "<cpu><model fallback='about'>486</model></cpu>",
    "nameless-feature": "<cpu><model>486</model><feature policy='require'/></cpu>",
    "no-model": "<cpu><feature policy='require' name='sse'/></cpu>",
    "vendor": "<cpu><model>486</model><vendor>Intel</vendor></cpu>",
    "vendor-alone": "<cpu><vendor>Intel</vendor></cpu>",
    "vendor-id": "<cpu><model vendor_id='short'>486</model></cpu>",
    "topology": "<cpu><model>486</model><topology sockets='0' cores='1' threads='1'/></cpu>",
    "half-topology": "<cpu><model>486</model><topology sockets='1' cores='1'/></cpu>",
    "cache": "<cpu><model>486</model><cache level='9' mode='emulate'/></cpu>",
    "migratable": "<cpu mode='custom' migratable='on'><model>486</model></cpu>",
    "empty": "<cpu/>",
    "other": "<other/>",
    "no-document": "<cpu",
}
HOSTS = {
    "arch": HOST.replace("x86_64", "nonesuch").format("486", ""),
    "arm": HOST.replace("x86_64", "aarch64").format("486", ""),
    "sparc": HOST.replace("x86_64", "sparc64").format("486", ""),
    "nehalem": HOST.format("Nehalem", ""),
    "nehalem-more": HOST.format("Nehalem", "<feature name='aes'/><feature name='invtsc'/>"),
    "haswell": HOST.format("Haswell", "<vendor>Intel</vendor>"),
    "epyc": HOST.format("EPYC", "<vendor>AMD</vendor><feature name='cmt'/>"),
    "epyc-bare": HOST.format("EPYC", ""),
    "wrong-vendor": HOST.format("EPYC", "<vendor>Intel</vendor>"),
    "no-vendor": HOST.format("486", "<vendor>Nobody</vendor>"),
    "host-mode": HOST.replace("<cpu>", "<cpu mode='custom'>").format("486", ""),
    "host-match": HOST.replace("<cpu>", "<cpu match='exact'>").format("486", ""),
    "unknown": HOST.format("nonesuch", ""),
    "unknown-features": HOST.format("486", "<feature name='nonesuch'/>"),
    "signature": HOST.format("486", "<signature family='x' model='1' stepping='1'/>"),
}
GUEST = "<cpu><model>{}</model>{}</cpu>"
POLICIES = [GUEST.format(model, f"<feature policy='{policy}' name='{feature}'/>")
            for model in ("Nehalem", "EPYC")
            for policy, feature in (("force", "xop"), ("require", "xop"), ("optional", "xop"),
                                    ("disable", "sse4.2"), ("forbid", "sse4.2"),
                                    ("require", "monitor"))]
POLICIES += [GUEST.format("Nehalem", "") + GUEST.format("EPYC", ""),
             GUEST.format("Icelake-Client", "") * 2,
             GUEST.format("athlon", "<vendor>Intel</vendor>") + GUEST.format("Nehalem", ""),
             "<cpu mode='host-model'/>", "<cpu mode='host-passthrough'><model>EPYC</model></cpu>"]
TCG = ("--virttype", "qemu")  # libvirtd's choice would be KVM, if it can
ROUNDS = int(os.environ.get("ROUNDS", "15"))


class Session(Vivd):
    def uri(self, read_only=False):
        return f"qemu+unix:///session?socket={self.reader if read_only else self.socket}"


class Pair:
    def __init__(self, tap, vivd, libvirtd, folder):
        self.tap, self.vivd, self.libvirtd, self.folder = tap, vivd, libvirtd, folder
        self.good = 0

    def file(self, name, text):
        path = f"{self.folder}/{name}"
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        return path

    def difference(self, *words):
        """[] when both say the same; counts where both succeed."""
        if words[0].startswith("hypervisor") and "--virttype" not in words:
            words = (*words, *TCG)
        sides = [side.virsh(*words) for side in (self.libvirtd, self.vivd)]
        self.good += sides[0][0] == 0
        sides = [[f"status {s}", *out.splitlines(), *err.splitlines()] for s, out, err in sides]
        return list(difflib.unified_diff(*sides, "libvirtd", "vivd", lineterm="", n=1))

    def same(self, name, good, *lines):
        """One result for all the lines, of which so many succeed."""
        problems = []
        self.good = 0
        for words in lines:
            difference = self.difference(*words)
            if difference:
                problems.append("\n".join([" ".join(words), *difference]))
        if self.good < good:
            problems.append(f"only {self.good} lines succeed")
        self.tap.result(f"{name}: {len(lines)} lines", problems)


def models(pair):
    pair.same("cpu-models", 2, *[("cpu-models", arch) for arch in
                              ("x86_64", "i686", "sparc64", "nonesuch")])


def compare(pair):
    names = pair.vivd.virsh("cpu-models", "x86_64")[1].split()
    files = [pair.file(f"model-{n}", GUEST.format(n, "")) for n in names]
    pair.same("cpu-compare with models", 2,
              *[("cpu-compare", f) for f in files[::3]])
    files = [pair.file(f"guest-{n}", text) for n, text in (GUESTS | HOSTS).items()]
    pair.same("cpu-compare --error with descriptions", 3,
              *[("cpu-compare", "--error", f) for f in files])


def pairs_of(hosts):
    return [f"{a}{b}" for a in hosts for b in hosts]


def baseline(pair):
    names = pair.vivd.virsh("cpu-models", "x86_64")[1].split()
    files = [pair.file(f"host-{n}", HOST.format(n, "")) for n in names]
    pair.same("cpu-baseline of each model", 50, *[("cpu-baseline", f) for f in files])
    pair.same("cpu-baseline --features of models", 15,
              *[("cpu-baseline", "--features", f) for f in files[::3]])
    files = [pair.file(f"hosts-{n}", text) for n, text in (GUESTS | HOSTS).items() if n != "arm"]
    pair.same("cpu-baseline of descriptions", 5, *[("cpu-baseline", f) for f in files])
    files = [pair.file(f"two-{i}", text) for i, text in enumerate(pairs_of(
        [HOSTS[n] for n in ("nehalem-more", "haswell", "epyc", "wrong-vendor")]))]
    pair.same("cpu-baseline of two hosts", 5, *[("cpu-baseline", "--migratable", f) for f in files])
    status, _, err = pair.vivd.virsh("cpu-baseline", pair.file("arm", HOSTS["arm"]))
    pair.tap.result("a baseline of other architectures is refused",
                    [] if status == 1 and "aarch64 architecture is not built yet" in err else [err])


# What vivd reads of an MSR that libvirtd, as nobody, may not.
SECRET = re.compile(r" *<feature name='(rdctl-no|ibrs-all|rsba|skip-l1dfl-vmentry|ssb-no|mds-no|"
                    r"pschange-mc-no|tsx-ctrl|taa-no|split-lock-detect)'/>\n")


def is_model(cpu):
    """Is it the very CPU of a model? libvirtd prefers that one; vivd does not yet."""
    wanted = re.search(r"<signature (family='\d+' model='\d+')", cpu)
    for path in glob.glob("/usr/share/libvirt/cpu_map/x86_*.xml"):
        with open(path, encoding="utf-8") as f:
            if wanted and wanted[1] in f.read():
                return True
    return False


def capabilities(pair):
    """The <cpu> of the host, and those that each machine's guests can have."""
    sides = [re.search(r"<cpu>.*?</cpu>", SECRET.sub("", side.virsh("capabilities")[1]), re.S)[0]
             for side in (pair.libvirtd, pair.vivd)]
    pair.tap.result("the host's CPU", [] if sides[0] == sides[1] or is_model(sides[0]) else sides)
    pair.tap.result("it has features", [] if sides[0].count("<feature") > 10 else sides)
    for words in ((), ("--machine", "pc"), ("--arch", "i686")):
        sides = [re.search(r"<cpu>.*?</cpu>", side.virsh("domcapabilities", *TCG, *words)[1], re.S)[0]
                 for side in (pair.libvirtd, pair.vivd)]
        pair.tap.result(f"guests' CPUs {words}", list(difflib.unified_diff(
            *[s.splitlines() for s in sides], "libvirtd", "vivd", lineterm="", n=1)))


def hypervisor(pair):
    """With what the emulator has."""
    names = pair.vivd.virsh("cpu-models", "x86_64")[1].split()
    files = [pair.file(f"model-{n}", GUEST.format(n, "")) for n in names]
    pair.same("hypervisor-cpu-compare with models", 5,
              *[("hypervisor-cpu-compare", "--error", f) for f in files[::3]])
    pair.same("hypervisor-cpu-baseline of each model", 50,
              *[("hypervisor-cpu-baseline", f) for f in files])
    files = [pair.file(f"any-{n}", text) for n, text in enumerate(POLICIES)]
    pair.same("hypervisor-cpu-compare with descriptions", 5,
              *[("hypervisor-cpu-compare", f) for f in files])
    files += [pair.file(f"other-{n}", text) for n, text in (GUESTS | HOSTS).items()]
    pair.same("hypervisor-cpu-baseline of descriptions", 10,
              *[("hypervisor-cpu-baseline", "--features", f) for f in files])
    for name, text in (("capabilities", pair.libvirtd.virsh("capabilities")[1]),
                       ("domcapabilities", pair.libvirtd.virsh("domcapabilities", *TCG)[1])):
        path = pair.file(name, text)
        pair.same(f"of {name}", 2, ("hypervisor-cpu-baseline", path),
                  ("cpu-compare", path), ("hypervisor-cpu-compare", "--error", path),
                  ("hypervisor-cpu-baseline", "--features", "--migratable", path))
    path = pair.file("some", GUEST.format("Nehalem", ""))
    pair.same("of machines and architectures", 5, *[
        (command, path, *words) for command in ("hypervisor-cpu-compare", "hypervisor-cpu-baseline")
        for words in (("--machine", "pc"), ("--machine", "nonesuch"), ("--arch", "i686"),
                      ("--arch", "nonesuch"), ("--virttype", "qemu"), ("--virttype", "nonesuch"))])


def random_hosts(pair):
    """Hosts of a fixed seed: some models each, with features of others."""
    draw = random.Random(11)
    models_ = pair.vivd.virsh("cpu-models", "x86_64")[1].split()
    features = re.findall(r"name='([^']+)'", pair.vivd.virsh(
        "cpu-baseline", "--features", pair.file("all", HOST.format("Icelake-Server", "")))[1])
    lines = []
    for i in range(ROUNDS):
        hosts = [HOST.format(draw.choice(models_), "".join(
            f"<feature name='{n}'/>" for n in sorted(draw.sample(features, draw.randrange(20)))))
                 for _ in range(draw.randrange(1, 4))]
        flags = [f for f in ("--features", "--migratable") if draw.random() < 0.4]
        lines.append(("cpu-baseline", *flags,
                      pair.file(f"random-{i}", "".join(hosts))))
    pair.same("cpu-baseline of random hosts", 5, *lines)


def main():
    tap = Tap()
    folder = tempfile.mkdtemp(prefix="cpu-", dir="/var/tmp")
    os.chmod(folder, 0o755)
    try:
        with Session() as vivd, Libvirtd() as libvirtd:
            pair = Pair(tap, vivd, libvirtd, folder)
            models(pair)
            compare(pair)
            baseline(pair)
            random_hosts(pair)
            capabilities(pair)
            hypervisor(pair)
    finally:
        shutil.rmtree(folder)
    tap.done()


main()
