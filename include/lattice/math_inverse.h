// lattice/math_inverse.h - asin, acos, atan, atan2.
//
// Owns: the angle of a point, and the arcsine's polynomial. Never: degrees.
// Coefficients: tests/toolchain/derive/coefficients.py.
#ifndef LATTICE_MATH_INVERSE_H
#define LATTICE_MATH_INVERSE_H

#include "math_core.h"

LATTICE_C_BEGIN

// atan(a / b) for 0 <= a <= b, in [0, pi/4]: with c the quarter nearest to a / b it is
// atan(c) + atan(u), u = (a - c b) / (b + c a), |u| <= 1/8.
static inline lattice_pair lattice_atan_pair(double a, double b) {
    static const lattice_pair quarters[] = {{0, 0},
                                            {0.24497866312686414, 1.0698755618734451e-17},
                                            {0.4636476090008061, 2.2698777452961687e-17},
                                            {0.6435011087932844, 1.5834785051444286e-17},
                                            {0.7853981633974483, 3.061616997868383e-17}};
    static const double p[] = {-0.3333333333333333, 0.19999999999999996, -0.14285714285707693, 0.11111111107790389,
                               -0.09090908268895133, 0.07692197060674247, -0.06658398821560492, 0.0555875382521425};
    int nearest = (8 * a >= b) + (8 * a >= 3 * b) + (8 * a >= 5 * b) + (8 * a >= 7 * b);
    double c = 0.25 * nearest, u = (a - c * b) / (b + c * a), z = u * u;
    double rest = u * z * lattice_polynomial(p, 8, z);
    if (nearest == 0) return lattice_fast_sum(u, rest);
    lattice_pair sum = lattice_fast_sum(quarters[nearest].high, u);
    return lattice_pair_of(sum.high, sum.low + (rest + quarters[nearest].low));
}

double lattice_atan2(double y, double x);
LATTICE_MATH double lattice_atan2(double y, double x) {
    double a = lattice_abs(y), b = lattice_abs(x);
    if (x != x || y != y) return LATTICE_NAN;
    if (a == LATTICE_INFINITY || b == LATTICE_INFINITY)  // only the directions count
        a = a == LATTICE_INFINITY, b = b == LATTICE_INFINITY;
    if (a == 0) return lattice_with_sign(lattice_negative(x) ? LATTICE_PI_HIGH : 0, y);
    if (a > 1e300 || b > 1e300) a *= lattice_power_of_2(-100), b *= lattice_power_of_2(-100);
    if (a < 1e-290 && b < 1e-290) a *= lattice_power_of_2(200), b *= lattice_power_of_2(200);
    lattice_pair angle = a <= b ? lattice_atan_pair(a, b) : lattice_atan_pair(b, a);
    if (a > b)
        angle = lattice_pair_plus(lattice_pair_of(LATTICE_PI_HIGH / 2, LATTICE_PI_LOW / 2),
                                  lattice_pair_of(-angle.high, -angle.low));
    if (lattice_negative(x))
        angle = lattice_pair_plus(lattice_pair_of(LATTICE_PI_HIGH, LATTICE_PI_LOW),
                                  lattice_pair_of(-angle.high, -angle.low));
    return lattice_with_sign(angle.high + angle.low, y);
}

double lattice_atan(double x);
LATTICE_MATH double lattice_atan(double x) { return lattice_atan2(x, 1); }

// asin(x) / x - 1 for z = x^2 <= 1/4.
static inline double lattice_asin_rest(double z) {
    static const double p[] = {0.16666666666666669, 0.07499999999998425, 0.04464285714637338, 0.030381944137085216,
                               0.0223721730020056, 0.0173523912659092, 0.013971235301124917, 0.011478952690254089,
                               0.010324318288763578, 0.005450878187643824, 0.017419357965078285,
                               -0.0148814093931001, 0.02877844261277394};
    return z * lattice_polynomial(p, 13, z);
}

// 2 asin(sqrt((1 - size) / 2)), which is acos(size), for size in [1/2, 1].
static inline lattice_pair lattice_acos_pair(double size) {
    double z = 0.5 * (1 - size), s = sqrt(z);
    if (s == 0) return lattice_pair_of(0, 0);
    lattice_pair square = lattice_product(s, s);
    double low = ((z - square.high) - square.low) / (2 * s);
    return lattice_fast_sum(2 * s, 2 * (low + s * lattice_asin_rest(z)));
}

double lattice_asin(double x);
LATTICE_MATH double lattice_asin(double x) {
    double size = lattice_abs(x);
    if (!(size <= 1)) return LATTICE_NAN;
    if (size < 1e-8) return x;
    if (size <= 0.5) return x + x * lattice_asin_rest(x * x);
    lattice_pair other = lattice_acos_pair(size);
    lattice_pair sum = lattice_fast_sum(LATTICE_PI_HIGH / 2, -other.high);
    double angle = sum.high + (sum.low + (LATTICE_PI_LOW / 2 - other.low));
    return lattice_with_sign(angle, x);
}

double lattice_acos(double x);
LATTICE_MATH double lattice_acos(double x) {
    double size = lattice_abs(x);
    if (!(size <= 1)) return LATTICE_NAN;
    if (size <= 0.5) {
        lattice_pair sum = lattice_fast_sum(LATTICE_PI_HIGH / 2, -x);
        return sum.high + (sum.low + (LATTICE_PI_LOW / 2 - x * lattice_asin_rest(x * x)));
    }
    lattice_pair angle = lattice_acos_pair(size);
    if (x > 0) return angle.high + angle.low;
    lattice_pair sum = lattice_fast_sum(LATTICE_PI_HIGH, -angle.high);
    return sum.high + (sum.low + (LATTICE_PI_LOW - angle.low));
}

LATTICE_C_END

#endif
