// The state of a match as bytes, so that another version of the game can go on with it. Owns their
// order, which is written down once for both directions. Never: what init makes anew from the
// match's config and tick rate, nor what lasts no longer than a tick.
#pragma once

#include "world.h"

// One more whenever the bytes below change. A version that is to take over from an older one reads
// that one's format too.
constexpr uint16_t kStateFormat = 1;
constexpr uint32_t kMaxState = 16 << 10; // bytes

namespace state_detail {

struct Saver {
    lattice_writer bytes;
    void field(bool value) { lattice_put_u8(&bytes, value); }
    void field(uint8_t value) { lattice_put_u8(&bytes, value); }
    void field(uint16_t value) { lattice_put_u16(&bytes, value); }
    void field(uint32_t value) { lattice_put_u32(&bytes, value); }
    void field(uint64_t value) { lattice_put_u64(&bytes, value); }
    void field(float value) { lattice_put_f32(&bytes, value); }
    void text(const char *text, uint32_t size) { lattice_put_bytes(&bytes, text, size); }
    // How many there are of what has room for `most`.
    void count(int value, int) { lattice_put_u8(&bytes, uint8_t(value)); }
};

struct Loader {
    lattice_reader bytes;
    void field(bool &value) { value = lattice_get_u8(&bytes) != 0; }
    void field(uint8_t &value) { value = lattice_get_u8(&bytes); }
    void field(uint16_t &value) { value = lattice_get_u16(&bytes); }
    void field(uint32_t &value) { value = lattice_get_u32(&bytes); }
    void field(uint64_t &value) { value = lattice_get_u64(&bytes); }
    void field(float &value) { value = lattice_get_f32(&bytes); }
    void text(char *text, uint32_t size) {
        for (uint32_t i = 0; i < size; i++) text[i] = char(lattice_get_u8(&bytes));
    }
    void count(int &value, int most) {
        value = lattice_get_u8(&bytes);
        if (value <= most) return;
        value = 0;
        bytes.failed = true;
    }
};

template <class Way> void each(Way &way, Vec &v) {
    way.field(v.x);
    way.field(v.y);
}

template <class Way> void each(Way &way, Body &body) {
    each(way, body.at);
    each(way, body.velocity);
    way.field(body.radius);
    way.field(body.inverse_mass);
}

template <class Way> void each(Way &way, Input &input) {
    each(way, input.move);
    each(way, input.aim);
    way.field(input.fire);
    way.field(input.sequence);
}

template <class Way> void each(Way &way, Player &player) {
    way.field(player.present);
    if (!player.present) return;
    way.field(player.alive);
    way.field(player.wants_welcome);
    way.field(player.id);
    int name_size = int(player.name_size);
    way.count(name_size, kMaxName);
    player.name_size = uint32_t(name_size);
    way.text(player.name, player.name_size);
    each(way, player.body);
    each(way, player.facing);
    each(way, player.input);
    float *const amounts[] = {&player.health, &player.reload, &player.respawn, &player.shield, &player.unhurt, &player.input_age};
    for (float *amount : amounts) way.field(*amount);
    way.field(player.kills);
    way.field(player.deaths);
}

template <class Way> void each(Way &way, Shot &shot) {
    way.field(shot.live);
    if (!shot.live) return;
    way.field(shot.ricocheted);
    int owner = shot.owner;
    way.count(owner, kMaxPlayers - 1);
    shot.owner = uint8_t(owner);
    way.field(shot.id);
    each(way, shot.at);
    each(way, shot.velocity);
    way.field(shot.life);
}

template <class Way> void each(Way &way, Obstacle &obstacle) {
    each(way, obstacle.at);
    each(way, obstacle.half);
    way.field(obstacle.round);
}

template <class Way> void each(Way &way, World &world) {
    for (uint64_t &word : world.rng.s) way.field(word);
    way.field(world.tick);
    for (Player &player : world.players) each(way, player);
    way.count(world.boulder_count, kMaxBoulders);
    for (int i = 0; i < world.boulder_count; i++) each(way, world.boulders[i]);
    way.count(world.obstacle_count, kMaxObstacles);
    for (int i = 0; i < world.obstacle_count; i++) each(way, world.obstacles[i]);
    for (Shot &shot : world.shots) each(way, shot);
    way.field(world.last_shot_id);
}

} // namespace state_detail

// Writes the state; how many bytes it took, or 0 if they do not fit.
inline uint32_t save_state(World &world, uint8_t *bytes, uint32_t capacity) {
    state_detail::Saver saver = {lattice_write_to(bytes, capacity)};
    saver.field(kStateFormat);
    each(saver, world);
    return saver.bytes.failed ? 0 : lattice_written(&saver.bytes);
}

// Reads a state into a world that has begun. False if it is none, or of another format.
inline bool load_state(World &world, const uint8_t *bytes, uint32_t size) {
    state_detail::Loader loader = {lattice_read_from(bytes, size)};
    uint16_t format;
    loader.field(format);
    if (format != kStateFormat) return false;
    each(loader, world);
    return !loader.bytes.failed && lattice_unread(&loader.bytes) == 0;
}
