// lattice/math_exp.h - exp, exp2, expm1, log, log2, log10, log1p, pow.
//
// Owns: the exponential of a pair and the logarithm as a pair, 64 bits and more, so that pow and the
// logarithms to other bases are as good as the rest. Never: tables.
// Coefficients: tests/toolchain/derive/coefficients.py.
#ifndef LATTICE_MATH_EXP_H
#define LATTICE_MATH_EXP_H

#include "math_core.h"

LATTICE_C_BEGIN

// e^r - 1 for |r| <= ln2/2, as the pair's sum.
static inline lattice_pair lattice_expm1_pair(lattice_pair r) {
    static const double p[] = {0.5, 0.1666666666666667, 0.04166666666666667, 0.008333333333326141,
                               0.0013888888888883752, 0.00019841269874801073, 2.480158732553378e-05,
                               2.7557255425009614e-06, 2.7557273660822466e-07, 2.510520668068106e-08,
                               2.0914679595617734e-09};
    return lattice_pair_of(r.high, r.high * r.high * lattice_polynomial(p, 11, r.high) + r.low * (1 + r.high));
}

// e^r * 2^n for |r| <= ln2/2.
static inline double lattice_exp_scaled(lattice_pair r, int n) {
    lattice_pair m = lattice_expm1_pair(r), one = lattice_fast_sum(1, m.high);
    return lattice_scale(one.high + (one.low + m.low), n);
}

// x = n ln2 + rest, |rest| <= ln2/2; |x.high| < 800. ln2's first part has 32 bits: n times it is exact.
static inline lattice_pair lattice_exp_reduce(lattice_pair x, int *n) {
    double k = lattice_nearest(x.high * 1.4426950408889634);
    lattice_pair r = lattice_sum(x.high - k * 0.6931471803691238, -(k * 1.9082149292705877e-10));
    *n = (int)k;
    return lattice_fast_sum(r.high, r.low + x.low);
}

// e^x * 2^n.
static inline double lattice_exp_pair(lattice_pair x, int n) {
    int k;
    if (x.high != x.high) return LATTICE_NAN;
    if (x.high > 711) return LATTICE_INFINITY;
    if (x.high < -746) return 0;
    lattice_pair r = lattice_exp_reduce(x, &k);
    return lattice_exp_scaled(r, k + n);
}

double lattice_exp(double x);
LATTICE_MATH double lattice_exp(double x) { return lattice_exp_pair(lattice_pair_of(x, 0), 0); }

double lattice_exp2(double x);
LATTICE_MATH double lattice_exp2(double x) {
    if (x != x) return LATTICE_NAN;
    if (x >= 1024) return LATTICE_INFINITY;
    if (x < -1076) return 0;
    double n = lattice_nearest(x);
    lattice_pair r = lattice_product(x - n, LATTICE_LN2_HIGH);
    return lattice_exp_scaled(lattice_fast_sum(r.high, r.low + (x - n) * LATTICE_LN2_LOW), (int)n);
}

double lattice_expm1(double x);
LATTICE_MATH double lattice_expm1(double x) {
    int n;
    if (x != x) return LATTICE_NAN;
    if (x > 40) return lattice_exp(x);
    if (x < -40) return -1;
    if (lattice_abs(x) < 1e-17) return x;
    lattice_pair r = lattice_exp_reduce(lattice_pair_of(x, 0), &n), m = lattice_expm1_pair(r);
    if (n == 0) return m.high + m.low;
    double scale = lattice_power_of_2(n);
    lattice_pair sum = lattice_sum(scale * m.high, scale - 1);
    return sum.high + (sum.low + scale * m.low);
}

// log of x > 0, finite: x = 2^k m, m from sqrt(1/2) to sqrt(2); log m = 2 atanh(s), s = (m-1)/(m+1),
// with s and the series' first two terms as pairs.
static inline lattice_pair lattice_log_pair(double x) {
    static const double p[] = {0.2, 0.14285714285714282, 0.11111111111114214, 0.090909090898289, 0.0769230788052146,
                               0.06666648272214971, 0.05883406344289622, 0.05228168480054242, 0.05381168299811406};
    int k = 0;
    if (x < 2.2250738585072014e-308) x *= 18014398509481984.0, k = -54;
    uint64_t bits = lattice_raw_f64(x), from_root = bits - 0x3fe6a09e667f3bcdull;  // sqrt(1/2)
    int power = (int)((int64_t)from_root >> 52);
    double m = lattice_f64_of_bits(bits - ((uint64_t)(int64_t)power << 52)), f = m - 1;
    lattice_pair under = lattice_fast_sum(2, f);
    double s = f / under.high;
    lattice_pair back = lattice_product(s, under.high);
    double s_low = (((f - back.high) - back.low) - s * under.low) / under.high;
    lattice_pair square = lattice_product(s, s);
    square.low += 2 * s * s_low;
    lattice_pair third = lattice_pair_times(square, lattice_pair_of(0.3333333333333333, 1.850371707708594e-17));
    double rest = square.high * square.high * lattice_polynomial(p, 9, square.high);
    lattice_pair factor = lattice_fast_sum(third.high, rest);
    factor.low += third.low;
    lattice_pair twice = lattice_fast_sum(2 * s, 2 * s_low), more = lattice_pair_times(twice, factor);
    lattice_pair log_m = lattice_pair_plus(twice, more);
    double n = power + k;
    if (n == 0) return log_m;
    return lattice_pair_plus(lattice_fast_sum(n * 0.6931471803691238, n * 1.9082149292705877e-10), log_m);
}

// log x times the factor, with the answers for what has no logarithm.
static inline double lattice_log_times(double x, lattice_pair factor) {
    if (x != x || x < 0) return LATTICE_NAN;
    if (x == 0) return -LATTICE_INFINITY;
    if (x == LATTICE_INFINITY) return x;
    lattice_pair log = lattice_pair_times(lattice_log_pair(x), factor);
    return log.high + log.low;
}

double lattice_ln(double x);
LATTICE_MATH double lattice_ln(double x) { return lattice_log_times(x, lattice_pair_of(1, 0)); }

double lattice_log2(double x);
LATTICE_MATH double lattice_log2(double x) {
    return lattice_log_times(x, lattice_pair_of(1.4426950408889634, 2.0355273740931033e-17));
}

double lattice_log10(double x);
LATTICE_MATH double lattice_log10(double x) {
    return lattice_log_times(x, lattice_pair_of(0.4342944819032518, 1.098319650216765e-17));
}

// log(1 + x): of the rounded sum, and what the rounding lost.
double lattice_log1p(double x);
LATTICE_MATH double lattice_log1p(double x) {
    if (!(x > -1) || x == LATTICE_INFINITY) return lattice_log_times(1 + x, lattice_pair_of(1, 0));
    if (lattice_abs(x) < 1e-17) return x;
    lattice_pair sum = lattice_sum(1, x), log = lattice_log_pair(sum.high);
    return log.high + (log.low + sum.low / sum.high);
}

// 2 for an even integer, 1 for an odd one, 0 for what is no integer. From 2^53 on all are even.
static inline int lattice_parity(double y) {
    double size = lattice_abs(y);
    if (size >= 9007199254740992.0) return 2;
    int64_t whole = (int64_t)size;
    return (double)whole != size ? 0 : whole & 1 ? 1 : 2;
}

// x^y for x >= 0, both finite, x not 0.
static inline double lattice_pow_size(double x, double y) {
    lattice_pair log = lattice_log_pair(x);
    double about = y * log.high;
    if (about > 711) return LATTICE_INFINITY;
    if (about < -746) return 0;
    if (lattice_abs(about) < 1e-20) return 1;
    lattice_pair z = lattice_product(y, log.high);
    return lattice_exp_pair(lattice_fast_sum(z.high, z.low + y * log.low), 0);
}

double lattice_pow(double x, double y);
LATTICE_MATH double lattice_pow(double x, double y) {
    double size = lattice_abs(x);
    int parity = lattice_parity(y);
    if (y == 0 || x == 1) return 1;
    if (x != x || y != y) return LATTICE_NAN;
    if (lattice_abs(y) == LATTICE_INFINITY)
        return size == 1 ? 1 : (size > 1) == (y > 0) ? LATTICE_INFINITY : 0;
    double value;
    if (size == 0 || size == LATTICE_INFINITY) value = (size == 0) == (y < 0) ? LATTICE_INFINITY : 0;
    else if (x < 0 && parity == 0) return LATTICE_NAN;
    else value = lattice_pow_size(size, y);
    return lattice_negative(x) && parity == 1 ? -value : value;
}

LATTICE_C_END

#endif
