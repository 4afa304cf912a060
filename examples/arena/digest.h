// A digest of all state that the next ticks depend on, for lattice_sim_hash: two runs that differ
// anywhere differ here, at the tick in which they part.
#pragma once

#include "world.h"

inline uint64_t digest(uint64_t hash, Vec v) {
    return lattice_hash_f32(lattice_hash_f32(hash, v.x), v.y);
}

inline uint64_t digest(uint64_t hash, const Body &body) {
    return digest(digest(hash, body.at), body.velocity);
}

inline uint64_t digest(uint64_t hash, const Input &input) {
    hash = digest(digest(hash, input.move), input.aim);
    return lattice_hash_u32(hash, uint32_t(input.sequence) << 1 | input.fire);
}

inline uint64_t digest(uint64_t hash, const Player &player) {
    hash = lattice_hash_u32(hash, player.id);
    hash = lattice_hash_u32(hash, player.alive);
    hash = lattice_hash_bytes(hash, player.name, player.name_size);
    hash = digest(digest(hash, player.body), player.facing);
    hash = digest(hash, player.input);
    const float amounts[] = {player.health, player.reload, player.respawn, player.shield, player.unhurt, player.input_age};
    for (float amount : amounts) hash = lattice_hash_f32(hash, amount);
    return lattice_hash_u32(hash, uint32_t(player.kills) << 16 | player.deaths);
}

inline uint64_t digest(uint64_t hash, const Shot &shot) {
    hash = digest(digest(hash, shot.at), shot.velocity);
    hash = lattice_hash_f32(hash, shot.life);
    return lattice_hash_u32(hash, uint32_t(shot.id) << 16 | uint32_t(shot.owner) << 1 | shot.ricocheted);
}

// A free slot counts too: a player's slot is part of the state.
inline uint64_t digest(const World &world) {
    uint64_t hash = lattice_hash_u32(LATTICE_HASH_SEED, world.tick);
    for (uint64_t word : world.rng.s) hash = lattice_hash_u64(hash, word);
    for (const Player &player : world.players)
        hash = player.present ? digest(hash, player) : lattice_hash_u32(hash, 0);
    for (int i = 0; i < world.boulder_count; i++) hash = digest(hash, world.boulders[i]);
    for (const Shot &shot : world.shots)
        hash = shot.live ? digest(hash, shot) : lattice_hash_u32(hash, 0);
    return lattice_hash_u32(hash, world.last_shot_id);
}
