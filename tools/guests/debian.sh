# SPDX-License-Identifier: GPL-2.0-or-later
# The Debian guest: a whole system on a disk that both a BIOS and EFI start. No loop device and
# no mount outside mmdebstrap's own name space, so it needs no root where user namespaces work.
# Disk: MBR, GRUB's core in the gap | 32 MiB EFI system partition | the root file system.
# shellcheck shell=bash disable=SC2154

esp_mib=32

guest_options()
{
    echo "cloud-init: $cloud"
    echo "extra: $extra"
    echo "format: $format"
    echo "size: $size"
}

guest_packages()
{
    image=$(kernel_package "$kernel")
    [ -n "$image" ] || die "no package $kernel in $suite"
    packages="systemd-sysv udev dbus iproute2 iputils-ping kmod procps less netbase
        initramfs-tools zstd e2fsprogs $image ${extra//,/ }"
    if [ "$cloud" = yes ]; then
        packages="$packages cloud-init openssh-server cloud-guest-utils locales sudo netplan.io"
    fi
    packages=$(echo $packages)
    # shellcheck disable=SC2086
    versions=$(closure $packages)
    [ -n "$versions" ] || die "apt finds no way to install: $packages"
}

debian_tools()
{
    local t
    for t in mmdebstrap mke2fs sfdisk mkfs.vfat mcopy grub-mkimage; do
        PATH=$PATH:/usr/sbin:/sbin command -v $t >/dev/null ||
            die "$t is missing; script/setup installs it"
    done
    PATH=$PATH:/usr/sbin:/sbin
    if [ "$(id -u)" != 0 ]; then
        command -v newuidmap >/dev/null || die "newuidmap is missing; script/setup installs uidmap"
        grep -q "^$(id -un):" /etc/subuid || die "/etc/subuid has no line for $(id -un)"
    fi
}

# The host's proxies, as options of mmdebstrap.
proxy_options()
{
    apt-config dump | sed -n 's/^\(Acquire::[^ ]*[Pp]roxy[^ ]*\) "\(.\{1,\}\)";$/--aptopt=\1 "\2"/p'
}

debian_bootstrap()
{
    local mode=unshare options
    [ "$(id -u)" != 0 ] || mode=root
    # Inside, another user writes these.
    chmod 777 "$work"
    (cd "$work" && : > root.ext4 && : > vmlinuz && : > initrd.img && : > seed.iso &&
        chmod 666 root.ext4 vmlinuz initrd.img)
    install -m 755 "$here/guests/debian-customize" "$work/customize"
    mapfile -t options < <(proxy_options)
    say "mmdebstrap installs $(wc -l <<<"$versions") packages from $(mirrors)"
    SIZE_MB=$size WORK=$work CLOUD=$cloud mmdebstrap --quiet --variant=minbase --mode=$mode \
        --include="${packages// /,}" \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/locale/*' \
        --aptopt='Acquire::Languages "none"' --aptopt='APT::Install-Recommends "false"' \
        --aptopt='Acquire::Check-Valid-Until "false"' "${options[@]}" --skip=cleanup/apt \
        --setup-hook="$here/guests/debian-initramfs \"\$1\" $kernel" \
        --customize-hook="$work/customize \"\$1\"" \
        "$suite" /dev/null "$apt_dir/sources.list" >&2 ||
        die "mmdebstrap failed; were these mirrors reached: $(mirrors)"
}

# boot.img at sector 0, GRUB's core behind it in the gap, an EFI image in the ESP.
debian_loaders()
{
    local disk=$1 lib=/usr/lib/grub
    local modules='part_msdos part_gpt ext2 fat search search_label configfile normal linux echo
        serial terminal minicmd ls cat test reboot halt multiboot multiboot2'
    printf '%s\n' 'search --no-floppy --set=root --label root' \
        'set prefix=($root)/boot/grub' 'configfile $prefix/grub.cfg' > "$work/early.cfg"
    # shellcheck disable=SC2086
    grub-mkimage -d $lib/i386-pc -O i386-pc -p /boot/grub -c "$work/early.cfg" \
        -o "$work/core.img" biosdisk $modules
    # shellcheck disable=SC2086
    grub-mkimage -d $lib/x86_64-efi -O x86_64-efi -p /boot/grub -c "$work/early.cfg" \
        -o "$work/BOOTX64.EFI" $modules
    dd if=$lib/i386-pc/boot.img of="$disk" bs=440 count=1 conv=notrunc status=none
    dd if="$work/core.img" of="$disk" bs=512 seek=1 conv=notrunc status=none
    truncate -s ${esp_mib}M "$work/esp"
    mkfs.vfat -n ESP "$work/esp" >/dev/null
    mmd -i "$work/esp" ::/EFI ::/EFI/BOOT
    mcopy -i "$work/esp" "$work/BOOTX64.EFI" ::/EFI/BOOT/BOOTX64.EFI
    dd if="$work/esp" of="$disk" bs=1M seek=1 conv=notrunc,sparse status=none
}

debian_disk()
{
    local disk=$1
    truncate -s $((1 + esp_mib + size + 1))M "$disk"
    printf '%s\n' 'label: dos' "start=1MiB,size=${esp_mib}MiB,type=ef" \
        "start=$((1 + esp_mib))MiB,size=${size}MiB,type=83,bootable" | sfdisk -q "$disk"
    debian_loaders "$disk"
    dd if="$work/root.ext4" of="$disk" bs=1M seek=$((1 + esp_mib)) conv=notrunc,sparse status=none
}

# A NoCloud seed for cloud-init: user "guest", password "guest", and the proof that runcmd ran.
debian_seed()
{
    mkdir "$work/seed"
    cp "$here/guests/debian-user-data" "$work/seed/user-data"
    printf 'instance-id: vivarium-1\nlocal-hostname: cloudy\n' > "$work/seed/meta-data"
    xorriso -as mkisofs -quiet -V cidata -J -r -o "$work/out/seed.iso" "$work/seed" 2>/dev/null
}

debian_convert()
{
    local tool=
    for tool in "$here/../build/bin/viv-img" qemu-img; do
        command -v "$tool" >/dev/null && break
        tool=
    done
    [ -n "$tool" ] || die "neither viv-img nor qemu-img is here to write qcow2"
    "$tool" convert -f raw -O qcow2 "$work/disk.img" "$work/out/disk.qcow2" >&2
}

guest_make()
{
    debian_tools
    debian_bootstrap
    say "writing the disk"
    debian_disk "$work/disk.img"
    case $format in
    raw) mv "$work/disk.img" "$work/out/disk.img" ;;
    qcow2) debian_convert ;;
    esac
    cp "$work/vmlinuz" "$work/initrd.img" "$work/out/"
    [ "$cloud" = no ] || debian_seed
}
