// lattice/cast.h - between floats, integers and bits, with one result on every target.
//
// Owns: conversions that C leaves undefined (a float outside the integer's range, NaN) or that
// differ by target (a NaN's bits). Never: rounds other than towards zero.
#ifndef LATTICE_CAST_H
#define LATTICE_CAST_H

#include <stdbool.h>
#include <stdint.h>

#include "target.h"

// Towards zero; out of range gives the nearest bound, NaN gives 0 (as wasm's trunc_sat).
static inline int32_t lattice_i32_from_f64(double x) {
    return x >= 2147483647.0 ? INT32_MAX : x > -2147483649.0 ? (int32_t)x : x != x ? 0 : INT32_MIN;
}
static inline uint32_t lattice_u32_from_f64(double x) {
    return x >= 4294967295.0 ? UINT32_MAX : x > 0.0 ? (uint32_t)(int64_t)x : 0;
}
static inline int64_t lattice_i64_from_f64(double x) {
    return x >= 9223372036854775808.0 ? INT64_MAX
           : x >= -9223372036854775808.0 ? (int64_t)x : x != x ? 0 : INT64_MIN;
}
static inline uint64_t lattice_u64_from_f64(double x) {
    if (x >= 18446744073709551616.0) return UINT64_MAX;
    if (x >= 9223372036854775808.0) return (uint64_t)(int64_t)(x - 9223372036854775808.0) + (1ull << 63);
    return x > 0.0 ? (uint64_t)(int64_t)x : 0;
}
static inline int32_t lattice_i32_from_f32(float x) { return lattice_i32_from_f64((double)x); }
static inline uint32_t lattice_u32_from_f32(float x) { return lattice_u32_from_f64((double)x); }
static inline int64_t lattice_i64_from_f32(float x) { return lattice_i64_from_f64((double)x); }
static inline uint64_t lattice_u64_from_f32(float x) { return lattice_u64_from_f64((double)x); }

// The bits of a float as they are, for arithmetic on them.
static inline uint32_t lattice_raw_f32(float x) { union { float f; uint32_t u; } pun; pun.f = x; return pun.u; }
static inline uint64_t lattice_raw_f64(double x) { union { double f; uint64_t u; } pun; pun.f = x; return pun.u; }
static inline float lattice_f32_of_bits(uint32_t u) { union { float f; uint32_t u; } pun; pun.u = u; return pun.f; }
static inline double lattice_f64_of_bits(uint64_t u) { union { double f; uint64_t u; } pun; pun.u = u; return pun.f; }

// The bits of a float to be hashed, sent or saved: every NaN is the same one.
static inline uint32_t lattice_bits_f32(float x) { return x != x ? 0x7fc00000u : lattice_raw_f32(x); }
static inline uint64_t lattice_bits_f64(double x) { return x != x ? 0x7ff8000000000000ull : lattice_raw_f64(x); }

#endif
