# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by the commands of script/: where the tree is, and how they talk.
# shellcheck shell=sh disable=SC2034
top=$(cd "$(dirname "$0")/.." && pwd)
cache=${VIV_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vivarium}
export CCACHE_BASEDIR="$top" CCACHE_NOHASHDIR=1

say()
{
    printf '%s\n' "== $*" >&2
}

die()
{
    printf '%s\n' "${0##*/}: $*" >&2
    exit 1
}

# The words between "# usage" marks at the top of a command are its help.
usage()
{
    sed -n '/^# usage:/,/^[^#]/s/^# \{0,1\}//p' "$0"
}
