// lattice/math_trig.h - sin, cos, tan.
//
// Owns: the reduction of any double by pi/2 without a loss of accuracy, and the kernels on [-pi/4, pi/4].
// Never: degrees. Coefficients: tests/toolchain/derive/coefficients.py.
#ifndef LATTICE_MATH_TRIG_H
#define LATTICE_MATH_TRIG_H

#include "int64.h"
#include "math_core.h"

LATTICE_C_BEGIN

// x = quadrant * pi/2 + rest; quadrant modulo 4, |rest| <= pi/4 and a little.
typedef struct lattice_reduced { int quadrant; lattice_pair rest; } lattice_reduced;

// 64 bits of 2/pi from bit `first` after the point on; zeros before the point.
static inline uint64_t lattice_two_over_pi(int first) {
    static const uint64_t words[] = {
        0x0000000000000000, 0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561,
        0xb7246e3a424dd2e0, 0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484, 0xe99c7026b45f7e41,
        0x3991d639835339f4, 0x9c845f8bbdf9283b, 0x1ff897ffde05980f, 0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7,
        0x4f463f669e5fea2d, 0x7527bac7ebe5f17b, 0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab,
        0xf0cfbc209af4361d,
    };
    int at = first + 64, word = at >> 6, shift = at & 63;
    return shift == 0 ? words[word] : words[word] << shift | words[word + 1] >> (64 - shift);
}

// For |x| >= 2^20, by Payne and Hanek (1983): of x * 2/pi only the bits below 4 matter, so x's 53
// bits are multiplied with the 192 bits of 2/pi that reach there. The closest that a double comes to
// a multiple of pi/2 is about 2^-61, which leaves more than 70 right bits.
static inline lattice_reduced lattice_reduce_large(double x) {
    uint64_t bits = lattice_raw_f64(x), m = (bits & 0xfffffffffffffull) | 1ull << 52;
    int first = (int)(bits >> 52 & 0x7ff) - 1075 - 2;
    lattice_wide low = lattice_mul64(m, lattice_two_over_pi(first + 128));
    lattice_wide mid = lattice_mul64(m, lattice_two_over_pi(first + 64));
    uint64_t word1 = mid.low + low.high;
    uint64_t word0 = m * lattice_two_over_pi(first) + mid.high + (word1 < mid.low);
    int quadrant = (int)(word0 >> 62);
    uint64_t high = word0 << 2 | word1 >> 62, rest = word1 << 2 | low.low >> 62;
    bool below = high >> 63 != 0;  // a half or more: the next quadrant, and a negative rest
    if (below) {
        ++quadrant;
        rest = ~rest + 1;
        high = ~high + (rest == 0);
    }
    int zeros = high == 0 ? 64 : __builtin_clzll(high);
    if (zeros == 64) high = rest, rest = 0;
    else if (zeros > 0) high = high << zeros | rest >> (64 - zeros), rest <<= zeros;
    double scale = lattice_power_of_2(-zeros);
    lattice_pair fraction = {(double)(int64_t)(high >> 11) * 1.1102230246251565e-16 * scale,  // 2^-53
                             (double)(int64_t)((high & 0x7ff) << 42 | rest >> 22) * 1.232595164407831e-32 * scale};
    lattice_pair y = lattice_pair_times(fraction, lattice_pair_of(LATTICE_PI_HIGH / 2, LATTICE_PI_LOW / 2));
    bool negate = below != lattice_negative(x);
    lattice_reduced r = {lattice_negative(x) ? -quadrant & 3 : quadrant & 3,
                         {negate ? -y.high : y.high, negate ? -y.low : y.low}};
    return r;
}

// For |x| < 2^20, by Cody and Waite: pi/2 in pieces of 33 bits, whose products with a quadrant
// number of 20 bits are exact.
static inline lattice_reduced lattice_reduce_small(double x) {
    double n = lattice_nearest(x * 0.6366197723675814);
    lattice_pair y = lattice_sum(x - n * 1.5707963267341256, -(n * 6.077100506303966e-11));
    y = lattice_pair_plus(y, lattice_pair_of(-(n * 2.0222662487111665e-21), -(n * 8.4784276603689e-32)));
    lattice_reduced r = {(int)n & 3, y};
    return r;
}

static inline lattice_reduced lattice_reduce(double x) {
    double size = lattice_abs(x);
    lattice_reduced none = {0, {x, 0}};
    if (size <= 0.7853981633974483) return none;
    return size < 1048576.0 ? lattice_reduce_small(x) : lattice_reduce_large(x);
}

// sin and cos of y, |y| <= pi/4, as pairs: the low part is what is left of the sum's rounding.
static inline lattice_pair lattice_sin_pair(lattice_pair y) {
    static const double s[] = {-0.16666666666666666, 0.008333333333333331, -0.00019841269841265065,
                               2.7557319219339167e-06, -2.5052106232447578e-08, 1.6058531618986147e-10,
                               -7.586697117706918e-13};
    double z = y.high * y.high;
    return lattice_fast_sum(y.high, y.high * z * lattice_polynomial(s, 7, z) + y.low * (1 - 0.5 * z));
}
static inline lattice_pair lattice_cos_pair(lattice_pair y) {
    static const double c[] = {0.041666666666666664, -0.0013888888888888887, 2.4801587301584645e-05,
                               -2.7557319221402824e-07, 2.087675579108042e-09, -1.1470460887609959e-11,
                               4.7458719020432915e-14};
    double z = y.high * y.high, one = 1 - 0.5 * z, left = (1 - one) - 0.5 * z;
    return lattice_fast_sum(one, left + (z * z * lattice_polynomial(c, 7, z) - y.high * y.low));
}

// The function of the angle `quadrant` quarter turns beyond y's; sine is 0, cosine 1 quarter ahead.
static inline double lattice_sine_of(lattice_reduced r) {
    lattice_pair p = r.quadrant & 1 ? lattice_cos_pair(r.rest) : lattice_sin_pair(r.rest);
    double value = p.high + p.low;
    return r.quadrant & 2 ? -value : value;
}

double lattice_sin(double x);
LATTICE_MATH double lattice_sin(double x) {
    if (x - x != 0) return LATTICE_NAN;
    if (lattice_abs(x) < 1e-8) return x;  // -0 and subnormals too
    return lattice_sine_of(lattice_reduce(x));
}

double lattice_cos(double x);
LATTICE_MATH double lattice_cos(double x) {
    if (x - x != 0) return LATTICE_NAN;
    lattice_reduced r = lattice_reduce(x);
    ++r.quadrant;
    return lattice_sine_of(r);
}

double lattice_tan(double x);
LATTICE_MATH double lattice_tan(double x) {
    if (x - x != 0) return LATTICE_NAN;
    if (lattice_abs(x) < 1e-8) return x;
    lattice_reduced r = lattice_reduce(x);
    lattice_pair s = lattice_sin_pair(r.rest), c = lattice_cos_pair(r.rest);
    lattice_pair over = r.quadrant & 1 ? c : s, under = r.quadrant & 1 ? s : c;
    double q = over.high / under.high;
    lattice_pair back = lattice_product(q, under.high);
    q += (((over.high - back.high) - back.low) + over.low - q * under.low) / under.high;
    return r.quadrant & 1 ? -q : q;
}

LATTICE_C_END

#endif
