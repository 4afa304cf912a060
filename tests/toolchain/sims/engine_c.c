// engine_c.c - the dialect of C physics engines: C17, static asserts, atomics, aligned memory,
// designated initialisers, asserts that format, a dump into a file that cannot be opened.
#include <assert.h>
#include <errno.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <lattice_managed.h>

typedef struct Vec2 { float x, y; } Vec2;
typedef struct Body { alignas(16) Vec2 position; Vec2 velocity; float invMass, angle; uint16_t revision; bool awake; } Body;
_Static_assert(sizeof(Body) % 16 == 0, "bodies are copied in blocks");

typedef struct World { Body *bodies; int count, capacity; atomic_int awake; float (*root)(float); } World;
static World world;

static void *grow(void *items, size_t used, size_t wanted) {
    void *bigger = aligned_alloc(64, (wanted + 63) & ~(size_t)63);
    assert(((uintptr_t)bigger & 63) == 0);
    if (items != NULL) memcpy(bigger, items, used);
    free(items);
    return bigger;
}

static int by_angle(const void *a, const void *b) {
    float x = ((const Body *)a)->angle, y = ((const Body *)b)->angle;
    return (x > y) - (x < y);
}

static void report(const char *format, ...) {
    char line[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    puts(line);
}

static void dump(void) {
    FILE *file = fopen("world.txt", "w");
    if (file == NULL) {
        report("no file: errno %d", errno == ENOENT);
        return;
    }
    fprintf(file, "%d\n", world.count);
    fclose(file);
}

int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) {
    (void)seed, (void)tick_hz;
    world = (World){.capacity = 4, .root = sqrtf};
    world.bodies = grow(NULL, 0, 4 * sizeof(Body));
    for (int i = 0; i < 40; ++i) {
        if (world.count == world.capacity) {
            world.bodies = grow(world.bodies, (size_t)world.count * sizeof(Body), 2 * (size_t)world.capacity * sizeof(Body));
            world.capacity *= 2;
        }
        world.bodies[world.count++] = (Body){.position = {(float)i, 10.0f}, .invMass = 1.0f / (1 + i % 3), .awake = true};
        atomic_fetch_add(&world.awake, 1);
    }
    dump();
    return atomic_load(&world.awake) == 40 ? 0 : -1000;
}

int32_t lattice_sim_tick(int64_t tick) {
    for (int i = 0; i < world.count; ++i) {
        Body *b = world.bodies + i;
        b->velocity.y = fmaxf(b->velocity.y - 9.81f / 60.0f, -50.0f);
        b->position.y += b->velocity.y / 60.0f;
        if (b->position.y < 0.0f) b->velocity.y = -0.7f * b->velocity.y * cosf(0.01f * (float)tick), b->position.y = FLT_EPSILON;
        b->angle = remainderf(b->angle + 0.1f * world.root(b->invMass) + (float)i * 0.01f, 2.0f * (float)M_PI);
        assert(isfinite(b->angle) && b->revision < USHRT_MAX);
    }
    qsort(world.bodies, (size_t)world.count, sizeof(Body), by_angle);
    return 0;
}

int64_t lattice_sim_hash(void) {
    uint64_t h = LATTICE_HASH_SEED;
    for (int i = 0; i < world.count; ++i)
        h = lattice_hash_f32(lattice_hash_f32(h, world.bodies[i].position.y), world.bodies[i].angle);
    return (int64_t)h;
}
