# SPDX-License-Identifier: GPL-2.0-or-later
# mk-guest's cache: names of guests, the list, and what may go.
# shellcheck shell=bash disable=SC2154

recipe_hash()
{
    (cd "$here/guests" && cat "$kind.sh" "$kind"-* 2>/dev/null | sha256sum | cut -c 1-16)
}

cache_info()
{
    echo "kind: $kind"
    echo "suite: $suite"
    echo "kernel: $kernel"
    echo "recipe: $(recipe_hash)"
    guest_options
    printf '%s\n' "$versions" | sed 's/^/package: /'
}

cache_key()
{
    cache_info | sha256sum | cut -c 1-16
}

cache_list()
{
    local d
    for d in "$guests"/*/; do
        [ -f "$d/info" ] || continue
        printf '%s  %6s  %s  %s\n' "$(date -u -r "$d" +%F)" "$(du -sh "$d" | cut -f 1)" "${d%/}" \
            "$(grep -v -e ^package -e ^kind -e ^suite -e ^recipe "$d/info" | tr '\n' ' ')"
    done
}

# What a guest is, without its versions and its recipe: the newest of each stays.
identity()
{
    grep -v -e ^package -e ^recipe "$1/info" | sha256sum | cut -c 1-16
}

cache_prune()
{
    local d id seen=' '
    # shellcheck disable=SC2045 # names are ours: kind-suite-hash
    for d in $(ls -td "$guests"/*/ 2>/dev/null); do
        [ -f "$d/info" ] || continue
        id=$(identity "$d")
        case $seen in
        *" $id "*) say "removing ${d%/}"; rm -rf "$d" ;;
        *) seen="$seen$id " ;;
        esac
    done
    for d in "$guests"/.tmp-*; do
        # A build in progress touches its folder; a day without that means its maker is gone.
        if [ -d "$d" ] && [ -n "$(find "$d" -maxdepth 0 -mmin +1440)" ]; then
            say "removing ${d}"
            rm -rf "$d"
        fi
    done
}
