// lattice/overloads.h - abs and div for every type, which C++ expects of stdlib.h and of math.h.
//
// Owns: the overloads. Never: a definition that C sees.
#ifndef LATTICE_OVERLOADS_H
#define LATTICE_OVERLOADS_H

#include <stdlib.h>

extern "C++" {
inline long abs(long x) { return x < 0 ? -x : x; }
inline long long abs(long long x) { return x < 0 ? -x : x; }
inline float abs(float x) { return __builtin_fabsf(x); }
inline double abs(double x) { return __builtin_fabs(x); }
inline ldiv_t div(long a, long b) { return ldiv(a, b); }
inline lldiv_t div(long long a, long long b) { return lldiv(a, b); }
}

#endif
