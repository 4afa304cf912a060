// recursion.c - calls itself without end, with work left to do after each call.
//
// Must get: admitted; a STACK fault in tick 0, never a crash of the host.
#include <lattice_managed.h>

static volatile int64_t bottom = -1; // is never reached, but the compiler cannot know

// The product after the call keeps the compiler from making it a loop.
static int64_t deeper(int64_t depth) {
    return depth == bottom ? 0 : deeper(depth + 1) * 3 + depth;
}

LATTICE_EXPORT int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) {
    (void)seed, (void)tick_hz;
    return LATTICE_OK;
}

LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {
    return (int32_t)deeper(tick);
}
