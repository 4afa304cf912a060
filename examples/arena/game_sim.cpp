// Arena: a shooter for up to sixteen players, as a managed sim. This file is where the game meets
// the platform: events in, messages out, the match's beginning and end. The rules are in combat.h.
//
// From the root of the repository:
//     clang --target=wasm32 -nostdlib -Wl,--no-entry -Wl,--allow-undefined -O2 -Iinclude
//           -o game_sim.wasm examples/arena/game_sim.cpp

#include "combat.h"
#include "digest.h"
#include "protocol.h"
#include "result.h"
#include "state.h"

constexpr int32_t kBadConfig = -1; // fault of init
constexpr int32_t kBadState = -2;  // fault of save and load
constexpr int32_t kArenaFull = 1;  // reason of a kick
constexpr uint32_t kMaxConfig = 1024;

static World world;
static uint8_t outgoing[kMaxMessage];
static uint8_t state[kMaxState];
static bool roster_changed;
static bool stop_asked;
static bool over;

// ---- Out: messages, log lines, figures ----------------------------------------------------------

typedef Text<160> Line;

static void log_line(const Line &line) { lattice_ms_log(LATTICE_INFO, line.data(), line.size()); }

static lattice_writer new_message() { return lattice_write_to(outgoing, sizeof outgoing); }

static void broadcast(const lattice_writer &message, uint32_t flags) {
    lattice_ms_broadcast(outgoing, lattice_written(&message), flags);
}

static void send_welcome(Player &player) {
    lattice_writer message = new_message();
    put_welcome(&message, world, slot_of(world, player));
    lattice_ms_send(player.id, outgoing, lattice_written(&message), 0);
    message = new_message();
    put_roster(&message, world);
    lattice_ms_send(player.id, outgoing, lattice_written(&message), 0);
    player.wants_welcome = false;
}

static void send_welcomes() {
    for (Player &player : world.players)
        if (player.present && player.wants_welcome) send_welcome(player);
}

static void broadcast_roster() {
    if (!roster_changed) return;
    lattice_writer message = new_message();
    put_roster(&message, world);
    broadcast(message, 0);
    roster_changed = false;
}

static void broadcast_hit(const Hit &hit) {
    lattice_writer message = new_message();
    put_hit(&message, hit);
    broadcast(message, LATTICE_MAY_DROP);
}

static void broadcast_kill(const Hit &hit) {
    lattice_writer message = new_message();
    put_kill(&message, world, hit);
    broadcast(message, 0);
    const Player &shooter = world.players[hit.shooter], &victim = world.players[hit.victim];
    log_line(Line().add(shooter.name, shooter.name_size).add(" killed ").add(victim.name, victim.name_size));
    roster_changed = true;
}

static void broadcast_hits() {
    for (int i = 0; i < world.hit_count; i++) {
        broadcast_hit(world.hits[i]);
        if (world.hits[i].health == 0) broadcast_kill(world.hits[i]);
    }
}

static void broadcast_state() {
    lattice_writer message = new_message();
    put_state(&message, world);
    broadcast(message, LATTICE_MAY_DROP);
}

static void set_gauge(const char *name, uint32_t size, int value) {
    lattice_ms_gauge(name, size, double(value));
}

static void set_gauges() {
    set_gauge("players", 7, count_players(world));
    set_gauge("shots", 5, count_shots(world));
    Body *bodies[kMaxPlayers + kMaxBoulders];
    set_gauge("bodies", 6, solid_bodies(world, bodies));
}

// ---- The end ------------------------------------------------------------------------------------

static void finish(OverReason reason) {
    if (over) return;
    over = true;
    uint8_t winner = find_winner(world);
    lattice_writer message = new_message();
    put_over(&message, world, reason, winner);
    broadcast(message, 0);
    Result result = describe_result(world, reason, winner);
    lattice_ms_result(result.data(), result.size());
    log_line(Line().add("the match is over after ").add(world.tick).add(" ticks"));
}

static void finish_when_decided() {
    uint32_t limit = world.settings.score_limit;
    for (const Player &player : world.players)
        if (limit && player.present && player.kills >= limit) finish(OverReason::score);
    if (seconds_left(world) == 0) finish(OverReason::time);
    if (stop_asked) finish(OverReason::stopped);
}

// ---- In: events ---------------------------------------------------------------------------------

// Takes as much of the name as fits, without cutting a character; control characters become spaces.
static void set_name(Player &player, const uint8_t *name, uint32_t size) {
    uint32_t fits = size < kMaxName ? size : kMaxName;
    while (fits < size && fits > 0 && (name[fits] & 0xc0) == 0x80) fits--;
    for (uint32_t i = 0; i < fits; i++) player.name[i] = name[i] < 0x20 || name[i] == 0x7f ? ' ' : char(name[i]);
    player.name_size = fits;
    if (fits > 0) return;
    Text<kMaxName> number;
    number.add("Player ").add(player.id);
    for (uint32_t i = 0; i < number.size(); i++) player.name[i] = number.data()[i];
    player.name_size = number.size();
}

static void join(const lattice_event &event) {
    Player *player = add_player(world, event.player);
    if (!player) {
        lattice_ms_kick(event.player, kArenaFull);
        return;
    }
    set_name(*player, lattice_event_payload(&event), event.payload_len);
    log_line(Line().add(player->name, player->name_size).add(" joined as player ").add(player->id));
    roster_changed = true;
}

static void leave(const lattice_event &event) {
    Player *player = find_player(world, event.player);
    if (!player) return; // was not let in
    log_line(Line().add(player->name, player->name_size).add(" left"));
    remove_player(world, *player);
    roster_changed = true;
}

static void message(const lattice_event &event) {
    Player *player = find_player(world, event.player);
    if (!player) return;
    const uint8_t *bytes = lattice_event_payload(&event);
    if (is_hello(bytes, event.payload_len)) player->wants_welcome = true;
    else if (parse_input(bytes, event.payload_len, &player->input)) player->input_age = 0;
}

static void take_events() {
    while (const lattice_event *event = lattice_next_event()) {
        switch (event->type) {
        case LATTICE_EVENT_JOIN: join(*event); break;
        case LATTICE_EVENT_LEAVE: leave(*event); break;
        case LATTICE_EVENT_MESSAGE: message(*event); break;
        case LATTICE_EVENT_STOP: stop_asked = true; break;
        }
    }
}

// ---- What the host calls ------------------------------------------------------------------------

LATTICE_EXPORT int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) {
    char config[kMaxConfig];
    int32_t size = lattice_ms_config(config, sizeof config);
    Complaint complaint;
    if (size > int32_t(kMaxConfig)) complaint.add("config: more than ").add(kMaxConfig).add(" bytes");
    else parse_settings(config, uint32_t(size), world.settings, complaint);
    if (complaint.size() > 0) {
        lattice_ms_log(LATTICE_ERROR, complaint.data(), complaint.size());
        return kBadConfig;
    }
    begin(world, seed, uint32_t(tick_hz));
    return LATTICE_OK;
}

LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {
    world.tick = uint32_t(tick);
    take_events();
    send_welcomes();
    broadcast_roster();
    advance(world);
    broadcast_hits();
    broadcast_roster();
    broadcast_state();
    finish_when_decided();
    if (world.tick % world.tick_hz == 0) set_gauges();
    return over ? LATTICE_FINISHED : LATTICE_CONTINUE;
}

LATTICE_EXPORT void lattice_sim_shutdown(void) { finish(OverReason::stopped); }

LATTICE_EXPORT int64_t lattice_sim_hash(void) { return int64_t(digest(world)); }

LATTICE_EXPORT int32_t lattice_sim_save(void) {
    uint32_t size = save_state(world, state, sizeof state);
    return size ? lattice_ms_state_write(state, size) : kBadState;
}

LATTICE_EXPORT int32_t lattice_sim_load(void) {
    int32_t size = lattice_ms_state_read(state, sizeof state);
    if (size > 0 && load_state(world, state, uint32_t(size))) return LATTICE_OK;
    log_line(Line().add("the saved state is not of format ").add(uint32_t(kStateFormat)));
    return kBadState;
}
