# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian's virsh on vivd's test driver, beside virsh on its own built-in test driver: the same
words and the same exit status."""
import re

from vivd import Tap, Vivd, virsh

# Each line is one run of virsh with fresh objects; its commands share them.
LINES = [
    "list --all",
    "list --all --title; list --uuid; list --name; list --inactive",
    "dumpxml test",
    "dumpxml --inactive test",
    "domid test; domname 1; domuuid test; domstate test",
    "destroy test; list --all; start test; list --all; domid test",
    "suspend test; domstate --reason test; resume test; domstate test",
    "shutdown test; domstate test; start test; reboot test; domstate test",
    "destroy test; destroy test; suspend test; resume test; shutdown test; reboot test",
    "start test",
    "dominfo nobody; domid 99",
    "version",
    "undefine test; list --all",
    "destroy test; undefine test; list --all; dumpxml test",
    "domcapabilities",
    "net-list --all; net-dumpxml default; net-info default; net-destroy default; net-start default",
    "net-destroy default; net-undefine default; net-list --all; net-info default; net-start nobody",
    "pool-list --all --details; pool-dumpxml default-pool; pool-info default-pool",
    "pool-destroy default-pool; vol-list default-pool; pool-start default-pool; pool-list --all",
    "pool-define-as two dir --target /two; pool-start two; vol-create-as two a 4K; vol-list two",
    "vol-create-as default-pool a 1G; vol-dumpxml a default-pool; vol-info a default-pool; "
    "vol-path a default-pool; vol-pool /default-pool/a; vol-delete a default-pool; "
    "vol-delete a default-pool; pool-info default-pool",
    "vol-create-as default-pool a 200G --allocation 200G; vol-list default-pool",
    "iface-list --all; iface-dumpxml eth1; iface-mac eth1; iface-destroy eth1; iface-list --all",
    "nodedev-dumpxml computer; nodedev-dumpxml scsi_host11; nodedev-dumpxml nobody; nodedev-list",
    "nodeinfo; maxvcpus; capabilities; sysinfo; nodecpumap; nodecpustats; freecell; "
    "freecell --all; freepages --all; cpu-models i686; cpu-models m68k",
    "find-storage-pool-sources logical; find-storage-pool-sources dir",
    "dominfo test; domfsinfo test; domhostname test; domtime test; domcontrol test; "
    "dommemstat test; domblkinfo test vda; domblkerror test; cpu-stats test; domifaddr test; "
    "desc test hello; desc test; desc test --title tt; list --title; dumpxml test",
    "desc test hello --config; desc test; desc test --config; dumpxml test --inactive",
    "metadata test http://x --key k --set '<a><b/></a>'; metadata test http://x; dumpxml test; "
    "metadata test http://x --remove; metadata test http://x; dumpxml test",
    "setvcpus test 1; vcpucount test; vcpucount test --current --live; setvcpus test 5; "
    "setvcpus test 1 --config; vcpucount test; dumpxml test --inactive",
    "setmem test 1048576; dominfo test; setmem test 99999999; setmaxmem test 4194304",
    "destroy test; setvcpus test 1; setmem test 1000; setmaxmem test 4194304; dominfo test",
    "domrename test x; destroy test; domrename test x; list --all; dumpxml x; domrename x x",
    "autostart test; dominfo test; list --autostart; autostart test --disable; list --no-autostart",
    "set-lifecycle-action test reboot destroy; dumpxml test; reboot test; list --all",
    "schedinfo test; memtune test; blkiotune test; numatune test; domiftune test testnet0; "
    "vcpupin test; emulatorpin test; vcpuinfo nobody",
    "domstats --state; domstats --balloon; reset test; domstate --reason test; "
    "set-user-password test root x; destroy test; reset test; set-user-password test root x",
    "snapshot-create-as test s1 desc1; snapshot-create-as test s2; snapshot-list test; snapshot-list "
    "test --tree; snapshot-dumpxml test s1; snapshot-current test; snapshot-parent test s2; "
    "snapshot-info test s2; snapshot-info test s1; snapshot-create-as test s1; snapshot-revert "
    "test s1; domid test; domstate --reason test; snapshot-create-as test s3; snapshot-list test "
    "--tree; snapshot-list --topological test; snapshot-delete test s1; snapshot-list test --tree; "
    "snapshot-delete test s2 --children; snapshot-list test --parent; snapshot-current test --name",
    "snapshot-create-as test a --disk-only; snapshot-create-as test a --halt; domstate test "
    "--reason; snapshot-create-as test b --memspec /m,snapshot=external; snapshot-create-as test b "
    "--diskspec vda,snapshot=external; snapshot-create-as test b --diskspec vdb; "
    "snapshot-create-as test b --diskspec vda,snapshot=external,file=/o --memspec /m; "
    "snapshot-dumpxml test b; snapshot-list test --external; snapshot-list test --internal",
    "desc test --title one; snapshot-create-as test a; desc test --title two; suspend test; "
    "snapshot-create-as test b; snapshot-revert test a; dumpxml test; snapshot-revert test b; "
    "domstate test --reason; desc test --title; snapshot-revert test a --paused; domstate test; "
    "destroy test; undefine test; snapshot-create-as test off; snapshot-revert test a; "
    "snapshot-revert test off; domstate test --reason; undefine test --snapshots-metadata; list",
    "snapshot-create-as test a; snapshot-create-as test b; snapshot-list test --roots --name; "
    "snapshot-list test --leaves --name; snapshot-list test --from a --descendants --name; "
    "snapshot-delete test a --children-only; snapshot-current test --name; snapshot-delete test "
    "--current; snapshot-delete test --current; checkpoint-create-as test c; snapshot-create-as "
    "test d; list --with-checkpoint --name; list --with-snapshot --name",
    "checkpoint-create-as test c1; checkpoint-create-as test c2; checkpoint-list test --tree; "
    "checkpoint-dumpxml test c2; checkpoint-parent test c2; checkpoint-info test c2; "
    "checkpoint-create-as test c1; checkpoint-create-as test c3 --diskspec "
    "vda,checkpoint=bitmap,bitmap=b; checkpoint-dumpxml test c3 --no-domain; checkpoint-delete "
    "test c1; checkpoint-list test --topological; checkpoint-delete test c2 --children; "
    "checkpoint-list test; snapshot-create-as test s; checkpoint-create-as test c4",
    "domfsfreeze test; domfsfreeze test; domfsthaw test; domfsthaw test --mountpoint /; domfsfreeze "
    "test --mountpoint / --mountpoint /boot; domfsthaw test --mountpoint /boot; domfsfreeze test "
    "--mountpoint /xx; destroy test; domfsfreeze test; start test; domfsthaw test",
    "memtune test --hard-limit 100000; memtune test --soft-limit 50000 --swap-hard-limit 200000; "
    "memtune test; dumpxml test; memtune test --swap-hard-limit 5; memtune test --min-guarantee 5; "
    "memtune test --config --hard-limit 7777; dumpxml test --inactive; memtune test --config; "
    "memtune test --hard-limit -1 --swap-hard-limit -1 --soft-limit -1; dumpxml test",
    "blkiotune test --weight 200; blkiotune test --device-weights /dev/sda,300; blkiotune test "
    "--device-read-bytes-sec /dev/sda,1000,/dev/sdb,20; blkiotune test; dumpxml test; blkiotune "
    "test --device-weights x; blkiotune test --device-weights /dev/sda,0; blkiotune test --config "
    "--device-write-iops-sec /dev/sda,5; dumpxml test --inactive; blkiotune test --config",
    "numatune test --mode 0; numatune test --nodeset 0-3,^1; numatune test; numatune test --nodeset "
    "x; numatune test --mode interleave; numatune test --mode 9; numatune test --config --mode "
    "preferred --nodeset 0; dumpxml test; destroy test; numatune test; dumpxml test",
    "domiftune test testnet0 --inbound 100,200,300 --outbound 5; domiftune test testnet0; dumpxml "
    "test; domiftune test testnet0 --inbound 0; dumpxml test; domiftune test nobody; domiftune "
    "test nobody --inbound 5; domiftune test testnet0 --config --inbound 7; dumpxml --inactive test",
    "blkdeviotune test vda --total-bytes-sec-max 5 --total-bytes-sec 4; blkdeviotune test vda "
    "--group-name x; dumpxml test; blkdeviotune test vda; blkdeviotune test vda --read-bytes-sec 4; "
    "blkdeviotune test vda --total-iops-sec 4; blkdeviotune test nobody; blkdeviotune test nobody "
    "--size-iops-sec 5; blkdeviotune test vda --config --size-iops-sec 5; dumpxml test --inactive",
    "vcpupin test 0 0-1; vcpupin test 1 2,4-5; vcpupin test; dumpxml test; vcpupin test 5 0; "
    "vcpupin test 0 1 --live; emulatorpin test 0-1; emulatorpin test; emulatorpin test 2 --config; "
    "dumpxml test; dumpxml test --inactive; emulatorpin test 1 --config --live; destroy test; "
    "vcpupin test 0 1; emulatorpin test 3 --config; emulatorpin test",
    "iothreadadd test 1; iothreadadd test 5; iothreadadd test 1; iothreadpin test 5 0-1; "
    "iothreadinfo test; dumpxml test; iothreadset test 5 --poll-max-ns 100; iothreadset test 9 "
    "--poll-grow 1; iothreaddel test 1; iothreaddel test 7; iothreadadd test 3 --config; "
    "iothreadinfo test --config; iothreadadd test 4 --config --live; iothreaddel test 5; "
    "dumpxml test; destroy test; iothreadinfo test; iothreadinfo test --live; dumpxml test",
    "perf test --enable cmt,mbmt; perf test; perf test --disable cmt; perf test --enable x; perf "
    "test --enable cpu_cycles --config; dumpxml test; dumpxml test --inactive; destroy test; perf "
    "test; dommemstat test --period 5 --config; dumpxml test; dommemstat test --period 7 --live",
    "schedinfo test --set weight=5; schedinfo test --current; schedinfo test --set foo=1; destroy "
    "test; schedinfo test; setmaxmem test 1048576 --config; dumpxml test; start test; setmaxmem "
    "test 2097152 --config; setmaxmem test 2097152; dumpxml test --inactive; domtime test --sync",
    "domlaunchsecinfo test; set-user-password test root x --encrypted; dumpxml test --update-cpu; "
    "domstats --list-inactive; domstats --list-active --nowait; domstats --enforce --vcpu; domstats "
    "--vcpu; domblkstat test; domblkinfo test computer; cpu-models nobody; undefine test --nvram",
    "domstats; domblklist test; domiflist test; domblkstat test vdx; domifstat test x",
]

# What depends on how the connection was made, and on the time.
MASKED = ("CPU time:",)
TIMES = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S+|(?<=<creationTime>)\d+")


def clean(text):
    return [TIMES.sub("TIME", line) for line in text.splitlines() if not line.startswith(MASKED)]


tap = Tap()
with Vivd() as vivd:
    for line in LINES:
        ours, theirs = vivd.virsh(line), virsh("test:///default", line)
        problems = [f"ours   {o!r}\ntheirs {t!r}"
                    for o, t in zip(ours, theirs)
                    if (clean(o) != clean(t) if isinstance(o, str) else o != t)]
        tap.result(line, problems)

    status, _, said = vivd.virsh("destroy test", read_only=True)
    wanted = "error: operation forbidden: read only access prevents virDomainDestroy"
    tap.result("the read-only socket refuses",
               [] if status == 1 and wanted in said else [said])
tap.done()
