#!/usr/bin/env bash
# The whole path on this machine: a C++ file becomes a match that bots and you play, a tampered
# module is refused, the audit of both is read, and a second game reaches a web service once it is
# allowed to. `make demo` runs it; with CHECK=1 it runs without a person, and succeeds only if every
# step did. BIN=DIR takes the commands that are built already.
#
# Owns: the story. Never: a step that a user could not type; each command is shown as it is run.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
check=${CHECK:-}
work=$(mktemp -d "${TMPDIR:-/tmp}/lattice-demo-XXXXXX")
server=
bots=

. "$root/scripts/demo-leaderboard.sh"

bold= plain=
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' plain=$'\e[0m'
fi

main() {
    trap clean_up EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    build
    start_console
    make_account
    compile_game
    upload_game
    start_match
    play_by_bots
    refuse_tampered
    read_audit
    show_web_fetches
    [ "$check" = 1 ] || play_by_you
    end
}

build() {
    step "Build the console, the bots and the web service (the first time takes a few minutes)"
    if [ -n "${BIN:-}" ]; then
        say "not built: those in $BIN are taken"
        PATH=$BIN:$PATH
        return
    fi
    cd "$root"
    show 'cargo build --locked --workspace --bins'
    PATH=$root/target/debug:$PATH
}

start_console() {
    local address=127.0.0.1:3004
    step "Start the console, with its data in a temporary folder"
    if is_taken 3004; then
        say "(port 3004 is taken, so it gets another one)"
        address=127.0.0.1:0
    fi
    say "$ lattice serve --listen $address --data $work/data --pages $work/pages &"
    mkdir "$work/pages"
    # A session of its own: Ctrl-C ends this script, and this script ends the console.
    setsid lattice serve --listen "$address" --admin-listen 127.0.0.1:0 \
        --data "$work/data" --pages "$work/pages" >"$work/console.out" 2>"$work/console.log" &
    server=$!
    wait_for "the console listens" grep -q '^metrics on ' "$work/console.out"
    origin=$(sed -n 's/^listening on //p' "$work/console.out")
    # The documentation says localhost:3004; where that port was taken, another stands there.
    local_origin=http://localhost:${origin##*:}
    wait_for "the console is ready" curl -fs -o "$work/ready" "$origin/readyz"
    say "listening on $origin"
}

make_account() {
    step "A developer's token, and a game that belongs to the developer"
    show "DEV_TOKEN=\$(lattice token create --subject studio --role developer --data $work/data)"
    show "GAME=\$(curl -s $local_origin/games -H \"authorization: Bearer \$DEV_TOKEN\" \\
        -H 'content-type: application/json' -d '{\"Name\":\"Arena\"}' | jq -r .Id)"
    check "the game has an id" test "${GAME#g_}" != "$GAME"
    ln -s "$root/examples/arena/page" "$work/pages/$GAME"
}

compile_game() {
    step "Compile the game, examples/arena/game_sim.cpp, to WebAssembly"
    bring arena
    show 'clang --target=wasm32 -nostdlib -Wl,--no-entry -Wl,--allow-undefined \
      -O2 -Iinclude -o game_sim.wasm game_sim.cpp'
    say "$(wc -c <game_sim.wasm) bytes"
}

upload_game() {
    step "Upload it: the console scans every import, and admits it"
    show 'WASM_B64=$(base64 -w0 game_sim.wasm)'
    show "curl -s -X POST $local_origin/games/\$GAME/modules \\
  -H \"authorization: Bearer \$DEV_TOKEN\" -H 'content-type: application/json' \\
  -d \"{\\\"Packaging\\\":\\\"wasm\\\",\\\"Version\\\":\\\"1.0.0\\\",\\\"WasmBase64\\\":\\\"\$WASM_B64\\\"}\" | jq" upload.json
    check "it is admitted and schedulable" jq -e '.Admitted and .Schedulable' upload.json
    check "it imports host functions only" jq -e '.Imports | length > 0 and all(startswith("lattice_ms_"))' upload.json
    check "the console has the bytes that we sent" \
        test "$(jq -r .Sha256 upload.json)" = "$(sha256sum game_sim.wasm | cut -d' ' -f1)"
}

start_match() {
    step "Start a match of it: 30 ticks a second, in the sandbox"
    CONFIG=$(printf 'score_limit=0' | base64 -w0)
    show "MATCH=\$(curl -s $local_origin/games/\$GAME/matches -H \"authorization: Bearer \$DEV_TOKEN\" \\
        -H 'content-type: application/json' -d '{\"TickHz\":30,\"ConfigBase64\":\"$CONFIG\"}' | jq -r .Id)"
    wait_for "the match ticks" match_is "$MATCH" '.State == "running" and .Tick > 0'
}

play_by_bots() {
    step "Two bots play ten seconds of it, and check every byte that they are sent"
    local one two
    one=$(invite "$MATCH" Bolt | jq -r .Token)
    two=$(invite "$MATCH" Rivet | jq -r .Token)
    show "arena-bots --url ws://${origin#http://}/matches/$MATCH/play --ticks 300 --check \\
        --token $one --token $two"
    check "the match ran on, without a fault" match_is "$MATCH" '.State == "running" and .Tick >= 300 and (has("Fault") | not)'
    fetch "/matches/$MATCH" | jq '{State, Tick, FuelLast, FuelMost, TickMicrosecondsAverage, LateTicks, Gauges}'
}

refuse_tampered() {
    step "The same game, tampered with: it also imports env.system and env.fd_write"
    bring hostile
    show 'clang --target=wasm32 -nostdlib -Wl,--no-entry -Wl,--allow-undefined \
      -O2 -Iinclude -o tampered.wasm tampered.cpp'
    show "curl -s -T tampered.wasm $local_origin/games/\$GAME/modules/1.0.1 \\
  -H \"authorization: Bearer \$DEV_TOKEN\" -H 'content-type: application/wasm' | jq" refusal.json
    check "it is refused" jq -e '.Admitted == false and .Schedulable == false' refusal.json
    check "both imports are named" jq -e \
        '[.Reasons[] | select(.Code == "IMPORT_NOT_ALLOWED").Detail] | sort == ["env.fd_write", "env.system"]' refusal.json
    check "no byte of it is stored" test "$(ask "SELECT count(*) FROM builds WHERE version = '1.0.1'
        OR sha256 = '$(sha256sum tampered.wasm | cut -d' ' -f1)'")" = 0
}

read_audit() {
    step "What the audit has of both, read out of SQLite"
    local data=$work/data/lattice.sqlite
    show "sqlite3 -readonly -box $data \\
  \"SELECT seq, at, subject, target AS version, outcome FROM audit WHERE action = 'module.upload'\""
    show "sqlite3 -readonly -box $data 'SELECT version, reasons FROM rejections'"
    check "one upload was admitted" test "$(ask "SELECT count(*) FROM audit
        WHERE action = 'module.upload' AND outcome = 'ok' AND target = '1.0.0'")" = 1
    check "one was rejected, for both imports" test "$(ask "SELECT count(*) FROM rejections
        WHERE version = '1.0.1' AND reasons LIKE '%env.system%' AND reasons LIKE '%env.fd_write%'")" = 1
    step "Nobody has changed a row since: the chain of hashes is whole"
    show "lattice audit verify --data $work/data"
}

play_by_you() {
    step "Your turn"
    local one two url
    url=$(invite "$MATCH" You | jq -r .Url)
    one=$(invite "$MATCH" Bolt | jq -r .Token)
    two=$(invite "$MATCH" Rivet | jq -r .Token)
    arena-bots --url "ws://${origin#http://}/matches/$MATCH/play" --seconds 86400 \
        --token "$one" --token "$two" >"$work/bots.out" 2>&1 &
    bots=$!
    say "The bots play on. Open this page; W A S D or the arrows move, the mouse aims, a click fires:"
    printf '\n  %s%s%s\n\n' "$bold" "$url" "$plain"
    if [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] && command -v xdg-open >/dev/null; then
        xdg-open "$url" >/dev/null 2>&1 || true
    fi
    read -rp 'Enter ends the demo. ' _ || true
}

end() {
    step "Stop the match, then the console: both come to a proper end"
    show "curl -s -X DELETE $local_origin/matches/\$MATCH -H \"authorization: Bearer \$DEV_TOKEN\" | jq -r .State"
    wait_for "the match has stopped" match_is "$MATCH" '.State == "stopped"'
    stop_bots
    stop_service
    kill -TERM "$server"
    check "the console ended well" wait "$server"
    check "its port is closed" closed "${origin##*:}"
    check "the service's port is closed" closed "${SERVICE##*:}"
    server=
    check "the chain is still whole" lattice audit verify --data "$work/data"
    check "nothing that was started is left" nothing_left
    say "That was all of it. Next: lattice dev examples/hello/hello.c"
}

# --- how the story is told -----------------------------------------------------------------------

step() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }

say() { printf '%s\n' "$*"; }

# Shows a command and runs it, as text; what it prints is kept in a file too, where one is named.
show() {
    printf '$ %s\n' "$1"
    if [ $# -gt 1 ]; then
        eval "$1" | tee "$2"
    else
        eval "$1"
    fi
}

# Says what holds; where it does not, says so and ends the demo.
check() {
    local what=$1
    shift
    if "$@" >"$work/check.out" 2>&1; then
        say "ok: $what"
        return
    fi
    say "FAILED: $what"
    cat "$work/check.out"
    tail -n 20 "$work/console.log" 2>/dev/null || true
    exit 1
}

# Waits up to a minute until the command succeeds.
wait_for() {
    local what=$1 tries
    shift
    for ((tries = 0; tries < 600; tries++)); do
        ! "$@" >/dev/null 2>&1 || break
        [ -z "$server" ] || kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    check "$what" "$@"
}

# --- how the console is asked --------------------------------------------------------------------

# A path, and what else curl is to be told.
fetch() { curl -fsS -H "authorization: Bearer $DEV_TOKEN" "$local_origin$1" "${@:2}"; }

match_is() { fetch "/matches/$1" | jq -e "$2"; }

invite() {
    curl -fsS "$local_origin/matches/$1/players" -H "authorization: Bearer $DEV_TOKEN" \
        -H 'content-type: application/json' -d "{\"Name\":\"$2\"}"
}

ask() { sqlite3 -readonly "$work/data/lattice.sqlite" "$1"; }

# Copies an example's sources to where they are compiled, and goes there.
bring() {
    mkdir "$work/$1"
    (shopt -s nullglob && cp "$root/examples/$1"/*.{c,cpp,h} "$work/$1")
    ln -s "$root/include" "$work/$1/include"
    cd "$work/$1"
}

# --- how it ends ---------------------------------------------------------------------------------

is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

closed() { ! is_taken "$1"; }

# Whether no process but this one has the temporary folder or a match among its arguments.
nothing_left() {
    local process words
    for process in /proc/[0-9]*; do
        { words=$(tr '\0' ' ' <"$process/cmdline"); } 2>/dev/null || continue
        case $words in *"$work"* | *"$MATCH"* | *"$BOARD_MATCH"*) say "$words" && return 1 ;; esac
    done
}

stop_bots() {
    [ -n "$bots" ] || return 0
    kill -TERM "$bots" 2>/dev/null || true
    wait "$bots" 2>/dev/null || true
    bots=
}

clean_up() {
    trap - EXIT
    trap '' INT TERM HUP
    stop_bots
    stop_service
    if [ -n "$server" ]; then
        kill -TERM "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    cd /
    rm -rf "$work"
}

main
