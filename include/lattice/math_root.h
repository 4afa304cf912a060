// lattice/math_root.h - hypot, cbrt, fmod, remainder.
//
// Owns: what is neither angle nor exponential. Never: sqrt, which is an instruction.
#ifndef LATTICE_MATH_ROOT_H
#define LATTICE_MATH_ROOT_H

#include "math_core.h"

LATTICE_C_BEGIN

// sqrt(x^2 + y^2): squares and their sum as pairs, and one step of Newton's for the root.
double lattice_hypot(double x, double y);
LATTICE_MATH double lattice_hypot(double x, double y) {
    double a = lattice_abs(x), b = lattice_abs(y), scale = 1;
    if (a == LATTICE_INFINITY || b == LATTICE_INFINITY) return LATTICE_INFINITY;
    if (x != x || y != y) return LATTICE_NAN;
    if (a < b) { double less = a; a = b; b = less; }
    if (b == 0 || a > b * 1e18) return a + b;
    if (a > 1e150) scale = lattice_power_of_2(600);
    if (b < 1e-130) scale = lattice_power_of_2(-600);
    a /= scale;
    b /= scale;
    lattice_pair sum = lattice_pair_plus(lattice_product(a, a), lattice_product(b, b));
    double root = sqrt(sum.high);
    lattice_pair square = lattice_product(root, root);
    root += (((sum.high - square.high) - square.low) + sum.low) / (2 * root);
    return root * scale;
}

// x = m 2^3q, m in [1, 8): Halley's steps for the root of m, the last one with an exact residual.
double lattice_cbrt(double x);
LATTICE_MATH double lattice_cbrt(double x) {
    double size = lattice_abs(x);
    int extra = 0;
    if (x - x != 0 || x == 0) return x;
    if (size < 2.2250738585072014e-308) size *= 18014398509481984.0, extra = 18;
    uint64_t bits = lattice_raw_f64(size);
    int power = (int)(bits >> 52) - 1023, q = (power + 3072) / 3 - 1024;
    double m = lattice_f64_of_bits(bits - ((uint64_t)(int64_t)(3 * q) << 52));
    double t = 0.75 + m * (0.29 - m * 0.0175);  // within a tenth on [1, 8)
    for (int i = 0; i < 3; ++i) {
        double cube = t * t * t;
        t *= (cube + 2 * m) / (2 * cube + m);
    }
    lattice_pair square = lattice_product(t, t), cube = lattice_product(square.high, t);
    t += (((m - cube.high) - cube.low) - square.low * t) / (3 * square.high);
    return lattice_with_sign(lattice_scale(t, q - extra), x);
}

// A double's size as a whole number times a power of two.
static inline uint64_t lattice_mantissa(uint64_t bits, int *power) {
    uint64_t fraction = bits & 0xfffffffffffffull;
    *power = (int)(bits >> 52 & 0x7ff);
    if (*power != 0) return fraction | 1ull << 52;
    *power = 1;
    return fraction;
}

// The exact rest of x / y with x's sign: long division of the mantissas, 11 bits at a time.
double lattice_fmod(double x, double y);
LATTICE_MATH double lattice_fmod(double x, double y) {
    int power_x, power_y;
    uint64_t b = lattice_mantissa(lattice_raw_f64(y), &power_y), rest = lattice_mantissa(lattice_raw_f64(x), &power_x);
    if (x - x != 0 || y != y || y == 0) return LATTICE_NAN;
    if (lattice_abs(x) < lattice_abs(y)) return x;
    rest %= b;
    for (int left = power_x - power_y; left > 0 && rest != 0; left -= 11)
        rest = (rest << (left < 11 ? left : 11)) % b;
    return lattice_with_sign(lattice_scale((double)(int64_t)rest, power_y - 1075), x);
}

// The exact rest of x / y for the nearest quotient, ties to even.
double lattice_remainder(double x, double y);
LATTICE_MATH double lattice_remainder(double x, double y) {
    double size = lattice_abs(y), rest;
    if (x - x != 0 || y != y || y == 0) return LATTICE_NAN;
    if (size == LATTICE_INFINITY) return x;
    rest = lattice_abs(size < 8e307 ? lattice_fmod(x, 2 * size) : x);
    // Half of a tiny y is not exact; twice the rest is.
    bool tiny = size < 1e-300;
    if (tiny ? 2 * rest > size : rest > 0.5 * size) {
        rest -= size;
        if (tiny ? 2 * rest >= size : rest >= 0.5 * size) rest -= size;
    }
    return lattice_negative(x) ? -rest : rest;
}

LATTICE_C_END

#endif
