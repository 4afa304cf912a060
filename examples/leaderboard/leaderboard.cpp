// Leaderboard: a guessing game whose scores go to a web service. This file is where the game meets
// the platform: events in, messages out, the match's beginning and end. What is done about the
// service, and about every way in which it may fail, is in board.h.
//
// From the root of the repository:
//     clang --target=wasm32 -nostdlib -Wl,--no-entry -Wl,--allow-undefined -O2 -Iinclude
//           -o leaderboard.wasm examples/leaderboard/leaderboard.cpp

#include <lattice_managed.h>

#include "board.h"
#include "game.h"
#include "settings.h"

constexpr int32_t kBadConfig = -1; // fault of init
constexpr int32_t kFull = 1;       // reason of a kick
constexpr uint32_t kMaxConfig = 1024;

static Settings settings;
static Game game;
static Board board;
static bool stop_asked;

// ---- Out ----------------------------------------------------------------------------------------

static void tell(const Player &player, const char *text) {
    lattice_ms_send(player.id, text, strlen(text), 0);
}

static void ask_for_guess(const Player &player) {
    char text[16];
    snprintf(text, sizeof text, "guess %u", kHighest);
    tell(player, text);
}

// To one player, or to all.
static void tell_standings(const Player *player) {
    char text[16 + kTop * (kMaxName + 12)];
    uint32_t size = describe_standings(board.standings(), text, sizeof text);
    if (player) lattice_ms_send(player->id, text, size, 0);
    else lattice_ms_broadcast(text, size, 0);
}

static void set_gauge(const char *name, uint32_t value) {
    lattice_ms_gauge(name, strlen(name), double(value));
}

static void set_gauges() {
    uint32_t players = 0;
    for (const Player &player : game.players) players += player.id != 0;
    set_gauge("players", players);
    set_gauge("scores posted", board.posted());
    set_gauge("scores waiting", board.waiting());
}

// ---- In -----------------------------------------------------------------------------------------

static void join(const lattice_event &event) {
    Player *player = add_player(game, event.player, lattice_event_payload(&event), event.payload_len);
    if (!player) {
        lattice_ms_kick(event.player, kFull);
        return;
    }
    if (board.standings().count > 0) tell_standings(player);
    ask_for_guess(*player);
}

static void leave(const lattice_event &event) {
    if (Player *player = find_player(game, event.player)) *player = Player();
}

static void finish_run(Player &player) {
    Finished run = {{"", player.points}, player.id, ++player.runs};
    strcpy(run.score.name, player.name);
    board.submit(run);
    char text[24];
    snprintf(text, sizeof text, "score %u", player.points);
    tell(player, text);
    lattice_logf(LATTICE_INFO, "%s scored %u", player.name, player.points);
    begin_run(game, player);
}

static void solved(Player &player) {
    char text[24];
    snprintf(text, sizeof text, "right %u", player.points);
    tell(player, text);
    if (player.solved == settings.numbers) finish_run(player);
    ask_for_guess(player);
}

static void message(const lattice_event &event) {
    Player *player = find_player(game, event.player);
    if (!player) return;
    uint32_t number = parse_guess(lattice_event_payload(&event), event.payload_len);
    if (number == 0) return ask_for_guess(*player);
    switch (guess(game, *player, number)) {
    case Guess::higher: return tell(*player, "higher");
    case Guess::lower: return tell(*player, "lower");
    case Guess::right: return solved(*player);
    }
}

static void take_events(int64_t tick) {
    while (const lattice_event *event = lattice_next_event()) {
        switch (event->type) {
        case LATTICE_EVENT_JOIN: join(*event); break;
        case LATTICE_EVENT_LEAVE: leave(*event); break;
        case LATTICE_EVENT_MESSAGE: message(*event); break;
        case LATTICE_EVENT_HTTP:
            if (board.answered(*event, tick)) tell_standings(nullptr);
            break;
        case LATTICE_EVENT_STOP: stop_asked = true; break;
        }
    }
}

// ---- The end ------------------------------------------------------------------------------------

// The result names the scores that the service never confirmed, so that none is lost.
static void finish() {
    static char text[64 + kMaxWaiting * kScoreJson];
    uint32_t size = uint32_t(snprintf(text, sizeof text, "{\"Posted\":%u,\"Waiting\":[", board.posted()));
    for (uint32_t i = 0; i < board.waiting(); i++) {
        if (i > 0) text[size++] = ',';
        size += describe_score(board.waiting(i), text + size);
    }
    size += uint32_t(snprintf(text + size, sizeof text - size, "]}"));
    lattice_ms_result(text, size);
}

// ---- What the host calls ------------------------------------------------------------------------

LATTICE_EXPORT int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) {
    char config[kMaxConfig];
    int32_t size = lattice_ms_config(config, sizeof config);
    const char *complaint = size > int32_t(kMaxConfig) ? "it is longer than 1024 bytes"
                                                       : parse_settings(config, uint32_t(size), settings);
    if (complaint) {
        lattice_logf(LATTICE_ERROR, "config: %s", complaint);
        return kBadConfig;
    }
    game.rng = lattice_rng_seeded(seed);
    board.begin(settings.scores, lattice_rng_seeded(int64_t(lattice_rng_next(&game.rng))), tick_hz);
    return LATTICE_OK;
}

LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {
    take_events(tick);
    board.advance(tick);
    if (tick % 16 == 0) set_gauges();
    if (!stop_asked || board.is_busy()) return LATTICE_CONTINUE;
    finish();
    return LATTICE_FINISHED;
}

// The time to stop ran out while a request was under way.
LATTICE_EXPORT void lattice_sim_shutdown(void) { finish(); }
