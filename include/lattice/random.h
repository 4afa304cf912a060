// lattice/random.h - a seeded generator: the same numbers for the same seed, everywhere.
//
// Owns: xoshiro256** (Blackman and Vigna, 2018), its state filled by SplitMix64. Never: global
// state; the generator is a value of the sim and is saved with it.
//
//     static lattice_rng rng;
//     ... in lattice_sim_init: rng = lattice_rng_seeded(seed);
//     int die = 1 + (int)lattice_rng_below(&rng, 6);
#ifndef LATTICE_RANDOM_H
#define LATTICE_RANDOM_H

#include <stdint.h>

typedef struct lattice_rng { uint64_t s[4]; } lattice_rng;

static inline uint64_t lattice_rotl64(uint64_t x, int by) { return (x << by) | (x >> (64 - by)); }

static inline lattice_rng lattice_rng_seeded(int64_t seed) {
    lattice_rng rng;
    uint64_t state = (uint64_t)seed;
    for (int i = 0; i < 4; ++i) {
        uint64_t z = (state += 0x9e3779b97f4a7c15ull);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
        rng.s[i] = z ^ (z >> 31);
    }
    return rng;
}

// 64 random bits.
static inline uint64_t lattice_rng_next(lattice_rng *rng) {
    uint64_t *s = rng->s, result = lattice_rotl64(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = lattice_rotl64(s[3], 45);
    return result;
}

// 0 to below - 1, each equally likely; 0 when `below` is 0. (The product's high half is the
// result; low halves under 2^32 mod `below` would favour some results and are drawn again.)
static inline uint32_t lattice_rng_below(lattice_rng *rng, uint32_t below) {
    if (below == 0) return 0;
    uint32_t unfair = (0u - below) % below;
    uint64_t product;
    do product = (lattice_rng_next(rng) >> 32) * below; while ((uint32_t)product < unfair);
    return (uint32_t)(product >> 32);
}

// From `low` to `high`, both possible; `low` when there is nothing between.
static inline int32_t lattice_rng_between(lattice_rng *rng, int32_t low, int32_t high) {
    uint32_t span = (uint32_t)high - (uint32_t)low + 1;
    if (high <= low) return low;
    uint32_t offset = span == 0 ? (uint32_t)(lattice_rng_next(rng) >> 32) : lattice_rng_below(rng, span);
    return (int32_t)((uint32_t)low + offset);
}

// 0 up to and without 1, in steps of 2^-24 and 2^-53: exact in both types.
static inline float lattice_rng_f32(lattice_rng *rng) {
    return (float)(uint32_t)(lattice_rng_next(rng) >> 40) * 5.9604644775390625e-8f;
}
static inline double lattice_rng_f64(lattice_rng *rng) {
    return (double)(int64_t)(lattice_rng_next(rng) >> 11) * 1.1102230246251565e-16;
}

#endif
