#!/usr/bin/env bash
# Builds a sim's module, and the same source as a native program and as a shared object for the
# native tier, as `lattice build` does: for those who have clang and this folder, and no `lattice`
# command.
# Owns: the words of the commands, once more; a test holds what they make against `lattice build`'s.
# Never: the refusal of flags by which what is built would differ; lattice_managed.h refuses those
# that it can see. Nor the scan of the shared object, which the upload does.
#
#   sdk/build.sh [--native] [--libcxx] [-o DIR] SIM [FLAGS...]
#
#   --native   the native program and the shared object too; the program links LATTICE_RUNNER
#              [default: target/debug/liblattice_runner.a, by `cargo build -p lattice-runner`]
#   --libcxx   build with libc++ though no header asks for it
#   -o DIR     the folder for what is built [default: .]
#   FLAGS      for all that is built; -fsanitize... goes to the native program
#
# LATTICE_INCLUDE is the folder of lattice_managed.h [default: include/ beside this file's folder].
set -euo pipefail

fail() {
    printf 'build.sh: %s\n' "$2" >&2
    exit "$1"
}

# Shows a command as it can be pasted, and runs it.
run() {
    local word line=
    for word in "$@"; do
        [[ $word =~ ^[A-Za-z0-9_=+,./:@%-]+$ ]] || word=${word@Q}
        line+=" $word"
    done
    echo "${line# }"
    "$@"
}

root=$(dirname "$0")/..
include=${LATTICE_INCLUDE:-$root/include}
runner=${LATTICE_RUNNER:-$root/target/debug/liblattice_runner.a}
native=no asked_by='' output=.
while [ $# -gt 0 ]; do
    case $1 in
        --native) native=yes ;;
        --libcxx) asked_by=--libcxx ;;
        -o) output=${2:?-o takes a folder} && shift ;;
        -*) fail 2 "$1 is no option; flags for the compilers stand behind the sim" ;;
        *) break ;;
    esac
    shift
done
[ $# -gt 0 ] || fail 2 "which sim? $0 [--native] [--libcxx] [-o DIR] SIM [FLAGS...]"
sim=$1 flags=("${@:2}")
case $sim in
    *.c) compiler=clang ;;
    *.cc | *.cpp | *.cxx) compiler=clang++ ;;
    *) fail 2 "$sim is neither C nor C++" ;;
esac
[ "$native" = no ] || [ -f "$runner" ] || fail 2 "$runner is not there: cargo build -p lattice-runner"

debug_information=no bare_flags=()
for flag in "${flags[@]}"; do
    case $flag in
        -fsanitize* | -fno-sanitize*) continue ;;
        -g*) debug_information=yes ;;
    esac
    bare_flags+=("$flag")
done

# A header that is in no folder, and whose name is a word without a dot, is the C++ library's.
if [ "$asked_by$compiler" = clang++ ]; then
    headers=$(clang --target=wasm32 -w -M -MG "${bare_flags[@]}" "-I$include" "$sim")
    missing=$(tr -s ' ' '\n' <<<"$headers" | grep -x '[a-z_][a-z_]*' | head -n 1) || true
    [ -z "$missing" ] || asked_by="#include <$missing>"
fi

wasm_first=() native_first=() cell_first=() wasm_last=() cell_last=()
common=(-ffp-contract=off -fno-math-errno -fsigned-char -fwrapv "-I$include")
wasm_common=("${common[@]}") cell_common=("${common[@]}")
if [ -n "$asked_by" ]; then
    resources=$(clang -print-resource-dir)
    llvm=${resources%/lib/clang/*} version=${resources##*/}
    version=${version%%.*}
    [ "$version" = 14 ] || fail 1 "$asked_by asks for libc++, and clang's is $version: the sims' headers go with 14"
    theirs=$llvm/include/wasm32-wasi/c++/v1
    wasm_last=("$llvm"/lib/wasm32-wasi/libc++{,abi}.a /usr/lib/wasm32-wasi/libc.a)
    needed=("$theirs/__config" "${wasm_last[@]}")
    packages="libc++-$version-dev-wasm32 libc++abi-$version-dev-wasm32 wasi-libc"
    if [ "$native" = yes ]; then
        cell_last=("$llvm"/lib/libc++{,abi}.a)
        needed+=("$llvm/include/c++/v1/__config" "$llvm"/lib/libc++{,abi}.so "${cell_last[@]}")
        packages+=" libc++-$version-dev libc++abi-$version-dev"
    fi
    for part in "${needed[@]}"; do
        [ -f "$part" ] || fail 1 "$asked_by asks for libc++, and $part is not there: apt-get install $packages"
    done
    echo "# $asked_by: with libc++ $version"
    common+=("-I$include/lattice/libcxx")
    wasm_common=("${common[@]}" -isystem "$theirs")
    cell_common=("${common[@]}" -isystem "$llvm/include/c++/v1")
    wasm_first=(-fno-exceptions)
    [ "$debug_information" = yes ] || wasm_first+=(-Wl,--strip-debug)
    native_first=(-stdlib=libc++ -fno-exceptions)
    cell_first=(-fno-exceptions -Wl,--exclude-libs,ALL)
fi

mkdir -p "$output"
name=$(basename "${sim%.*}")
run clang --target=wasm32 -nostdlib -Wl,--no-entry -Wl,--allow-undefined -Wl,--stack-first \
    -Wl,-z,stack-size=1048576 -O2 "${wasm_first[@]}" "${bare_flags[@]}" "${wasm_common[@]}" \
    -o "$output/$name.wasm" "$sim" "${wasm_last[@]}"
if [ "$native" = yes ]; then
    run "$compiler" -O2 -g "${native_first[@]}" "${flags[@]}" "${common[@]}" \
        -o "$output/$name" "$sim" "$runner" -lm
    run clang --target=x86_64-unknown-linux-gnu -shared -nostdlib -nostdlibinc -fuse-ld=lld \
        -DLATTICE_CELL -U__linux__ -U__unix__ -fPIC -fvisibility=hidden -msse4.1 \
        -fignore-exceptions -fno-asynchronous-unwind-tables -fno-stack-protector \
        -fstack-clash-protection -ffunction-sections -fdata-sections \
        -Wl,--gc-sections -Wl,-Bsymbolic -Wl,-z,now -Wl,-z,relro -Wl,-z,separate-code \
        -Wl,-z,noexecstack -Wl,--hash-style=sysv -O2 "${cell_first[@]}" "${bare_flags[@]}" \
        "${cell_common[@]}" -o "$output/$name.so" "$sim" "${cell_last[@]}"
fi
