# SPDX-License-Identifier: GPL-2.0-or-later
# The busybox guest: the kernel as it is, and an initrd of busybox, an init and the modules of
# virtio and, where the kernel has them, of AHCI (/modules/ahci) and of KVM on AMD (/modules/kvm);
# nothing loads those two by itself. The initrd is not compressed: unpacking it would cost the guest
# more than reading it.
# shellcheck shell=bash disable=SC2154,SC2034

# In the order they load.
modules='virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev virtio_pci virtio_blk
    failover net_failover virtio_net virtio_console rng-core virtio-rng virtio_balloon'
ahci_modules='scsi_common scsi_mod crct10dif_common crct10dif_generic crc-t10dif crc64
    crc64-rocksoft_generic crc64-rocksoft t10-pi sd_mod libata libahci ahci'
kvm_modules='irqbypass ccp kvm kvm-amd'

guest_options()
{
    :
}

guest_packages()
{
    local image
    image=$(kernel_package "$kernel")
    [ -n "$image" ] || die "no package $kernel in $suite"
    packages="$image busybox-static"
    versions=$(closure $packages | grep -E "^(${packages// /|}) ")
}

# Copies the modules that are there, and prints their names; others are built in, or not at all.
copy_modules()
{
    local m f
    for m in "$@"; do
        f=$(find "$lib" -name "$m.ko" | head -n 1)
        if [ -n "$f" ]; then
            cp "$f" "$root/modules/$m.ko"
            echo "$m"
        fi
    done
}

guest_make()
{
    local tree=$work/kernel root=$work/root lib
    mkdir -p "$work/debs" "$tree" "$work/busybox"
    # shellcheck disable=SC2086
    (cd "$work/debs" && fetch $packages)
    dpkg-deb -x "$work"/debs/linux-image-*.deb "$tree"
    dpkg-deb -x "$work"/debs/busybox-static_*.deb "$work/busybox"
    mkdir -p "$root"/{bin,dev,proc,sys,tmp,run,etc,mnt,modules,root}
    # Merged or not, /bin and /lib are where the suite has them.
    cp "$(find "$work/busybox" -path '*bin/busybox' -type f)" "$root/bin/busybox"
    install -m 755 "$here/guests/busybox-init" "$root/init"
    install -m 755 "$here/guests/busybox-udhcpc" "$root/etc/udhcpc.script"
    install -m 755 "$here/guests/busybox-net" "$root/bin/net"
    lib=$(find "$tree" -path '*lib/modules' -type d)
    # shellcheck disable=SC2086
    copy_modules $modules > "$root/modules/order"
    # shellcheck disable=SC2086
    copy_modules $ahci_modules > "$root/modules/ahci"
    # shellcheck disable=SC2086
    copy_modules $kvm_modules > "$root/modules/kvm"
    find "$root" -exec touch -h -d @0 {} +
    (cd "$root" && find . -print0 | LC_ALL=C sort -z |
        cpio -0 -o -H newc -R 0:0 --reproducible --quiet) > "$work/out/initrd.img"
    cp "$tree"/boot/vmlinu[xz]-* "$work/out/vmlinuz"
}
