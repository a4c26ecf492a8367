# SPDX-License-Identifier: LGPL-2.1-or-later
"""viv beside Debian's virsh: the same lines, on the test driver of one vivd, give the same output, the same
messages and the same status. Then viv alone: its driver in the process, JSON, and what is not built."""
import json
import os
import subprocess
import tempfile

from vivd import ENV, LIMIT, Tap, Vivd

DOMAIN = """<domain type='test'>
  <name>more</name><uuid>754e9b09-d7af-4474-872b-72414a546546</uuid><memory>1024</memory><vcpu>1</vcpu><os><type>hvm</type></os>
</domain>"""
NETWORK = ("<network><name>more</name><uuid>754e9b09-d7af-4474-872b-72414a546547</uuid>"
           "</network>")
POOL = "<pool type='dir'><name>more</name><target><path>/more</path></target></pool>"
VOLUME = "<volume><name>v.img</name><capacity unit='G'>1</capacity></volume>"

# Each line is one run with fresh objects; its commands share them.
LINES = [
    "list; list --all; list --name; list --uuid --id --name; list --title; list --inactive",
    "list --managed-save --all; list --table --name; list --state-paused; list --persistent",
    "dominfo test; domstate test; domstate test --reason; domid test; domuuid test; domname 1; "
    "domname 6695eb01-f6a4-8304-79aa-97f2502e193f; dominfo nobody; dumpxml nobody",
    "dumpxml test; dumpxml test --inactive; dumpxml --domain=test --security-info",
    "destroy test; destroy test; start test; shutdown test; shutdown test; start test --paused; "
    "domstate test --reason; resume test; suspend test; suspend test; list --all",
    "reboot test; reset test; domstate test; start test; shutdown test --mode acpi; list --all",
    "autostart test; dominfo test; autostart test --disable; list --autostart; domrename test x; "
    "destroy test; domid test; domrename test x; list --all; domrename x x",
    "setmem test 1G; dominfo test; setmem test 9999G; setmem test x; setmaxmem test 4G; "
    "setvcpus test 1; setvcpus test 0; setvcpus test x; vcpucount test; vcpucount test --live; "
    "vcpucount test --maximum; setvcpus test 1 --config; vcpucount test; setmem test 512MiB --live",
    "destroy test; vcpucount test; setmem test 1000; setmaxmem test 4194304; dominfo test",
    "undefine test; list --all; destroy test; list --all",
    "define {dir}/domain.xml; list --all; start more; undefine more; destroy more; list --all",
    "create {dir}/domain.xml; list --all; dominfo more; destroy more; list --all",
    "define /nonesuch; create /nonesuch; net-define /nonesuch; pool-create /nonesuch",
    "define {dir}/network.xml; create {dir}/network.xml; net-define {dir}/domain.xml",
    "net-list; net-list --all; net-info default; net-uuid default; net-name default; "
    "net-dumpxml default; net-destroy default; net-list --all; net-start default; "
    "net-autostart default; net-autostart default --disable; net-undefine default; "
    "net-info nobody; net-list --name; net-list --uuid; net-list --table --name",
    "net-define {dir}/network.xml; net-list --all --persistent; net-start more; net-destroy more; "
    "net-undefine more; net-list --inactive",
    "net-name dd583544-c5fc-4a9c-a0ac-1f4e0a4fbd4b",
    "pool-name dd583544-c5fc-4a9c-a0ac-1f4e0a4fbd4b",
    "domname dd583544-c5fc-4a9c-a0ac-1f4e0a4fbd4b",
    "pool-list; pool-list --details; pool-list --all --name; pool-list --uuid; pool-start nobody; "
    "pool-info default-pool; pool-info default-pool --bytes; pool-dumpxml default-pool; "
    "pool-destroy default-pool; pool-destroy default-pool; pool-info default-pool; "
    "pool-list --all --details; pool-start default-pool; pool-refresh default-pool; "
    "pool-autostart default-pool; pool-autostart default-pool --disable; pool-uuid default-pool; "
    "pool-name default-pool; vol-list nobody",
    "pool-define {dir}/pool.xml; pool-list --all; pool-start more; vol-list more; "
    "pool-destroy more; pool-undefine more; pool-list --all",
    "vol-create default-pool {dir}/volume.xml; vol-list default-pool; vol-list default-pool "
    "--details; vol-info v.img default-pool; vol-info v.img default-pool --bytes; "
    "vol-path v.img default-pool; vol-key v.img default-pool; vol-name /default-pool/v.img; "
    "vol-dumpxml v.img default-pool; vol-delete v.img default-pool; vol-info nope; "
    "vol-info v.img --pool default-pool; vol-create default-pool /nonesuch",
    "nodeinfo; version; version --daemon; uri; hostname; capabilities; domcapabilities; maxvcpus; "
    "maxvcpus --type kvm; sysinfo",
    "foo", "dominfo", "setmem test", "list --bad", "list a b", "list --all=1", "dominfo --domain",
    "dominfo --domain test --domain test", "dominfo --domain=test", "net-info", "vol-info",
    "help foo", "help quit", "help list", "help setmem", "help snapshot-create-as", "help echo",
    "echo a b; pwd; cd /; quit; list", "reboot test --mode foo", "destroy test --graceful",
    "echo --xml '<a>'; echo --shell 'a b'; echo a\\;b; list", "list;;list", "list; foo", "",
    "destroy nobody; start nobody; undefine nobody; setmem nobody 1; autostart nobody",
]
# What depends on the clock.
MASKED = ("CPU time:",)


def run(program, uri, *words, options=()):
    try:
        done = subprocess.run([program, "-c", uri, *options, *words], capture_output=True, text=True,
                              env=ENV, timeout=LIMIT, check=False, input="", cwd="/")
    except subprocess.TimeoutExpired:
        return "hangs", "", ""
    return done.returncode, done.stdout, done.stderr


def clean(said):
    return [[line for line in str(part).splitlines() if not line.startswith(MASKED)]
            for part in said]


def write(folder):
    for name, text in (("domain", DOMAIN), ("network", NETWORK), ("pool", POOL),
                       ("volume", VOLUME)):
        with open(f"{folder}/{name}.xml", "w", encoding="utf-8") as f:
            f.write(text)


tap = Tap()
viv = os.environ["VIV"]
with tempfile.TemporaryDirectory(prefix="viv-test-") as folder, Vivd() as vivd:
    os.chmod(folder, 0o755)
    write(folder)
    for row in LINES:
        line = row.replace("{dir}", folder)
        for quiet in ((), ("-q",)) if row in LINES[:3] else ((),):
            ours, theirs = (run(p, vivd.uri(), line, options=quiet) for p in (viv, "virsh"))
            tap.result(f"{' '.join(quiet)} {row[:90]}".strip().replace("#", ""),
                       [] if clean(ours) == clean(theirs) else [f"viv   {ours!r}\nvirsh {theirs!r}"])

    here, there = (run(viv, uri, "list --all; dumpxml test; net-info default")
                   for uri in ("test:///default", vivd.uri()))
    tap.result("the driver in the process answers as the daemon's", [] if here == there else
               [here, there])

    status, out, said = run(viv, vivd.uri(read_only=True), "destroy test")
    tap.result("the read-only socket refuses",
               [] if status == 1 and "read only access prevents virDomainDestroy" in said
               else [said])

    status, out, said = run(viv, vivd.uri(), "list", options=["--format=json"])
    tap.result("a table as JSON", [] if status == 0 and json.loads(out) ==
               [{"Id": "1", "Name": "test", "State": "running"}] else [out, said])
    status, out, said = run(viv, vivd.uri(), "dominfo", "test", options=["--format=json"])
    tap.result("fields as JSON", [] if status == 0 and json.loads(out)["Name"] == "test" else
               [out, said])

    status, out, said = run(viv, vivd.uri(), "migrate test qemu:///system")
    tap.result("a command that is not built says so", [] if status == 1 and said ==
               "error: command 'migrate' is not built yet\n" else [status, said])

    status, out, said = run(viv, "test+unix:///default?socket=/nonesuch", "list")
    tap.result("no daemon", [] if status == 1 and "connect socket to '/nonesuch'" in said else
               [said])

    shell = subprocess.run(
        [viv, "-q", "-c", vivd.uri()], capture_output=True, text=True, timeout=LIMIT, check=False,
        input="cd /usr\npwd\necho 'two words'\nfoo\nlist --name\nconnect --readonly "
              f"{vivd.uri(read_only=True)}\ndestroy test\nquit\nlist --all\n",
        env=ENV | {"XDG_CACHE_HOME": folder}, cwd="/")
    wrong = [want for want in ("/usr\n", "two words", "test\n") if want not in shell.stdout]
    wrong += [want for want in ("unknown command: 'foo'", "read only access prevents")
              if want not in shell.stderr]
    tap.result("the shell: cd, pwd, echo, connect, quit", [] if not wrong and shell.returncode == 0
               and "running" not in shell.stdout else [wrong, shell])
    with open(os.path.join(folder, "vivarium", "viv-history"), encoding="utf-8") as f:
        kept = f.read()
    tap.result("the shell keeps its lines", [] if "list" in kept and "pwd" in kept else [kept])

    words = run(viv, vivd.uri(), "dominfo", "--d", options=["--complete"])[1].split()
    tap.result("completion", [] if words == ["--domain"] else words)
tap.done()
