// hog.c - takes 1 MiB of memory more in every tick, and writes to all of it.
//
// Must get: admitted; growth until 64 MiB, the limit, and -1 from then on. The match goes on: the
// gauge `pages` stays at 1024, and the log says once when the first growth was refused.
#include <lattice_managed.h>

enum { PAGE = 65536, PAGES_A_TICK = 16 };

static bool refused;

// One page more, written to, so that the machine must really give it. False if it was refused.
static bool grow(void) {
    size_t page = __builtin_wasm_memory_grow(0, 1);
    if (page == (size_t)-1) return false;
    memset((void *)(page * PAGE), 0xa5, PAGE);
    return true;
}

LATTICE_EXPORT int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) {
    (void)seed, (void)tick_hz;
    return LATTICE_OK;
}

LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {
    for (int i = 0; i < PAGES_A_TICK; i++) {
        if (grow() || refused) continue;
        refused = true;
        lattice_logf(LATTICE_WARN, "growth refused in tick %lld", (long long)tick);
    }
    lattice_ms_gauge("pages", 5, (double)__builtin_wasm_memory_size(0));
    return LATTICE_CONTINUE;
}
