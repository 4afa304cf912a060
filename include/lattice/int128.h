// lattice/int128.h - 128-bit multiplication, division and shifts, where no instruction does them.
//
// Owns: the functions that the compiler calls for __int128, for bare targets. Never: native programs.
#ifndef LATTICE_INT128_H
#define LATTICE_INT128_H

#include <stdint.h>

#include "int64.h"
#include "memory.h"

typedef __int128 lattice_i128;
typedef unsigned __int128 lattice_u128;
typedef union lattice_parts128 { lattice_u128 all; struct { uint64_t low, high; } half; } lattice_parts128;

LATTICE_C_BEGIN

static inline lattice_u128 lattice_make128(uint64_t high, uint64_t low) {
    lattice_parts128 parts;
    parts.half.low = low;
    parts.half.high = high;
    return parts.all;
}

lattice_i128 __multi3(lattice_i128 a, lattice_i128 b);
lattice_i128 __ashlti3(lattice_i128 a, int by);
lattice_i128 __lshrti3(lattice_i128 a, int by);
lattice_i128 __ashrti3(lattice_i128 a, int by);
lattice_u128 __udivti3(lattice_u128 a, lattice_u128 b);
lattice_u128 __umodti3(lattice_u128 a, lattice_u128 b);
lattice_i128 __divti3(lattice_i128 a, lattice_i128 b);
lattice_i128 __modti3(lattice_i128 a, lattice_i128 b);

LATTICE_LIBC lattice_i128 __multi3(lattice_i128 a, lattice_i128 b) {
    lattice_parts128 x, y;
    x.all = (lattice_u128)a;
    y.all = (lattice_u128)b;
    lattice_wide low = lattice_mul64(x.half.low, y.half.low);
    low.high += x.half.low * y.half.high + x.half.high * y.half.low;
    return (lattice_i128)lattice_make128(low.high, low.low);
}

LATTICE_LIBC lattice_i128 __ashlti3(lattice_i128 a, int by) {
    lattice_parts128 x;
    x.all = (lattice_u128)a;
    if (by == 0) return a;
    if (by >= 64) return (lattice_i128)lattice_make128(x.half.low << (by - 64), 0);
    return (lattice_i128)lattice_make128(x.half.high << by | x.half.low >> (64 - by), x.half.low << by);
}

LATTICE_LIBC lattice_i128 __lshrti3(lattice_i128 a, int by) {
    lattice_parts128 x;
    x.all = (lattice_u128)a;
    if (by == 0) return a;
    if (by >= 64) return (lattice_i128)lattice_make128(0, x.half.high >> (by - 64));
    return (lattice_i128)lattice_make128(x.half.high >> by, x.half.low >> by | x.half.high << (64 - by));
}

LATTICE_LIBC lattice_i128 __ashrti3(lattice_i128 a, int by) {
    lattice_parts128 x;
    x.all = (lattice_u128)a;
    int64_t high = (int64_t)x.half.high;
    if (by == 0) return a;
    if (by >= 64) return (lattice_i128)lattice_make128((uint64_t)(high >> 63), (uint64_t)(high >> (by - 64)));
    return (lattice_i128)lattice_make128((uint64_t)(high >> by), x.half.low >> by | x.half.high << (64 - by));
}

// Long division, bit by bit; a trap for a divisor of 0, as for the smaller integers.
static inline lattice_u128 lattice_divide128(lattice_u128 a, lattice_u128 b, lattice_u128 *rest) {
    lattice_parts128 quotient, left, from;
    quotient.all = 0;
    left.all = 0;
    from.all = a;
    if (b == 0) __builtin_trap();
    for (int bit = 127; bit >= 0; --bit) {
        uint64_t next = (bit >= 64 ? from.half.high >> (bit - 64) : from.half.low >> bit) & 1;
        left.half.high = left.half.high << 1 | left.half.low >> 63;
        left.half.low = left.half.low << 1 | next;
        if (left.all < b) continue;
        left.all -= b;
        if (bit >= 64) quotient.half.high |= 1ull << (bit - 64);
        else quotient.half.low |= 1ull << bit;
    }
    *rest = left.all;
    return quotient.all;
}

LATTICE_LIBC lattice_u128 __udivti3(lattice_u128 a, lattice_u128 b) {
    lattice_u128 rest;
    return lattice_divide128(a, b, &rest);
}

LATTICE_LIBC lattice_u128 __umodti3(lattice_u128 a, lattice_u128 b) {
    lattice_u128 rest;
    lattice_divide128(a, b, &rest);
    return rest;
}

LATTICE_LIBC lattice_i128 __divti3(lattice_i128 a, lattice_i128 b) {
    lattice_u128 rest, size = lattice_divide128(a < 0 ? -(lattice_u128)a : (lattice_u128)a,
                                                b < 0 ? -(lattice_u128)b : (lattice_u128)b, &rest);
    return (lattice_i128)((a < 0) != (b < 0) ? -size : size);
}

LATTICE_LIBC lattice_i128 __modti3(lattice_i128 a, lattice_i128 b) {
    lattice_u128 rest;
    lattice_divide128(a < 0 ? -(lattice_u128)a : (lattice_u128)a, b < 0 ? -(lattice_u128)b : (lattice_u128)b, &rest);
    return (lattice_i128)(a < 0 ? -rest : rest);
}

LATTICE_C_END

#endif
