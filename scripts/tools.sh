#!/usr/bin/env bash
# Sees to it that the named programs are there, and installs what is missing by apt-get, saying so.
# Owns: which Debian package brings which program. Never installs without a word, or anything else.
#
#   scripts/tools.sh clang jq           install what is missing of these
#   scripts/tools.sh --check clang jq   only say what is there; 1 if something is missing
set -euo pipefail

package_of() {
    case $1 in
        cc) echo gcc libc6-dev ;;
        wasm-ld) echo lld ;;
        chromedriver) echo chromium-driver ;;
        *) echo "$1" ;;
    esac
}

say() { printf 'tools: %s\n' "$*" >&2; }

check=no
if [ "${1-}" = --check ]; then
    check=yes
    shift
fi

missing=()
for program in "$@"; do
    if path=$(command -v "$program"); then
        [ "$check" = no ] || say "$program is $path"
    else
        say "$program is missing"
        read -ra packages <<<"$(package_of "$program")"
        missing+=("${packages[@]}")
    fi
done

[ ${#missing[@]} -gt 0 ] || exit 0
line="apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
if [ "$check" = yes ]; then
    say "to install what is missing: $line"
    exit 1
fi
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    say "not installed, as that takes root on Debian. Run this, then try again:"
    say "  sudo sh -c '$line'"
    exit 1
fi
say "installing ${missing[*]}: $line"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q </dev/null >&2
apt-get install -y -q --no-install-recommends "${missing[@]}" </dev/null >&2
