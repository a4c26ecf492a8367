# SPDX-License-Identifier: LGPL-2.1-or-later
"""Definitions of storage pools of every type, whole and lacking: vivd's test driver and libvirt's own
say the same of each, line for line."""
import os
import re
import tempfile

from vivd import Tap, Vivd, virsh

# Arguments of pool-define-as.
LINES = """dir
dir --target /x/
dir --target /x --source-dev /d --source-host h --source-path /p --source-name n --source-format no
nosuch --target /x
fs
fs --source-dev /dev/x
fs --source-path /p --source-dev /dev/x --target /x
fs --source-dev /dev/x --target /x --source-format ext4
fs --target /x --source-format nosuch
netfs
netfs --source-host h --target /x
netfs --source-host h --source-path /p
netfs --source-host h --source-path /p/ --target /x
netfs --source-host h --source-path p --target x
netfs --source-host h --source-path /p --target /x --source-format cifs
logical
logical --source-name vg
logical --source-name a/b
logical --source-dev /dev/sdb --target /dev/foo
logical --source-format unknown
logical --source-format auto
disk
disk --source-dev /dev/sdb
disk --source-dev /dev/sdb --target /t
disk --source-dev /dev//a/ --target x --source-format gpt
iscsi
iscsi --source-dev d
iscsi --source-host h
iscsi --source-host h --target /x
iscsi --source-host h --source-dev iqn --target /dev/disk
iscsi-direct
iscsi-direct --source-host h --source-dev iqn
iscsi-direct --source-host h --source-dev iqn --source-initiator i
scsi
scsi --target /x
scsi --adapter-name host0
scsi --adapter-name host0 --target /dev/disk
mpath
mpath --target /dev/mapper --source-name n --source-format zz
rbd
rbd --source-host h
rbd --source-host h --source-name n
sheepdog
sheepdog --source-host h
sheepdog --source-host h --source-name n
gluster
gluster --source-host h
gluster --source-host h --source-name n --source-path /p
gluster --source-host h --source-path p/q/ --target /x
zfs
zfs --source-dev /dev/a --target /q
vstorage
vstorage --source-name n --target /t""".splitlines()

AUTH = "<auth type='{}' username='u'><secret uuid='12345678-1234-1234-1234-123456789abc'/></auth>"
PATH = "<target><path>/y</path></target>"
# Type, and what is in <pool>.
DEFINITIONS = [
    ("", "<name>x</name>"),
    ("dir", PATH),
    ("fs", "<source><format type='nosuch'/></source>"),
    ("fs", "<name></name><source><device path='/dev/x'/></source>" + PATH),
    ("fs", "<name>x</name><source><device path='/dev/x'/></source><features><cow state='yes'/>"
     "</features>" + PATH),
    ("logical", "<source><device path='/dev/a'/><device path='/dev/b'/><name>x</name></source>"),
    ("logical", "<source><device/></source>"),
    ("logical", "<name>x</name><source><name></name></source>"),
    ("dir", "<name>x</name><target><path>x/y</path></target>"),
    ("dir", "<name>x</name><target><path></path></target>"),
    ("dir", "<name>x</name><uuid>zz</uuid>" + PATH),
    ("dir", "<name>x</name><capacity unit='G'>1</capacity>" + PATH
     + "<refresh><volume allocation='capacity'/></refresh>"),
    ("iscsi", "<name>x</name><source>" + AUTH.format("chap")
     + "<host name='h' port='3260'/><device path='iqn'/></source>" + PATH),
    ("scsi", "<name>x</name><source><adapter name='host1'/><host name='h'/></source>" + PATH),
    ("netfs", "<name>x</name><source><host name='h' port='x'/><dir path='/p'/></source>" + PATH),
    ("netfs", "<name>x</name><source><host/><dir path='/p'/></source>" + PATH),
    ("netfs", "<name>x</name><source><host name='h'/><host name='g'/><dir path='/p'/></source>"
     + PATH),
    ("netfs", "<name>x</name><source><product name='p'/><vendor name='v'/><foo/><format type='nfs'/>"
     "<protocol ver='4'/><dir path='/p'/><host name='h'/></source><bar/>" + PATH),
    ("rbd", "<name>x</name><source><host name='h'/><host name='g' port='1'/><name>n</name>"
     + AUTH.format("ceph") + "</source>"),
    ("rbd", "<name>x</name><source><host name='h'/><name>n</name>" + AUTH.format("no")
     + "</source>"),
] + [("dir", f"<name>x</name><target><path>/y</path><permissions>{p}</permissions></target>")
     for p in ("", "<mode>99</mode>", "<mode>0700</mode><label>s</label>", "<owner>x</owner>",
               "<group>1</group><owner>-1</owner>", "<owner>0</owner><mode>0755</mode>")]


def said(uri, words, folder):
    """Everything one virsh says of all of them, by what it was asked."""
    echo = "echo =CUT=;echo --err =CUT=;"
    status, out, err = virsh(uri, "-q", echo.join(words), cwd=folder)
    if status == "hangs":
        return [status] * len(words)
    masked = [re.sub("<uuid>.*</uuid>", "<uuid>UUID</uuid>", text).split("=CUT=")
              for text in (out, err)]
    return list(zip(*masked, strict=True))


def main():
    tap = Tap()
    with Vivd() as vivd, tempfile.TemporaryDirectory(prefix="vivd-pools-") as folder:
        then = "pool-dumpxml x;pool-list --all --details;pool-list --all --type fs,rbd,zfs;" \
            "pool-undefine x;"
        words = [f"pool-define-as x {line};{then}" for line in LINES]
        for n, (kind, inside) in enumerate(DEFINITIONS):
            path = os.path.join(folder, f"{n}.xml")
            with open(path, "w", encoding="utf-8") as f:
                f.write(f"<pool{f' type={kind!r}' if kind else ''}>{inside}</pool>")
            words.append(f"pool-define {path};{then}")
        ours, theirs = (said(uri, words, folder) for uri in (vivd.uri(), "test:///default"))
    tap.result("virsh answers all", [] if len(ours) == len(words) == len(theirs)
               else [len(ours), len(theirs), len(words)])
    for asked, a, b in zip(LINES + DEFINITIONS, ours, theirs):
        tap.result(asked if isinstance(asked, str) else f"{asked[0]} {asked[1]}",
                   [] if a == b else [f"vivd:\n{a[0]}{a[1]}libvirt:\n{b[0]}{b[1]}"])
    tap.done()


main()
