// lattice/math_round.h - rounding, least and greatest, and the parts of a double. All exact.
//
// Owns: these functions. Never: floor, ceil, trunc and rint, which are instructions.
#ifndef LATTICE_MATH_ROUND_H
#define LATTICE_MATH_ROUND_H

#include "math_core.h"

LATTICE_C_BEGIN

double floor(double x) __attribute__((const));
float floorf(float x) __attribute__((const));
double ceil(double x) __attribute__((const));
float ceilf(float x) __attribute__((const));
double trunc(double x) __attribute__((const));
float truncf(float x) __attribute__((const));
double rint(double x) __attribute__((const));
float rintf(float x) __attribute__((const));

// Halves go away from zero.
static inline double lattice_round(double x) {
    double whole = trunc(x);
    return lattice_abs(x - whole) >= 0.5 ? whole + lattice_with_sign(1, x) : lattice_with_sign(whole, x);
}

// The other argument if one is NaN; of equal ones (zeros may differ in sign) the second.
static inline double lattice_fmin(double a, double b) { return a < b || b != b ? a : b; }
static inline double lattice_fmax(double a, double b) { return a > b || b != b ? a : b; }
static inline double lattice_fdim(double a, double b) { return a <= b ? 0 : a - b; }

static inline double lattice_ldexp(double x, int n) { return lattice_scale(x, n); }

// x = result * 2^*n, 1/2 <= |result| < 1.
static inline double lattice_frexp(double x, int *n) {
    *n = 0;
    if (x - x != 0 || x == 0) return x;
    if (lattice_abs(x) < 2.2250738585072014e-308) x *= 18014398509481984.0, *n = -54;
    uint64_t bits = lattice_raw_f64(x);
    *n += (int)(bits >> 52 & 0x7ff) - 1022;
    return lattice_f64_of_bits((bits & ~(0x7ffull << 52)) | 0x3feull << 52);
}

static inline double lattice_modf(double x, double *whole) {
    *whole = trunc(x);
    return lattice_with_sign(lattice_abs(x) == LATTICE_INFINITY ? 0 : x - *whole, x);
}

static inline int lattice_ilogb(double x) {
    int n;
    if (x == 0 || x != x) return INT32_MIN;
    if (x - x != 0) return INT32_MAX;
    lattice_frexp(x, &n);
    return n - 1;
}
static inline double lattice_logb(double x) {
    return x == 0 ? -LATTICE_INFINITY : x - x != 0 ? x * x : lattice_ilogb(x);
}

// The neighbour of x in the direction of y.
static inline double lattice_nextafter(double x, double y) {
    uint64_t bits = lattice_raw_f64(x);
    if (x != x || y != y) return LATTICE_NAN;
    if (x == y) return y;
    if (x == 0) return lattice_with_sign(4.9406564584124654e-324, y);
    return lattice_f64_of_bits((y > x) == (x > 0) ? bits + 1 : bits - 1);
}
static inline float lattice_nextafterf(float x, float y) {
    uint32_t bits = lattice_raw_f32(x);
    if (x != x || y != y) return lattice_f32_of_bits(0x7fc00000u);
    if (x == y) return y;
    if (x == 0) return lattice_f32_of_bits(1u | (y < 0 ? 1u << 31 : 0));
    return lattice_f32_of_bits((y > x) == (x > 0) ? bits + 1 : bits - 1);
}

LATTICE_C_END

#endif
