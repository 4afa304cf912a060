// math.h - the C library's mathematics, on every target by lattice_math.h.
//
// Owns: the mapping of the usual names. In C they are macros, in C++ functions with the overloads
// that <cmath> promises: in neither does a compiler see a function that it knows and folds.
// Never: errno, floating-point flags, long double; erf, gamma and Bessel functions; fma.
#ifndef LATTICE_MATH_USUAL_H
#define LATTICE_MATH_USUAL_H

#include "lattice_math.h"

typedef float float_t;
typedef double double_t;

#define M_E 2.7182818284590452354
#define M_LOG2E 1.4426950408889634074
#define M_LOG10E 0.43429448190325182765
#define M_LN2 0.69314718055994530942
#define M_LN10 2.30258509299404568402
#define M_PI 3.14159265358979323846
#define M_PI_2 1.57079632679489661923
#define M_PI_4 0.78539816339744830962
#define M_1_PI 0.31830988618379067154
#define M_2_PI 0.63661977236758134308
#define M_2_SQRTPI 1.12837916709551257390
#define M_SQRT2 1.41421356237309504880
#define M_SQRT1_2 0.70710678118654752440

#define HUGE_VAL __builtin_huge_val()
#define HUGE_VALF __builtin_huge_valf()
#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define FP_NAN 0
#define FP_INFINITE 1
#define FP_ZERO 2
#define FP_SUBNORMAL 3
#define FP_NORMAL 4
#define FP_ILOGB0 (-2147483647 - 1)
#define FP_ILOGBNAN (-2147483647 - 1)
#define MATH_ERRNO 1
#define MATH_ERREXCEPT 2
#define math_errhandling 0

LATTICE_C_BEGIN

// Instructions, or exact by the standard: the compiler may know these.
double fabs(double x) __attribute__((const));
float fabsf(float x) __attribute__((const));
double copysign(double size, double sign) __attribute__((const));
float copysignf(float size, float sign) __attribute__((const));
double nearbyint(double x) __attribute__((const));
float nearbyintf(float x) __attribute__((const));

#if defined(LATTICE_BARE) && !defined(LATTICE_NO_LIBC)
// For those who take their address. What each calls is the instruction, no recursion.
#define LATTICE_INSTRUCTION(name) \
    LATTICE_WEAK double name(double x) { return __builtin_##name(x); } \
    LATTICE_WEAK float name##f(float x) { return __builtin_##name##f(x); }
LATTICE_INSTRUCTION(sqrt)
LATTICE_INSTRUCTION(floor)
LATTICE_INSTRUCTION(ceil)
LATTICE_INSTRUCTION(trunc)
LATTICE_INSTRUCTION(rint)
LATTICE_INSTRUCTION(nearbyint)
LATTICE_INSTRUCTION(fabs)
LATTICE_WEAK double copysign(double size, double sign) { return __builtin_copysign(size, sign); }
LATTICE_WEAK float copysignf(float size, float sign) { return __builtin_copysignf(size, sign); }
#endif

// To integers: the nearest, halves away from zero (lround) or to even (lrint); the bound when it
// does not fit, 0 for NaN.
static inline long lattice_long(double x) {
    return sizeof(long) == 8 ? (long)lattice_i64_from_f64(x) : (long)lattice_i32_from_f64(x);
}
static inline long lattice_lround(double x) { return lattice_long(lattice_round(x)); }
static inline long lattice_lrint(double x) { return lattice_long(rint(x)); }
static inline long long lattice_llround(double x) { return lattice_i64_from_f64(lattice_round(x)); }
static inline long long lattice_llrint(double x) { return lattice_i64_from_f64(rint(x)); }
static inline double lattice_nan(const char *tag) { (void)tag; return LATTICE_NAN; }

LATTICE_C_END

#if defined(__cplusplus)
#include "lattice/math_cxx.h"
#else

#define sin lattice_sin
#define sinf lattice_sinf
#define cos lattice_cos
#define cosf lattice_cosf
#define tan lattice_tan
#define tanf lattice_tanf
#define asin lattice_asin
#define asinf lattice_asinf
#define acos lattice_acos
#define acosf lattice_acosf
#define atan lattice_atan
#define atanf lattice_atanf
#define exp lattice_exp
#define expf lattice_expf
#define exp2 lattice_exp2
#define exp2f lattice_exp2f
#define expm1 lattice_expm1
#define expm1f lattice_expm1f
#define log lattice_ln
#define logf lattice_lnf
#define log2 lattice_log2
#define log2f lattice_log2f
#define log10 lattice_log10
#define log10f lattice_log10f
#define log1p lattice_log1p
#define log1pf lattice_log1pf
#define sinh lattice_sinh
#define sinhf lattice_sinhf
#define cosh lattice_cosh
#define coshf lattice_coshf
#define tanh lattice_tanh
#define tanhf lattice_tanhf
#define asinh lattice_asinh
#define asinhf lattice_asinhf
#define acosh lattice_acosh
#define acoshf lattice_acoshf
#define atanh lattice_atanh
#define atanhf lattice_atanhf
#define cbrt lattice_cbrt
#define cbrtf lattice_cbrtf
#define round lattice_round
#define roundf lattice_roundf
#define logb lattice_logb
#define logbf lattice_logbf
#define atan2 lattice_atan2
#define atan2f lattice_atan2f
#define pow lattice_pow
#define powf lattice_powf
#define fmod lattice_fmod
#define fmodf lattice_fmodf
#define remainder lattice_remainder
#define remainderf lattice_remainderf
#define hypot lattice_hypot
#define hypotf lattice_hypotf
#define fmin lattice_fmin
#define fminf lattice_fminf
#define fmax lattice_fmax
#define fmaxf lattice_fmaxf
#define fdim lattice_fdim
#define fdimf lattice_fdimf
#define nextafter lattice_nextafter
#define nextafterf lattice_nextafterf
#define ldexp lattice_ldexp
#define ldexpf lattice_ldexpf
#define frexp lattice_frexp
#define frexpf lattice_frexpf
#define modf lattice_modf
#define modff lattice_modff
#define ilogb lattice_ilogb
#define ilogbf lattice_ilogbf
#define scalbn lattice_ldexp
#define scalbnf lattice_ldexpf
#define scalbln(x, n) lattice_ldexp((x), (int)(n))
#define lround lattice_lround
#define lroundf(x) lattice_lround((double)(x))
#define lrint lattice_lrint
#define lrintf(x) lattice_lrint((double)(x))
#define llround lattice_llround
#define llroundf(x) lattice_llround((double)(x))
#define llrint lattice_llrint
#define llrintf(x) lattice_llrint((double)(x))
#define nan lattice_nan
#define nanf(tag) ((float)lattice_nan(tag))

#endif

#if !defined(__cplusplus) || defined(_LIBCPP_MATH_H)
#define fpclassify(x) __builtin_fpclassify(FP_NAN, FP_INFINITE, FP_NORMAL, FP_SUBNORMAL, FP_ZERO, x)
#define isfinite(x) __builtin_isfinite(x)
#define isinf(x) __builtin_isinf(x)
#define isnan(x) __builtin_isnan(x)
#define isnormal(x) __builtin_isnormal(x)
#define signbit(x) __builtin_signbit(x)
#define isgreater(x, y) __builtin_isgreater(x, y)
#define isgreaterequal(x, y) __builtin_isgreaterequal(x, y)
#define isless(x, y) __builtin_isless(x, y)
#define islessequal(x, y) __builtin_islessequal(x, y)
#define islessgreater(x, y) __builtin_islessgreater(x, y)
#define isunordered(x, y) __builtin_isunordered(x, y)
#endif

#endif
