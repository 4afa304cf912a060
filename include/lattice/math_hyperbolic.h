// lattice/math_hyperbolic.h - sinh, cosh, tanh and their inverses.
//
// Owns: polynomials near 0, where the exponentials would cancel. Never: tables.
// Coefficients: tests/toolchain/derive/coefficients.py.
#ifndef LATTICE_MATH_HYPERBOLIC_H
#define LATTICE_MATH_HYPERBOLIC_H

#include "math_exp.h"

LATTICE_C_BEGIN

// e^size / 2, which is finite where e^size is not any more.
static inline double lattice_half_exp(double size) { return lattice_exp_pair(lattice_pair_of(size, 0), -1); }

double lattice_sinh(double x);
LATTICE_MATH double lattice_sinh(double x) {
    static const double p[] = {0.16666666666666666, 0.008333333333333333, 0.00019841269841269773,
                               2.755731922404034e-06, 2.505210836405804e-08, 1.6059048396350562e-10,
                               7.646625361656656e-13, 2.8445264169895616e-15};
    double size = lattice_abs(x), z = x * x;
    if (x != x) return LATTICE_NAN;
    if (size < 1) return x + x * (z * lattice_polynomial(p, 8, z));
    double half = lattice_half_exp(size);
    return lattice_with_sign(half - 0.25 / half, x);
}

double lattice_cosh(double x);
LATTICE_MATH double lattice_cosh(double x) {
    if (x != x) return LATTICE_NAN;
    double half = lattice_half_exp(lattice_abs(x));
    return half + 0.25 / half;
}

double lattice_tanh(double x);
LATTICE_MATH double lattice_tanh(double x) {
    static const double p[] = {-0.3333333333333333, 0.13333333333332714, -0.05396825396743174, 0.021869488493563037,
                               -0.008863234395418095, 0.003592110347096176, -0.0014556615775702321,
                               0.0005889348072446843, -0.0002346310452829557, 8.510707927347019e-05,
                               -2.0598556673230578e-05};
    double size = lattice_abs(x), z = x * x;
    if (x != x) return LATTICE_NAN;
    if (size < 0.55) return x + x * (z * lattice_polynomial(p, 11, z));
    return lattice_with_sign(size > 22 ? 1 : 1 - 2 / (lattice_exp(2 * size) + 1), x);
}

// The inverses are within 4 ulp.
double lattice_asinh(double x);
LATTICE_MATH double lattice_asinh(double x) {
    double size = lattice_abs(x);
    if (x - x != 0 || size < 1e-8) return x;
    double root = sqrt(size * size + 1);
    double value = size > 1e8 ? lattice_ln(size) + LATTICE_LN2_HIGH : lattice_log1p(size + size * size / (1 + root));
    return lattice_with_sign(value, x);
}

double lattice_acosh(double x);
LATTICE_MATH double lattice_acosh(double x) {
    if (!(x >= 1)) return LATTICE_NAN;
    if (x > 1e8) return lattice_ln(x) + LATTICE_LN2_HIGH;
    double above = x - 1;
    return lattice_log1p(above + sqrt(above * (x + 1)));
}

double lattice_atanh(double x);
LATTICE_MATH double lattice_atanh(double x) {
    double size = lattice_abs(x);
    if (size < 1e-8) return x;
    return lattice_with_sign(0.5 * lattice_log1p(2 * size / (1 - size)), x);
}

LATTICE_C_END

#endif
