// lattice/math_cxx.h - math.h for C++: functions, and the overloads of <cmath>.
//
// Owns: float and double overloads, and integer arguments as doubles. Never: C linkage, for a
// function sin(double) with it is the compiler's own. (libc++'s headers bring their overloads.)
#ifndef LATTICE_MATH_CXX_H
#define LATTICE_MATH_CXX_H

#include "overloads.h"

extern "C++" {

template <class T> struct lattice_arithmetic { };
template <class T> struct lattice_integer { };
#define LATTICE_INTEGER(T) \
    template <> struct lattice_integer<T> { typedef double real; }; \
    template <> struct lattice_arithmetic<T> { typedef double real; };
LATTICE_INTEGER(bool)
LATTICE_INTEGER(char)
LATTICE_INTEGER(signed char)
LATTICE_INTEGER(unsigned char)
LATTICE_INTEGER(short)
LATTICE_INTEGER(unsigned short)
LATTICE_INTEGER(int)
LATTICE_INTEGER(unsigned)
LATTICE_INTEGER(long)
LATTICE_INTEGER(unsigned long)
LATTICE_INTEGER(long long)
LATTICE_INTEGER(unsigned long long)
#if defined(_LIBCPP_VERSION)  // whose <cmath> names sqrt of a long double, but does not call it
LATTICE_INTEGER(long double)
#endif
template <> struct lattice_arithmetic<float> { typedef double real; };
template <> struct lattice_arithmetic<double> { typedef double real; };

#define LATTICE_CXX_NAMES(name) \
    inline double name(double x) { return lattice_##name(x); } \
    inline float name##f(float x) { return lattice_##name##f(x); }
#define LATTICE_CXX_NAMES_TWO(name) \
    inline double name(double x, double y) { return lattice_##name(x, y); } \
    inline float name##f(float x, float y) { return lattice_##name##f(x, y); }

#if defined(_LIBCPP_MATH_H)
#define LATTICE_CXX_OVERLOADS(name)
#define LATTICE_CXX_OVERLOADS_TWO(name)
#else
#define LATTICE_CXX_OVERLOADS(name) \
    inline float name(float x) { return name##f(x); } \
    template <class T> inline typename lattice_integer<T>::real name(T x) { return name((double)x); }
// Two floats stay float; anything else is computed in double.
#define LATTICE_CXX_OVERLOADS_TWO(name) \
    inline float name(float x, float y) { return name##f(x, y); } \
    template <class T, class U> \
    inline typename lattice_arithmetic<typename lattice_arithmetic<T>::real>::real name(T x, U y) { \
        return name((double)x, (double)(typename lattice_arithmetic<U>::real)y); \
    }
#endif
#define LATTICE_CXX(name) LATTICE_CXX_NAMES(name) LATTICE_CXX_OVERLOADS(name)
#define LATTICE_CXX_TWO(name) LATTICE_CXX_NAMES_TWO(name) LATTICE_CXX_OVERLOADS_TWO(name)

LATTICE_CXX(sin)
LATTICE_CXX(cos)
LATTICE_CXX(tan)
LATTICE_CXX(asin)
LATTICE_CXX(acos)
LATTICE_CXX(atan)
LATTICE_CXX(exp)
LATTICE_CXX(exp2)
LATTICE_CXX(expm1)
inline double log(double x) { return lattice_ln(x); }
inline float logf(float x) { return lattice_lnf(x); }
LATTICE_CXX_OVERLOADS(log)
LATTICE_CXX(log2)
LATTICE_CXX(log10)
LATTICE_CXX(log1p)
LATTICE_CXX(sinh)
LATTICE_CXX(cosh)
LATTICE_CXX(tanh)
LATTICE_CXX(asinh)
LATTICE_CXX(acosh)
LATTICE_CXX(atanh)
LATTICE_CXX(cbrt)
LATTICE_CXX(round)
LATTICE_CXX(logb)
LATTICE_CXX_TWO(atan2)
LATTICE_CXX_TWO(pow)
LATTICE_CXX_TWO(fmod)
LATTICE_CXX_TWO(remainder)
LATTICE_CXX_TWO(hypot)
LATTICE_CXX_TWO(fmin)
LATTICE_CXX_TWO(fmax)
LATTICE_CXX_TWO(fdim)
LATTICE_CXX_TWO(nextafter)
LATTICE_CXX_OVERLOADS(sqrt)
LATTICE_CXX_OVERLOADS(floor)
LATTICE_CXX_OVERLOADS(ceil)
LATTICE_CXX_OVERLOADS(trunc)
LATTICE_CXX_OVERLOADS(rint)
LATTICE_CXX_OVERLOADS(fabs)
LATTICE_CXX_OVERLOADS(nearbyint)
LATTICE_CXX_OVERLOADS_TWO(copysign)

inline double ldexp(double x, int n) { return lattice_ldexp(x, n); }
inline float ldexpf(float x, int n) { return lattice_ldexpf(x, n); }
inline double scalbn(double x, int n) { return lattice_ldexp(x, n); }
inline float scalbnf(float x, int n) { return lattice_ldexpf(x, n); }
inline double frexp(double x, int *n) { return lattice_frexp(x, n); }
inline float frexpf(float x, int *n) { return lattice_frexpf(x, n); }
inline double modf(double x, double *whole) { return lattice_modf(x, whole); }
inline float modff(float x, float *whole) { return lattice_modff(x, whole); }
inline int ilogb(double x) { return lattice_ilogb(x); }
inline int ilogbf(float x) { return lattice_ilogbf(x); }
inline double nan(const char *tag) { return lattice_nan(tag); }
inline float nanf(const char *) { return __builtin_nanf(""); }

#define LATTICE_CXX_TO_INTEGER(name, whole) \
    inline whole name(double x) { return lattice_##name(x); } \
    inline whole name##f(float x) { return lattice_##name((double)x); }
LATTICE_CXX_TO_INTEGER(lround, long)
LATTICE_CXX_TO_INTEGER(lrint, long)
LATTICE_CXX_TO_INTEGER(llround, long long)
LATTICE_CXX_TO_INTEGER(llrint, long long)

#if !defined(_LIBCPP_MATH_H)
inline float ldexp(float x, int n) { return lattice_ldexpf(x, n); }
inline float scalbn(float x, int n) { return lattice_ldexpf(x, n); }
inline float frexp(float x, int *n) { return lattice_frexpf(x, n); }
inline float modf(float x, float *whole) { return lattice_modff(x, whole); }
inline int ilogb(float x) { return lattice_ilogbf(x); }
inline long lround(float x) { return lattice_lround((double)x); }
inline long lrint(float x) { return lattice_lrint((double)x); }
inline long long llround(float x) { return lattice_llround((double)x); }
inline long long llrint(float x) { return lattice_llrint((double)x); }

#define LATTICE_CXX_TEST(name) \
    inline bool name(float x) { return __builtin_##name(x); } \
    inline bool name(double x) { return __builtin_##name(x); } \
    template <class T> inline bool name(T x, typename lattice_integer<T>::real = 0) { return __builtin_##name((double)x); }
LATTICE_CXX_TEST(isfinite)
LATTICE_CXX_TEST(isinf)
LATTICE_CXX_TEST(isnan)
LATTICE_CXX_TEST(isnormal)
LATTICE_CXX_TEST(signbit)
inline int fpclassify(float x) { return __builtin_fpclassify(FP_NAN, FP_INFINITE, FP_NORMAL, FP_SUBNORMAL, FP_ZERO, x); }
inline int fpclassify(double x) { return __builtin_fpclassify(FP_NAN, FP_INFINITE, FP_NORMAL, FP_SUBNORMAL, FP_ZERO, x); }
inline bool isunordered(double x, double y) { return x != x || y != y; }
#endif

}

#endif
