// lattice/hash.h - a digest of the sim's state for lattice_sim_hash.
//
// Owns: a fast 64-bit mix, equal on every target. Never: cryptographic. Feed it fields, not structs:
// padding bytes and pointers differ between targets.
//
//     uint64_t h = LATTICE_HASH_SEED;
//     for (int i = 0; i < count; ++i) h = lattice_hash_f32(lattice_hash_u32(h, b[i].id), b[i].x);
//     return (int64_t)h;
#ifndef LATTICE_HASH_H
#define LATTICE_HASH_H

#include "cast.h"

#define LATTICE_HASH_SEED 0x243f6a8885a308d3ull

// Each step is a bijection of the state for a given value, so no single change is lost.
static inline uint64_t lattice_hash_u64(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
    return hash ^ (hash >> 32);
}
static inline uint64_t lattice_hash_u32(uint64_t hash, uint32_t value) { return lattice_hash_u64(hash, value); }
static inline uint64_t lattice_hash_i32(uint64_t hash, int32_t value) { return lattice_hash_u64(hash, (uint32_t)value); }
static inline uint64_t lattice_hash_i64(uint64_t hash, int64_t value) { return lattice_hash_u64(hash, (uint64_t)value); }
static inline uint64_t lattice_hash_f32(uint64_t hash, float value) { return lattice_hash_u64(hash, lattice_bits_f32(value)); }
static inline uint64_t lattice_hash_f64(uint64_t hash, double value) { return lattice_hash_u64(hash, lattice_bits_f64(value)); }

// Bytes and their number, so that two neighbours never run together.
static inline uint64_t lattice_hash_bytes(uint64_t hash, const void *data, uint32_t len) {
    const uint8_t *bytes = (const uint8_t *)data;
    for (uint32_t i = 0; i < len; i += 8) {
        uint64_t word = 0;
        for (uint32_t j = 0; j < 8 && i + j < len; ++j) word |= (uint64_t)bytes[i + j] << (8 * j);
        hash = lattice_hash_u64(hash, word);
    }
    return lattice_hash_u64(hash, len);
}

#endif
