// loop.c - a sim whose first tick never returns: what is measured is how late it is ended.
#include <lattice_managed.h>

LATTICE_EXPORT int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) {
    (void)seed, (void)tick_hz;
    return LATTICE_OK;
}

LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {
    volatile int64_t turns = tick;
    for (;;) ++turns;
}
