// nothing.c - a sim whose ticks do nothing: what is measured is the way there and back.
#include <lattice_managed.h>

LATTICE_EXPORT int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) {
    (void)seed, (void)tick_hz;
    return LATTICE_OK;
}

LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {
    (void)tick;
    return LATTICE_CONTINUE;
}
