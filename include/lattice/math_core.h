// lattice/math_core.h - sums and products of two doubles without error, polynomials, powers of two.
//
// Owns: the arithmetic that the functions in math_*.h are made of. Never: a function that a sim calls.
//
// A pair is an unevaluated sum high + low with |low| <= ulp(high)/2: about 106 bits. (Dekker 1971,
// Knuth 1969.) No fused multiply-add is used: not every target has one.
#ifndef LATTICE_MATH_CORE_H
#define LATTICE_MATH_CORE_H

#include "cast.h"

typedef struct lattice_pair { double high, low; } lattice_pair;

// A function of its arguments alone: calls may be merged and moved.
#define LATTICE_MATH LATTICE_WEAK __attribute__((const))

#define LATTICE_INFINITY __builtin_inf()
#define LATTICE_NAN __builtin_nan("")
static const double LATTICE_PI_HIGH = 3.141592653589793, LATTICE_PI_LOW = 1.2246467991473532e-16;
static const double LATTICE_LN2_HIGH = 0.6931471805599453, LATTICE_LN2_LOW = 2.3190468138462996e-17;

LATTICE_C_BEGIN

// The instruction, also where the compiler believes that sqrt may set errno.
double sqrt(double x) __attribute__((const));
float sqrtf(float x) __attribute__((const));

static inline lattice_pair lattice_pair_of(double high, double low) {
    lattice_pair p = {high, low};
    return p;
}

// a + b, for |a| >= |b| or a = 0.
static inline lattice_pair lattice_fast_sum(double a, double b) {
    double sum = a + b;
    return lattice_pair_of(sum, b - (sum - a));
}

// a + b.
static inline lattice_pair lattice_sum(double a, double b) {
    double sum = a + b, from_b = sum - a;
    return lattice_pair_of(sum, (a - (sum - from_b)) + (b - from_b));
}

// The upper 26 bits of x, |x| < 2^996.
static inline double lattice_upper(double x) {
    double scaled = x * 134217729.0;  // 2^27 + 1
    return scaled - (scaled - x);
}

// a * b, without overflow or underflow.
static inline lattice_pair lattice_product(double a, double b) {
    double product = a * b, a1 = lattice_upper(a), a2 = a - a1, b1 = lattice_upper(b), b2 = b - b1;
    return lattice_pair_of(product, ((a1 * b1 - product) + a1 * b2 + a2 * b1) + a2 * b2);
}

static inline lattice_pair lattice_pair_times(lattice_pair a, lattice_pair b) {
    lattice_pair p = lattice_product(a.high, b.high);
    return lattice_fast_sum(p.high, p.low + (a.high * b.low + a.low * b.high));
}

// a + b, for |a| >= |b|.
static inline lattice_pair lattice_pair_plus(lattice_pair a, lattice_pair b) {
    lattice_pair s = lattice_sum(a.high, b.high);
    return lattice_fast_sum(s.high, s.low + (a.low + b.low));
}

// c[0] + c[1] x + ... by Horner's rule.
static inline double lattice_polynomial(const double *c, int count, double x) {
    double value = c[count - 1];
    for (int i = count - 2; i >= 0; --i) value = value * x + c[i];
    return value;
}

static inline double lattice_abs(double x) { return lattice_f64_of_bits(lattice_raw_f64(x) & ~(1ull << 63)); }

static inline bool lattice_negative(double x) { return lattice_raw_f64(x) >> 63 != 0; }

static inline double lattice_with_sign(double size, double sign) {
    return lattice_f64_of_bits((lattice_raw_f64(size) & ~(1ull << 63)) | (lattice_raw_f64(sign) & 1ull << 63));
}

// The nearest integer, ties to even; |x| < 2^51. What is added leaves no room for a fraction.
static inline double lattice_nearest(double x) { return (x + 6755399441055744.0) - 6755399441055744.0; }

// 2^n for -1022 <= n <= 1023.
static inline double lattice_power_of_2(int n) { return lattice_f64_of_bits((uint64_t)(1023 + n) << 52); }

// x * 2^n, rounded once. (The first factors leave 53 bits above the least subnormal.)
static inline double lattice_scale(double x, int n) {
    for (int i = 0; i < 2 && n > 1023; ++i, n -= 1023) x *= lattice_power_of_2(1023);
    for (int i = 0; i < 2 && n < -1022; ++i, n += 969) x *= lattice_power_of_2(-969);
    return x * lattice_power_of_2(n > 1023 ? 1023 : n < -1022 ? -1022 : n);
}

LATTICE_C_END

#endif
