// probe.c - exports of its own through which tests reach the headers' functions with any argument: in
// a module under the names that they have here, in a shared object under those of the functions.
#include <lattice_managed.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) { return (void)seed, (void)tick_hz, 0; }
int32_t lattice_sim_tick(int64_t tick) { return (void)tick, 0; }

static char text[2048];
LATTICE_EXPORTED(text_at) intptr_t text_at(void) { return (intptr_t)text; }

// (#of is the usual name; without the # it is what math.h makes of it.)
#if defined(__wasm__)
#define NAMED(name) __attribute__((export_name(name)))
#else
#define NAMED(name) __attribute__((visibility("default")))
#endif
#define ONE(of) \
    NAMED(#of) double probe_##of(double x, double y) { return (void)y, of(x); } \
    NAMED(#of "f") double probe_f_##of(double x, double y) { return (void)y, (double)of##f((float)x); }
#define TWO(of) \
    NAMED(#of) double probe_##of(double x, double y) { return of(x, y); } \
    NAMED(#of "f") double probe_f_##of(double x, double y) { return (double)of##f((float)x, (float)y); }

ONE(sin) ONE(cos) ONE(tan) ONE(asin) ONE(acos) ONE(atan) ONE(exp) ONE(exp2) ONE(expm1) ONE(log) ONE(log2) ONE(log10)
ONE(log1p) ONE(sinh) ONE(cosh) ONE(tanh) ONE(cbrt) ONE(sqrt) ONE(floor) ONE(ceil) ONE(trunc) ONE(rint) ONE(round)
TWO(atan2) TWO(pow) TWO(hypot) TWO(fmod) TWO(remainder) TWO(fmin) TWO(fmax) TWO(nextafter)

// Texts: the test writes the format or the number to text_at(), and reads the answer there.
NAMED("print") int32_t print(double x) {
    char format[32];
    snprintf(format, sizeof format, "%s", text);
    return snprintf(text, sizeof text, format, x);
}
NAMED("parse") double parse(void) { return strtod(text, NULL); }
NAMED("parsef") double parsef(void) { return (double)strtof(text, NULL); }
NAMED("scan") double scan(void) {
    int a = 0;
    double b = 0;
    char word[16] = "";
    int stored = sscanf(text, "%d:%15s %lf", &a, word, &b);
    return stored == 3 && strcmp(word, "word") == 0 ? a + b : -stored;
}

// Memory: blocks of random sizes come and go, each filled with its number; -1 if one was overwritten.
enum { BLOCKS = 256 };
static unsigned char *blocks[BLOCKS];
static uint32_t sizes[BLOCKS];

static bool intact(uint32_t i) {
    for (uint32_t at = 0; at < sizes[i]; ++at)
        if (blocks[i][at] != (unsigned char)i) return false;
    return true;
}

static bool replace(lattice_rng *rng, uint32_t i) {
    if (!intact(i)) return false;
    uint32_t kept = sizes[i], size = lattice_rng_below(rng, lattice_rng_below(rng, 8) == 0 ? 40000 : 300);
    uint32_t way = lattice_rng_below(rng, 4);
    if (way == 0) {
        blocks[i] = (unsigned char *)realloc(blocks[i], size);
        if (size < kept) kept = size;
        for (uint32_t at = 0; at < kept; ++at)
            if (blocks[i][at] != (unsigned char)i) return false;
    } else {
        free(blocks[i]);
        uint32_t alignment = 32u << lattice_rng_below(rng, 5);
        blocks[i] = (unsigned char *)(way == 1 ? aligned_alloc(alignment, size) : way == 2 ? calloc(size, 1) : malloc(size));
        if (way == 1 && ((uintptr_t)blocks[i] & (alignment - 1)) != 0) return false;
        for (uint32_t at = 0; way == 2 && at < size; ++at)
            if (blocks[i][at] != 0) return false;
    }
    if (((uintptr_t)blocks[i] & 15) != 0) return false;
    memset(blocks[i], (int)i, size);
    sizes[i] = size;
    return true;
}

NAMED("churn") int32_t churn(int64_t seed, int32_t rounds) {
    lattice_rng rng = lattice_rng_seeded(seed);
    for (int32_t round = 0; round < rounds; ++round)
        if (!replace(&rng, lattice_rng_below(&rng, BLOCKS))) return -1;
    for (uint32_t i = 0; i < BLOCKS; ++i) {
        if (!intact(i)) return -1;
        free(blocks[i]);
        blocks[i] = NULL;
        sizes[i] = 0;
    }
    return 0;
}
NAMED("allocate") int32_t allocate(int32_t size) {
    void *volatile kept = malloc((size_t)(uint32_t)size);  // volatile: else the compiler leaves malloc out
    return kept != NULL;
}
NAMED("release_twice") int32_t release_twice(void) {
    void *volatile memory = malloc(10);
    free(memory);
    free(memory);
    return 0;
}

// 128-bit arithmetic: (a * b) / c and the rest, mixed into 64 bits.
NAMED("wide") int64_t wide(int64_t a, int64_t b, int64_t c) {
    __int128 product = (__int128)a * b;
    __int128 quotient = product / c, rest = product % c;
    unsigned __int128 shifted = (unsigned __int128)product >> (c & 127);
    return (int64_t)(quotient ^ (quotient >> 64) ^ rest ^ (__int128)shifted ^ (__int128)(shifted >> 64));
}

// The casts that C leaves open.
NAMED("to_i32") int32_t to_i32(double x) { return lattice_i32_from_f64(x); }
NAMED("to_u32") int32_t to_u32(double x) { return (int32_t)lattice_u32_from_f64(x); }
NAMED("to_i64") int64_t to_i64(double x) { return lattice_i64_from_f64(x); }
NAMED("to_u64") int64_t to_u64(double x) { return (int64_t)lattice_u64_from_f64(x); }

NAMED("random_below") int32_t random_below(int64_t seed, int32_t draws, int32_t below) {
    lattice_rng rng = lattice_rng_seeded(seed);
    int32_t last = 0;
    for (int32_t i = 0; i < draws; ++i) last = (int32_t)lattice_rng_below(&rng, (uint32_t)below);
    return last;
}
