# The demo's second part: a match that posts its scores to a web service. First the platform refuses
# it, then the operator allows exactly that service, and without a restart the score arrives.
#
# Owns: this part of the story. Never: runs by itself; scripts/demo.sh has the words it is told in,
# and ends what is started here.

service=

show_web_fetches() {
    start_service
    start_leaderboard
    play_refused
    explain_the_verdict
    allow_service
    play_allowed
    read_fetches
}

start_service() {
    step "A web service of the studio's own, examples/leaderboard/service, on this machine"
    say "$ leaderboard-service --listen 127.0.0.1:0 &"
    setsid leaderboard-service --listen 127.0.0.1:0 >"$work/service.out" 2>&1 &
    service=$!
    wait_for "the service listens" grep -q '^listening on ' "$work/service.out"
    SERVICE=$(sed -n 's/^listening on //p' "$work/service.out")
    say "listening on $SERVICE"
}

start_leaderboard() {
    step "A game that posts its scores there: the match is told the address in its config"
    show "BOARD=\$(curl -s $local_origin/games -H \"authorization: Bearer \$DEV_TOKEN\" \\
        -H 'content-type: application/json' -d '{\"Name\":\"Leaderboard\"}' | jq -r .Id)"
    bring leaderboard
    show 'clang --target=wasm32 -nostdlib -Wl,--no-entry -Wl,--allow-undefined \
      -O2 -Iinclude -o leaderboard.wasm leaderboard.cpp'
    show "curl -s -T leaderboard.wasm $local_origin/games/\$BOARD/modules/1.0.0 \\
  -H \"authorization: Bearer \$DEV_TOKEN\" -H 'content-type: application/wasm' | jq -c '{Admitted, Imports}'" upload.json
    check "it is admitted, and may ask for web fetches" \
        jq -e '.Admitted and any(.Imports[]; . == "lattice_ms_http_request")' upload.json
    show "CONFIG=\$(printf 'scores=$SERVICE/scores' | base64 -w0)"
    show "BOARD_MATCH=\$(curl -s $local_origin/games/\$BOARD/matches -H \"authorization: Bearer \$DEV_TOKEN\" \\
        -H 'content-type: application/json' -d \"{\\\"TickHz\\\":30,\\\"ConfigBase64\\\":\\\"\$CONFIG\\\"}\" | jq -r .Id)"
    wait_for "the match ticks" match_is "$BOARD_MATCH" '.State == "running" and .Tick > 0'
}

play_refused() {
    step "Ada plays. Nobody has allowed this game any fetch, so none leaves"
    local token
    token=$(invite "$BOARD_MATCH" Ada | jq -r .Token)
    show "leaderboard-player --url ws://${origin#http://}/matches/$BOARD_MATCH/play --token $token"
    wait_for "the match's log says that it was refused" log_has LATTICE_HTTP_NOT_ALLOWED
    show "LATTICE_TOKEN=\$DEV_TOKEN lattice match logs $BOARD_MATCH --url $local_origin"
    check "the service got nothing" test "$(wc -l <"$work/service.out")" = 1
    wait_for "the audit has the refusals" refused_at_least 2
    show "sqlite3 -readonly -box $work/data/lattice.sqlite \\
  \"SELECT code, reason, sum(count) AS requests FROM refused_fetches WHERE game = '\$BOARD' GROUP BY code, reason\""
    check "and no fetch" test "$(ask 'SELECT count(*) FROM fetches')" = 0
}

explain_the_verdict() {
    step "Why, and what it would take: the same rules, asked offline, without a packet"
    verdict_is 1 DENY "lattice egress explain POST $SERVICE/scores"
    verdict_is 1 DENY "lattice egress explain --allow $SERVICE POST $SERVICE/scores"
    verdict_is 0 ALLOW "lattice egress explain --allow-private $SERVICE POST $SERVICE/scores"
}

allow_service() {
    step "Only the operator may allow it: a super-admin, for this game, this one address and port"
    show "ADMIN_TOKEN=\$(lattice token create --subject operator --role super-admin --data $work/data)"
    local body="{\"Allow\":[{\"Entry\":\"$SERVICE\",\"AllowPrivate\":true}]}"
    check "the game's owner may not" test "$(curl -s -o "$work/forbidden" -w '%{http_code}' -X PUT \
        "$local_origin/games/$BOARD/egress" -H "authorization: Bearer $DEV_TOKEN" \
        -H 'content-type: application/json' -d "$body")" = 403
    show "curl -s -X PUT $local_origin/games/\$BOARD/egress -H \"authorization: Bearer \$ADMIN_TOKEN\" \\
  -H 'content-type: application/json' -d '$body' | jq -c '{Revision, Allow}'" allowed.json
    check "the list has that entry" jq -e --arg entry "$SERVICE" \
        '.Allow == [{Entry: $entry, AllowPrivate: true}]' allowed.json
}

play_allowed() {
    step "Without a restart, the score that waited arrives. Now Bob plays, and sees the top ten"
    wait_for "Ada's score is at the service" lists Ada
    local token
    token=$(invite "$BOARD_MATCH" Bob | jq -r .Token)
    show "leaderboard-player --url ws://${origin#http://}/matches/$BOARD_MATCH/play --token $token --until-listed Bob"
    show "curl -s $SERVICE/scores | jq -c"
    check "Bob's score is at the service too" lists Bob
    say "The service has printed a line for each request. Those of games name the game:"
    show "grep g_ $work/service.out"
    check "two scores came, from this game" test \
        "$(grep -c "^POST /scores 201 x-lattice-game: \"$BOARD\"$" "$work/service.out")" = 2
}

read_fetches() {
    step "What the audit has of it, read out of SQLite: each fetch, and never a body"
    wait_for "the audit has both posts" fetches_are 2
    show "sqlite3 -readonly -box $work/data/lattice.sqlite \\
  \"SELECT tick, method, url, outcome, status, address, took_ms FROM fetches WHERE game = '\$BOARD'\""
    check "who allowed it is there" test "$(ask "SELECT subject FROM audit
        WHERE action = 'egress.set' AND game = '$BOARD'")" = operator
    fetch "/matches/$BOARD_MATCH" -X DELETE >"$work/stopped"
    wait_for "that match has stopped" match_is "$BOARD_MATCH" '.State == "stopped"'
}

# --- how this part is asked ----------------------------------------------------------------------

log_has() {
    LATTICE_TOKEN=$DEV_TOKEN lattice match logs "$BOARD_MATCH" --url "$local_origin" | grep -F "$1"
}

refused_at_least() {
    test "$(ask "SELECT total(count) >= $1 FROM refused_fetches WHERE game = '$BOARD'
        AND code = 'LATTICE_HTTP_NOT_ALLOWED' AND reason LIKE '$SERVICE:%'")" = 1
}

fetches_are() {
    test "$(ask "SELECT count(*) FROM fetches WHERE game = '$BOARD' AND outcome = 'ok'
        AND method = 'POST' AND status = 201 AND url = '$SERVICE/scores'")" = "$1"
}

lists() { curl -fs "$SERVICE/scores" | jq -e --arg name "$1" 'any(.Scores[]; .Name == $name)'; }

# An exit status, a verdict, and the command that is to give both.
verdict_is() {
    local status=0
    show "$3" || status=$?
    check "that is $2" test "$status $($3 --json | jq -r .Verdict)" = "$1 $2"
}

stop_service() {
    [ -n "$service" ] || return 0
    kill -TERM "$service" 2>/dev/null || true
    wait "$service" 2>/dev/null || true
    service=
}
