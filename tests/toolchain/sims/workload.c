// workload.c - what games do in a tick, mixed; its hash must be equal on every target.
//
// Compiled as C and as C++. Particles with trigonometry, a table of words, sorting with ties, texts
// of floats and back, memory of changing sizes.
#include <lattice_managed.h>
#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Particle { float x, y, heading, speed; double energy; int32_t team; } Particle;
typedef struct Entry { int32_t key, order; } Entry;

enum { PARTICLES = 64, ENTRIES = 200 };
static Particle particles[PARTICLES];
static lattice_rng rng;
static uint64_t hash = LATTICE_HASH_SEED;
static char *texts[16];

LATTICE_EXPORT int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) {
    (void)tick_hz;
    rng = lattice_rng_seeded(seed);
    srand((unsigned)seed);
    for (int i = 0; i < PARTICLES; ++i) {
        Particle *p = &particles[i];
        p->x = lattice_rng_f32(&rng) * 100;
        p->y = lattice_rng_f32(&rng) * 100;
        p->heading = (float)i;
        p->speed = 1.0f;
        p->team = rand() % 4;
    }
    return 0;
}

static void fly(Particle *p, int64_t tick) {
    p->heading += 0.1f * sinf(p->x * 0.05f) + (float)fmod((double)tick * 0.37, 1.0) - 0.5f;
    p->x += p->speed * cosf(p->heading);
    p->y += p->speed * sinf(p->heading);
    p->speed = 0.5f + fabsf(tanhf(p->y * 0.01f)) + 0.1f * powf(1.5f, cosf((float)tick));
    p->energy = p->energy * 0.99 + hypot((double)p->x, (double)p->y) * exp(-p->energy * 0.01) + log1p(fabs((double)p->x));
    float toward = atan2f(50 - p->y, 50 - p->x);
    if (fabsf(p->x) > 200 || fabsf(p->y) > 200) p->heading = toward;
    hash = lattice_hash_f32(lattice_hash_f32(hash, p->x), p->y);
    hash = lattice_hash_f64(lattice_hash_f32(hash, p->heading), p->energy);
    hash = lattice_hash_i32(hash, lattice_i32_from_f64(p->energy * 1e9));
}

static int by_key(const void *a, const void *b) { return ((const Entry *)a)->key - ((const Entry *)b)->key; }

static void sort_with_ties(void) {
    Entry entries[ENTRIES];
    for (int i = 0; i < ENTRIES; ++i) {
        Entry e = {(int32_t)lattice_rng_below(&rng, 10), i};
        entries[i] = e;
    }
    qsort(entries, ENTRIES, sizeof(Entry), by_key);
    for (int i = 0; i < ENTRIES; ++i) hash = lattice_hash_i32(hash, entries[i].order);
    Entry wanted = {5, 0}, *found = (Entry *)bsearch(&wanted, entries, ENTRIES, sizeof(Entry), by_key);
    hash = lattice_hash_i32(hash, found ? (int32_t)(found - entries) : -1);
}

static void write_and_read(int64_t tick) {
    char line[200];
    int power = (int)lattice_rng_between(&rng, -300, 300);
    double x = ldexp(lattice_rng_f64(&rng) - 0.5, power);
    int len = snprintf(line, sizeof line, "%" PRId64 " %.17g %8.3f %e %-6d|%x", tick, x, (double)particles[0].x, x, rand(), 255);
    hash = lattice_hash_bytes(hash, line, (uint32_t)len);
    char *end, *number = strchr(line, ' ') + 1;
    double again = strtod(number, &end);
    hash = lattice_hash_f64(hash, again == x ? again : -1.0);
    for (char *c = line; *c; ++c) *c = (char)toupper((unsigned char)*c);
    char **slot = &texts[tick & 15];
    free(*slot);
    *slot = (char *)malloc((size_t)len + 1 + (size_t)(rand() % 500));
    strcpy(*slot, line);
    hash = lattice_hash_i32(hash, (int32_t)strlen(texts[(tick * 7) & 15] ? texts[(tick * 7) & 15] : ""));
}

LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {
    for (int i = 0; i < PARTICLES; ++i) fly(&particles[i], tick);
    sort_with_ties();
    write_and_read(tick);
    return LATTICE_CONTINUE;
}

LATTICE_EXPORT int64_t lattice_sim_hash(void) { return (int64_t)hash; }
