// lattice_math.h - sin, pow, atan2 and the like: the same bits on every target and compiler.
//
// No two C libraries agree on sinf, and a compiler folds sinf(1.0f) with yet another one. These are
// one implementation, from + - * / sqrt and integers in a fixed order, under names that no compiler
// knows: lattice_sin, lattice_powf, and lattice_ln for log. <math.h> and <cmath> of this folder map
// the usual names to them; you need not call these.
//
// ACCURACY, for every argument, large ones included (tests compare with an arbitrary-precision library):
//   double  within 2 ulp: sin cos tan asin acos atan atan2 exp exp2 expm1 log log2 log10 log1p pow
//           hypot cbrt sinh cosh tanh
//   float   within 1 ulp: the same, computed in double and rounded once
//   exact   fmod remainder fmin fmax fdim round lround ldexp frexp modf logb nextafter
// sqrt, floor, ceil, trunc, rint and fabs are instructions, and exact by the standard.
//
// They set no errno and raise no flags. NaN in gives NaN out; which NaN is not defined.
// fmin and fmax of zeros that differ in sign return the second one.
#ifndef LATTICE_MATH_H
#define LATTICE_MATH_H

#include "lattice/math_core.h"
#include "lattice/math_trig.h"
#include "lattice/math_inverse.h"
#include "lattice/math_exp.h"
#include "lattice/math_hyperbolic.h"
#include "lattice/math_root.h"
#include "lattice/math_round.h"
#include "lattice/math_float.h"

#endif
