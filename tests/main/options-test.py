# SPDX-License-Identifier: GPL-2.0-or-later
"""Options: what is refused and how, lists, exit status."""
import os
import subprocess
import sys
import tempfile

MACHINE = os.environ["VIV_MACHINE"]

REFUSED = [
    (["-nosuch"], "invalid option"),
    (["-m"], "requires an argument"),
    (["-vnc", ":0"], "not built yet"),
    (["-accel", "kvm,nosuch=1"], "nosuch"),
    (["-accel", "nosuch"], "invalid accelerator"),
    (["-M", "nosuch"], "unsupported machine type"),
    (["-M", "q35,nosuch=1"], "not found"),
    (["-M", "virt"], "one of -arch riscv64"),
    (["-arch", "vax"], "no such guest architecture"),
    (["-arch", "riscv64", "-M", "q35"], "one of -arch x86_64"),
    (["-accel", "kvm", "-arch", "riscv64"], "cannot run riscv64 guests"),
    (["-M", "q35,usb=on"], "not built yet"),
    (["-m", "12q"], "is not a size"),
    (["-m", "512,slots=2,maxmem=1G"], "not built yet"),
    (["-smp", "3,sockets=2,cores=1,threads=1"], "Invalid CPU topology"),
    (["-smp", "1,maxcpus=2"], "not built yet"),
    (["-uuid", "x"], "failed to parse UUID"),
    (["-rtc", "base=never"], "invalid datetime"),
    (["-icount", "shift=11"], "Invalid shift"),
    (["-net", "nic", "-net", "nic"], "hub"),
    (["-net", "nic"], "not built yet"),
    (["-net", "user"], "not built yet"),
    (["-readconfig", "/nonexistent/x"], "/nonexistent/x"),
    (["-device", "virtio-rng-pci,iothread=t"], "not built yet"),
    (["-drive", "file=/dev/null,aio=native,if=none"], "aio=native is not built yet"),
    (["-chardev", "socket,id=a,path=/x,telnet=on"], "incompatible"),
    (["-chardev", "socket,id=a,host=h,port=1,tls-creds=t"], "not built yet"),
    (["-overcommit", "cpu-pm=on"], "not built yet"),
    (["-action", "panic=nosuch"], "expects one of"),
    (["-append", "x"], "only allowed with -kernel"),
    (["-device", "nosuch"], "is not a valid device model name"),
    (["-device", "virtio-blk-pci"], "drive property not set"),
    (["-device", "virtio-blk-pci,drive=no"], "can't find value 'no'"),
    (["-device", "virtio-rng-pci,nosuch=1"], "Property 'virtio-rng-pci.nosuch' not found"),
    (["-device", "virtio-rng-pci,bus=no"], "Bus 'no' not found"),
    (["-device", "virtio-rng-pci,id=a", "-device", "virtio-rng-pci,id=a"], "Duplicate device ID"),
    (["-device", '{"driver":'], "JSON parse error"),
    (["-blockdev", "driver=file,filename=/x"], "node-name"),
    (["-drive", "file=/nonexistent/x,format=raw"], "No such file"),
    (["-drive", "if=nosuch,file=/dev/null"], "not built yet"),
    (["-netdev", "nosuch,id=a"], "expects a netdev backend type"),
    (["-chardev", "nosuch,id=a"], "is not a valid char driver name"),
    (["-chardev", "udp,id=a"], "not built yet"),
    (["-serial", "nosuch:"], "is not a valid character device"),
    (["-mon", "chardev=no"], 'chardev "no" not found'),
    (["-object", "nosuch,id=a"], "invalid object type"),
    (["-object", "sev-guest,id=a"], "not built yet"),
    (["-object", "iothread,id=a,poll-max-ns=1234"], "not built yet"),
    (["-object", "iothread,id=a,poll-grow=2"], "not built yet"),
    (["-object", "iothread,id=a,poll-shrink=2"], "not built yet"),
    (["-object", "iothread,id=a,aio-max-batch=2"], "not built yet"),
    (["-object", "secret,id=a,data=x,keyid=k"], "not built yet"),
    (["-object", "secret,id=a,data=x,iv=AA=="], "not built yet"),
    (["-object", "secret,id=a"], "one of 'file' and 'data'"),
    (["-M", "q35,memory-backend=no"], "Memory backend 'no' not found"),
    (["-fw_cfg", "name=opt/x"], "one of 'file' and"),
    (["-global", "x"], "Expected '='"),
    (["-add-fd", "fd=1,set=1"], "standard I/O stream"),
    (["-display", "gtk"], "not built yet"),
    (["-audiodev", "alsa,id=a"], "not built yet"),
    (["-d", "op_ind"], "not built yet"),
    (["-d", "nosuch"], "there is no log item"),
    (["-dfilter", "1..x"], "is no range"),
    (["-dfilter", "5..4"], "is no range"),
    (["-bios", "/nonexistent"], "/nonexistent"),
]
LISTS = [
    (["-help"], "-chardev"),
    (["-version"], "QEMU emulator version 7.2.0"),
    (["-M", "help"], "pc-q35-7.2"),
    (["-arch", "help"], "riscv64"),
    (["-arch", "riscv64", "-cpu", "help"], "riscv64 rv64"),
    (["-arch", "riscv64", "-M", "help"], "virt                 RISC-V VirtIO board (default)"),
    (["-machine", "q35,help"], "memory-backend"),
    (["-cpu", "?"], "qemu64"),
    (["-accel", "help"], "tcg"),
    (["-device", "help"], 'name "virtio-net-pci"'),
    (["-device", "virtio-net-pci,help"], "mac="),
    (["-chardev", "help"], "socket"),
    (["-chardev", "socket,help"], "reconnect="),
    (["-netdev", "help"], "user"),
    (["-netdev", "user,help"], "hostfwd="),
    (["-nic", "help"], "the default is virtio-net-pci"),
    (["-object", "help"], "memory-backend-memfd"),
    (["-object", "rng-random,help"], "filename="),
    (["-d", "help"], "guest_errors"),
    (["-d", "help"], "in_asm"),
    (["-machine", "?"], "pc-q35-7.2"),
    (["-device", "?"], 'name "virtio-net-pci"'),
    (["-chardev", "?"], "ringbuf"),
    (["-netdev", "?"], "tap"),
    (["-nic", "?"], "virtio-net-pci"),
    (["-net", "?"], "user"),
    (["-object", "?"], "iothread"),
    (["-accel", "?"], "qtest"),
    (["-display", "?"], "none"),
    (["-vga", "?"], "none"),
    (["-audiodev", "?"], "none"),
    (["-d", "?"], "unimp"),
]


# What the program is called, options, the machine types' first line, what QMP says.
NAMES = [
    ("viv-machine-riscv64", [], "RISC-V VirtIO board (default)", "riscv64"),
    ("viv-machine-x86_64", [], "Standard PC", "x86_64"),
    ("viv-machine-riscv64", ["-arch", "x86_64"], "Standard PC", "x86_64"),
    ("viv-machine-vax", [], "Standard PC" if os.uname().machine == "x86_64" else "RISC-V",
     os.uname().machine),
]


def by_name(folder, name, options, board, arch):
    """Whether the program called by that name is a machine of the architecture."""
    path = f"{folder}/{name}"
    if not os.path.lexists(path):
        os.symlink(MACHINE, path)
    first = run([*options, "-M", "help"], path).stdout.splitlines()[1]
    model = "rv64" if arch == "riscv64" else "qemu64"
    asked = '{"execute":"qmp_capabilities"}{"execute":"query-target"}{"execute":"query-machines"}' \
            '{"execute":"query-cpu-definitions"}{"execute":"query-cpu-model-expansion","arguments":' \
            '{"type":"full","model":{"name":"%s","props":{"%s":false}}}}{"execute":"quit"}' % (
                model, "zba" if arch == "riscv64" else "sse3")
    r = run([*options, "-nodefaults", "-display", "none", "-accel", "qtest", "-M", "none",
             "-qmp", "stdio"], path, asked)
    return board in first and f'"arch": "{arch}"' in r.stdout and \
        ('"virt"' in r.stdout) == (arch == "riscv64") and \
        ('"rv64-riscv-cpu"' in r.stdout) == (arch == "riscv64") and \
        ('"zba": false' in r.stdout and '"zbb": true' in r.stdout) == (arch == "riscv64")


def run(args, program=MACHINE, text=None):
    return subprocess.run([program, *args], capture_output=True, text=True, timeout=60,
                          check=False, **({"input": text} if text else
                                          {"stdin": subprocess.DEVNULL}))


def main():
    count, failed = 0, 0
    base = ["-display", "none", "-nodefaults", "-accel", "qtest", "-S"]
    for args, words in REFUSED:
        mine = base if args[0] not in ("-accel",) else [w for w in base if w not in
                                                        ("-accel", "qtest")]
        r = run(mine + args)
        ok = r.returncode == 1 and words in r.stderr
        count += 1
        failed += not ok
        print(f"{'ok' if ok else 'not ok'} {count} - refused {' '.join(args)}", flush=True)
        if not ok:
            print(f"# status {r.returncode}: {r.stderr.strip()[-300:]}")
    for args, words in LISTS:
        r = run(args)
        ok = r.returncode == 0 and words in r.stdout and not r.stderr
        count += 1
        failed += not ok
        print(f"{'ok' if ok else 'not ok'} {count} - {' '.join(args)}", flush=True)
        if not ok:
            print(f"# status {r.returncode}: {r.stdout[-200:]} {r.stderr[-300:]}")
    with tempfile.TemporaryDirectory(prefix="viv-options-") as folder:
        for name, options, board, arch in NAMES:
            ok = by_name(folder, name, options, board, arch)
            count += 1
            failed += not ok
            print(f"{'ok' if ok else 'not ok'} {count} - called {name} {' '.join(options)}")
    print(f"1..{count}")
    return 1 if failed else 0


sys.exit(main())
