// folding.c - each function of a constant, which a compiler may fold, and of a variable.
//
// Compiled as C and C++ by clang for wasm and by clang and gcc natively. The tick fails where the
// two differ within one program; the hash shows where programs differ.
#include <lattice_managed.h>
#include <math.h>

static uint64_t hash = LATTICE_HASH_SEED;
static int32_t differing;

static void same(double folded, double computed) {
    differing += lattice_bits_f64(folded) != lattice_bits_f64(computed);
    hash = lattice_hash_f64(lattice_hash_f64(hash, folded), computed);
}

#define ONE(of, x) { volatile double v = x; volatile float w = x##f; same(of(x), of(v)); same(of##f(x##f), of##f(w)); }
#define TWO(of, x, y) { volatile double v = x, w = y; volatile float a = x##f, b = y##f; \
                        same(of(x, y), of(v, w)); same(of##f(x##f, y##f), of##f(a, b)); }
#define ALL(x) ONE(sin, x) ONE(cos, x) ONE(tan, x) ONE(atan, x) ONE(exp, x) ONE(exp2, x) ONE(expm1, x) ONE(cbrt, x) \
               ONE(sinh, x) ONE(cosh, x) ONE(tanh, x) ONE(asinh, x) ONE(fabs, x) ONE(floor, x) ONE(ceil, x) \
               ONE(trunc, x) ONE(rint, x) ONE(nearbyint, x) ONE(round, x) ONE(logb, x)
#define ABOVE_0(x) ONE(log, x) ONE(log2, x) ONE(log10, x) ONE(log1p, x) ONE(sqrt, x)
#define WITHIN_1(x) ONE(asin, x) ONE(acos, x) ONE(atanh, x)
#define PAIR(x, y) TWO(atan2, x, y) TWO(pow, x, y) TWO(fmod, x, y) TWO(hypot, x, y) TWO(fmin, x, y) TWO(fmax, x, y) \
                   TWO(fdim, x, y) TWO(remainder, x, y) TWO(copysign, x, y) TWO(nextafter, x, y)

LATTICE_EXPORT int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) { return (void)seed, (void)tick_hz, 0; }

LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {
    (void)tick;
    ALL(0.0) ALL(1.0) ALL(-1.0) ALL(0.5) ALL(2.5) ALL(-3.7) ALL(1e-5) ALL(12.3456789) ALL(100.25) ALL(-0.7853981)
    ABOVE_0(0.001) ABOVE_0(0.7) ABOVE_0(1.0) ABOVE_0(2.0) ABOVE_0(10.0) ABOVE_0(1234.5678)
    WITHIN_1(0.0) WITHIN_1(0.3) WITHIN_1(-0.49) WITHIN_1(0.51) WITHIN_1(-0.999)
    PAIR(1.0, 2.0) PAIR(2.0, 0.5) PAIR(3.3, -1.7) PAIR(0.1, 0.7) PAIR(10.0, 10.5) PAIR(1.5, 3.0)
    return differing == 0 ? LATTICE_CONTINUE : -differing;
}

LATTICE_EXPORT int64_t lattice_sim_hash(void) { return (int64_t)hash; }
