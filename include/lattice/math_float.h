// lattice/math_float.h - the functions of floats: computed in double, rounded once.
//
// Owns: sinf, cosf and tanf with shorter kernels, for games call them most; the rest are the doubles'.
// Never: float arithmetic. Coefficients: tests/toolchain/derive/coefficients.py.
#ifndef LATTICE_MATH_FLOAT_H
#define LATTICE_MATH_FLOAT_H

#include "math_exp.h"
#include "math_hyperbolic.h"
#include "math_inverse.h"
#include "math_root.h"
#include "math_round.h"
#include "math_trig.h"

LATTICE_C_BEGIN

// x = quadrant * pi/2 + *rest, the rest good for a float.
static inline int lattice_reducef(float x, double *rest) {
    double size = lattice_abs((double)x);
    if (size >= 1048576.0) {
        lattice_reduced r = lattice_reduce_large((double)x);
        *rest = r.rest.high;
        return r.quadrant;
    }
    double n = size <= 0.7853981633974483 ? 0 : lattice_nearest((double)x * 0.6366197723675814);
    *rest = ((double)x - n * 1.5707963267341256) - n * 6.077100506506192e-11;
    return (int)n & 3;
}

static inline double lattice_sinef(double y) {
    static const double s[] = {-0.1666666666385529, 0.008333331874710208, -0.00019840086735384846, 2.724992580305979e-06};
    double z = y * y;
    return y + y * z * lattice_polynomial(s, 4, z);
}
static inline double lattice_cosinef(double y) {
    static const double c[] = {0.0416666666643212, -0.001388888767201679, 2.480060037715673e-05, -2.730095920390147e-07};
    double z = y * y;
    return 1 - 0.5 * z + z * z * lattice_polynomial(c, 4, z);
}

static inline float lattice_sine_off(float x, int quarters) {
    double rest;
    if (x - x != 0) return __builtin_nanf("");
    int quadrant = lattice_reducef(x, &rest) + quarters;
    double value = quadrant & 1 ? lattice_cosinef(rest) : lattice_sinef(rest);
    return (float)(quadrant & 2 ? -value : value);
}

float lattice_sinf(float x);
LATTICE_MATH float lattice_sinf(float x) { return x == 0 ? x : lattice_sine_off(x, 0); }

float lattice_cosf(float x);
LATTICE_MATH float lattice_cosf(float x) { return lattice_sine_off(x, 1); }

float lattice_tanf(float x);
LATTICE_MATH float lattice_tanf(float x) {
    double rest;
    if (x - x != 0) return __builtin_nanf("");
    if (x == 0) return x;
    int quadrant = lattice_reducef(x, &rest);
    double s = lattice_sinef(rest), c = lattice_cosinef(rest);
    return (float)(quadrant & 1 ? -c / s : s / c);
}

#define LATTICE_FLOAT_OF(name) \
    static inline float lattice_##name##f(float x) { return (float)lattice_##name((double)x); }
#define LATTICE_FLOAT_OF_TWO(name) \
    static inline float lattice_##name##f(float x, float y) { return (float)lattice_##name((double)x, (double)y); }

LATTICE_FLOAT_OF(asin)
LATTICE_FLOAT_OF(acos)
LATTICE_FLOAT_OF(atan)
LATTICE_FLOAT_OF(exp)
LATTICE_FLOAT_OF(exp2)
LATTICE_FLOAT_OF(expm1)
LATTICE_FLOAT_OF(ln)
LATTICE_FLOAT_OF(log2)
LATTICE_FLOAT_OF(log10)
LATTICE_FLOAT_OF(log1p)
LATTICE_FLOAT_OF(sinh)
LATTICE_FLOAT_OF(cosh)
LATTICE_FLOAT_OF(tanh)
LATTICE_FLOAT_OF(asinh)
LATTICE_FLOAT_OF(acosh)
LATTICE_FLOAT_OF(atanh)
LATTICE_FLOAT_OF(cbrt)
LATTICE_FLOAT_OF(round)
LATTICE_FLOAT_OF(logb)
LATTICE_FLOAT_OF_TWO(atan2)
LATTICE_FLOAT_OF_TWO(pow)
LATTICE_FLOAT_OF_TWO(fmod)
LATTICE_FLOAT_OF_TWO(remainder)
LATTICE_FLOAT_OF_TWO(fdim)

// The squares of floats are exact doubles.
static inline float lattice_hypotf(float x, float y) {
    double a = x, b = y;
    if (a - a != 0 || b - b != 0) return (float)lattice_hypot(a, b);
    return (float)sqrt(a * a + b * b);
}
static inline float lattice_fminf(float a, float b) { return a < b || b != b ? a : b; }
static inline float lattice_fmaxf(float a, float b) { return a > b || b != b ? a : b; }
static inline float lattice_ldexpf(float x, int n) {
    return (float)lattice_scale((double)x, n < -1000 ? -1000 : n > 1000 ? 1000 : n);
}
static inline float lattice_frexpf(float x, int *n) { return (float)lattice_frexp((double)x, n); }
static inline int lattice_ilogbf(float x) { return lattice_ilogb((double)x); }
static inline float lattice_modff(float x, float *whole) {
    double whole_double, rest = lattice_modf((double)x, &whole_double);
    *whole = (float)whole_double;
    return (float)rest;
}

LATTICE_C_END

#endif
