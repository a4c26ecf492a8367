# SPDX-License-Identifier: GPL-2.0-or-later
# apt for mk-guest, without root and without touching the host's: its own lists and status in
# the cache, the host's mirrors, proxies and keys.
# shellcheck shell=bash disable=SC2154

apt_dir=$cache/apt/$suite
[ "$arch" = amd64 ] || apt_dir+=-$arch
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# "uri suite", one a line, of the host's Debian archives that carry the suite, read from apt's own
# settings; the host's first mirror, or the public one, when none does (another distribution).
host_archives()
{
    local rows mirror
    rows=$(apt-get -o Debug::NoLocking=1 -o "Dir::State=$apt_dir" update --print-uris 2>/dev/null |
        sed -n "s|^'\(.*/debian[^/]*\)/dists/\([^/ ]*\)/InRelease'.*|\1 \2|p" | sort -u || true)
    if ! grep -q " $suite\$" <<<"$rows"; then
        mirror=$(sed -n 's|^\([^ ]*/debian\) .*|\1|p' <<<"$rows" | head -n 1)
        rows="${mirror:-http://deb.debian.org/debian} $suite"
    fi
    grep -E " $suite(-updates|-security)?\$" <<<"$rows"
}

apt_sources()
{
    local uri rel signed=''
    [ ! -f "$keyring" ] || signed="signed-by=$keyring"
    host_archives | while read -r uri rel; do
        echo "deb [${signed:+$signed }arch=$arch] $uri $rel main"
    done
}

mirrors()
{
    awk '{ for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) print $i }' "$apt_dir/sources.list" |
        sort -u | tr '\n' ' '
}

# apt-get or apt-cache with everything but the network settings our own.
own_apt()
{
    local command=$1
    shift
    "$command" -o "APT::Architecture=$arch" -o "APT::Architectures::=$arch" -o "Dir::State=$apt_dir" \
        -o "Dir::State::status=$apt_dir/status" -o "Dir::Cache=$apt_dir/cache" \
        -o "Dir::Etc::sourcelist=$apt_dir/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
        -o Acquire::Languages=none -o "APT::Sandbox::User=$(id -un)" \
        -o APT::Install-Recommends=false -o Acquire::Retries=2 -o APT::Update::Error-Mode=any "$@"
}

apt_update()
{
    [ $offline = no ] || die "no package lists for $suite in the cache and --offline is given"
    apt_sources > "$apt_dir/sources.list"
    say "fetching the package lists of $suite from $(mirrors)"
    own_apt apt-get -q update >&2 || die "a mirror of apt's settings cannot be reached: $(mirrors)"
    touch "$apt_dir/fetched"
}

apt_prepare()
{
    mkdir -p "$apt_dir/lists/partial" "$apt_dir/cache/archives/partial"
    : >> "$apt_dir/status"
    exec 7>"$apt_dir/lock"
    flock 7
    if [ ! -f "$apt_dir/fetched" ] || [ $update = yes ]; then
        apt_update
    fi
    exec 7>&-
}

# The versioned kernel package that a name like linux-image-cloud-amd64 stands for today.
kernel_package()
{
    own_apt apt-cache depends "$1" | sed -n 's/.*Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1
}

# "package version" of everything an installation of $@ into an empty system brings.
closure()
{
    own_apt apt-get -s -q install "$@" 2>/dev/null | sed -n 's/^Inst \([^ ]*\) (\([^ ]*\) .*/\1 \2/p' |
        sort
}

# Downloads $@ into the current folder. A mirror drops old versions: then the lists are old.
fetch()
{
    say "downloading $*"
    own_apt apt-get -q download "$@" >&2 ||
        die "cannot download $* from $(mirrors)(old lists? try --update)"
}
