// lattice/int64.h - the 128-bit product of two 64-bit numbers, on every target.
//
// Owns: that product. Never: the compiler's __int128, which not every target has.
#ifndef LATTICE_INT64_H
#define LATTICE_INT64_H

#include <stdint.h>

typedef struct lattice_wide { uint64_t high, low; } lattice_wide;

// From four products of 32-bit halves.
static inline lattice_wide lattice_mul64(uint64_t a, uint64_t b) {
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t low = a0 * b0, mid = a1 * b0 + (low >> 32), mid2 = a0 * b1 + (uint32_t)mid;
    lattice_wide product = {a1 * b1 + (mid >> 32) + (mid2 >> 32), mid2 << 32 | (uint32_t)low};
    return product;
}

#endif
