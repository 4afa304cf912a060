// The bytes between the sim and a player; README.md has the same layout as a table. Little-endian,
// lengths in sixteenths of a unit. Owns encoding and validation, never what the values mean.
#pragma once

#include "world.h"

constexpr uint8_t kProtocolVersion = 1;
constexpr uint32_t kMaxMessage = 2048; // bytes; the longest is a state with every shot, 1,080

enum class FromSim : uint8_t { welcome = 1, roster = 2, state = 3, hit = 4, kill = 5, over = 6 };
enum class FromPlayer : uint8_t { input = 1, hello = 2 };
enum class OverReason : uint8_t { score = 0, time = 1, stopped = 2 };

constexpr uint8_t kNobody = 255;
constexpr uint16_t kNoTimeLimit = 0xffff;
constexpr uint8_t kAlive = 1, kShielded = 2;
constexpr uint8_t kFire = 1;

inline void put_units(lattice_writer *to, float length) {
    lattice_put_u16(to, uint16_t(lattice_u32_from_f32(clamp(length * 16, 0, 65535))));
}

inline void put_place(lattice_writer *to, Vec at) { put_units(to, at.x), put_units(to, at.y); }

// A vector at most 1 long, as two signed bytes.
inline void put_vector(lattice_writer *to, Vec v) {
    lattice_put_u8(to, uint8_t(lattice_i32_from_f32(v.x * 127)));
    lattice_put_u8(to, uint8_t(lattice_i32_from_f32(v.y * 127)));
}

// Rounded up, so that only nothing is 0. At most 255.
inline void put_count(lattice_writer *to, float amount) {
    lattice_put_u8(to, uint8_t(lattice_u32_from_f32(clamp(__builtin_ceilf(amount), 0, 255))));
}

inline void put_type(lattice_writer *to, FromSim type) { lattice_put_u8(to, uint8_t(type)); }

static_assert(12 + 12 * kMaxPlayers + 4 * kMaxBoulders + 8 * kMaxShots <= kMaxMessage, "state");
static_assert(2 + kMaxPlayers * (10 + kMaxName) <= kMaxMessage, "roster");
static_assert(12 + 10 * kMaxObstacles + 2 * kMaxBoulders <= kMaxMessage, "welcome");

// What does not change: the arena, and which slot the receiver plays.
inline void put_welcome(lattice_writer *to, const World &world, uint8_t slot) {
    put_type(to, FromSim::welcome);
    lattice_put_u8(to, kProtocolVersion);
    lattice_put_u8(to, slot);
    lattice_put_u8(to, uint8_t(world.tick_hz));
    lattice_put_u16(to, uint16_t(world.settings.width));
    lattice_put_u16(to, uint16_t(world.settings.height));
    lattice_put_u16(to, uint16_t(world.settings.score_limit));
    lattice_put_u8(to, uint8_t(world.obstacle_count));
    lattice_put_u8(to, uint8_t(world.boulder_count));
    for (int i = 0; i < world.obstacle_count; i++) {
        put_place(to, world.obstacles[i].at);
        put_place(to, world.obstacles[i].half);
        put_units(to, world.obstacles[i].round);
    }
    for (int i = 0; i < world.boulder_count; i++) put_units(to, world.boulders[i].radius);
}

inline void put_standing(lattice_writer *to, const World &world, const Player &player) {
    lattice_put_u8(to, slot_of(world, player));
    lattice_put_u32(to, player.id);
    lattice_put_u16(to, player.kills);
    lattice_put_u16(to, player.deaths);
    lattice_put_u8(to, uint8_t(player.name_size));
    lattice_put_bytes(to, player.name, player.name_size);
}

// Who plays and how they stand.
inline void put_roster(lattice_writer *to, const World &world) {
    put_type(to, FromSim::roster);
    lattice_put_u8(to, uint8_t(count_players(world)));
    for (const Player &player : world.players)
        if (player.present) put_standing(to, world, player);
}

inline uint16_t seconds_left(const World &world) {
    if (world.settings.seconds == 0) return kNoTimeLimit;
    uint32_t gone = world.tick / world.tick_hz;
    return uint16_t(gone < world.settings.seconds ? world.settings.seconds - gone : 0);
}

inline void put_player(lattice_writer *to, const World &world, const Player &player) {
    lattice_put_u8(to, slot_of(world, player));
    lattice_put_u8(to, (player.alive ? kAlive : 0) | (player.shield > 0 ? kShielded : 0));
    put_count(to, player.health);
    put_count(to, player.alive ? 0 : player.respawn * 10);
    put_place(to, player.body.at);
    put_vector(to, player.facing);
    lattice_put_u16(to, player.input.sequence);
}

inline void put_shot(lattice_writer *to, const Shot &shot) {
    lattice_put_u16(to, shot.id);
    lattice_put_u8(to, shot.owner);
    lattice_put_u8(to, shot.ricocheted);
    put_place(to, shot.at);
}

// All that moves. The next one replaces it.
inline void put_state(lattice_writer *to, const World &world) {
    put_type(to, FromSim::state);
    lattice_put_u8(to, uint8_t(count_players(world)));
    lattice_put_u8(to, uint8_t(world.boulder_count));
    lattice_put_u8(to, uint8_t(count_shots(world)));
    lattice_put_u32(to, world.tick);
    lattice_put_u16(to, seconds_left(world));
    lattice_put_u16(to, 0);
    for (const Player &player : world.players)
        if (player.present) put_player(to, world, player);
    for (int i = 0; i < world.boulder_count; i++) put_place(to, world.boulders[i].at);
    for (const Shot &shot : world.shots)
        if (shot.live) put_shot(to, shot);
}

inline void put_hit(lattice_writer *to, const Hit &hit) {
    put_type(to, FromSim::hit);
    lattice_put_u8(to, hit.shooter);
    lattice_put_u8(to, hit.victim);
    lattice_put_u8(to, hit.health);
    put_place(to, hit.at);
}

inline void put_kill(lattice_writer *to, const World &world, const Hit &hit) {
    put_type(to, FromSim::kill);
    lattice_put_u8(to, hit.shooter);
    lattice_put_u8(to, hit.victim);
    lattice_put_u8(to, 0);
    lattice_put_u32(to, world.tick);
}

inline void put_over(lattice_writer *to, const World &world, OverReason reason, uint8_t winner) {
    put_type(to, FromSim::over);
    lattice_put_u8(to, uint8_t(reason));
    lattice_put_u8(to, winner);
    lattice_put_u8(to, 0);
    lattice_put_u32(to, world.tick);
}

// True for exactly `hello` in our version: the player wants a welcome again.
inline bool is_hello(const uint8_t *bytes, uint32_t size) {
    return size == 2 && bytes[0] == uint8_t(FromPlayer::hello) && bytes[1] == kProtocolVersion;
}

// A vector of two signed bytes of -127 to 127, at most 1 long. False for -128.
inline bool parse_vector(const uint8_t *bytes, Vec *v) {
    *v = {float(int8_t(bytes[0])) / 127, float(int8_t(bytes[1])) / 127};
    if (length(*v) > 1) *v = direction(*v, {0, 0});
    return bytes[0] != 0x80 && bytes[1] != 0x80;
}

// Reads an input. False, and `input` as it was, for anything but an input of exactly this form.
inline bool parse_input(const uint8_t *bytes, uint32_t size, Input *input) {
    if (size != 8 || bytes[0] != uint8_t(FromPlayer::input) || (bytes[1] & ~kFire)) return false;
    Input parsed;
    if (!parse_vector(bytes + 2, &parsed.move) || !parse_vector(bytes + 4, &parsed.aim)) return false;
    parsed.aim = direction(parsed.aim, {0, 0});
    parsed.fire = bytes[1] & kFire;
    parsed.sequence = uint16_t(bytes[6] | bytes[7] << 8);
    *input = parsed;
    return true;
}
