#!/usr/bin/env bash
# Sees to it that the named programs and libraries are there, and installs what is missing by apt-get,
# saying so.
# Owns: which Debian package brings what. Never installs without a word, or anything else.
#
#   scripts/tools.sh clang jq           install what is missing of these
#   scripts/tools.sh --check clang jq   only say what is there; 1 if something is missing
set -euo pipefail

package_of() {
    case $1 in
        cc) echo gcc libc6-dev ;;
        wasm-ld) echo lld ;;
        chromedriver) echo chromium-driver ;;
        libc++) echo libc++-dev libc++abi-dev ;;
        libc++-wasm32) echo libc++-dev-wasm32 wasi-libc ;;
        *) echo "$1" ;;
    esac
}

# Where it is. A library is that of the compiler's version.
find_it() {
    case $1 in
        libc++) library include/c++/v1/__config ;;
        libc++-wasm32) library lib/wasm32-wasi/libc++.a ;;
        *) command -v "$1" ;;
    esac
}

library() {
    local resources
    resources=$(clang -print-resource-dir 2>/dev/null) && ls "${resources%/lib/clang/*}/$1" 2>/dev/null
}

say() { printf 'tools: %s\n' "$*" >&2; }

check=no
if [ "${1-}" = --check ]; then
    check=yes
    shift
fi

missing=()
for program in "$@"; do
    if path=$(find_it "$program"); then
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
