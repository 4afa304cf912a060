// endless.c - a tick that never returns.
//
// Must get: admitted; a FUEL fault in tick 2, the first that loops. The host and its other matches
// do not notice.
#include <lattice_managed.h>

LATTICE_EXPORT int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) {
    (void)seed, (void)tick_hz;
    return LATTICE_OK;
}

LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {
    while (tick >= 2) {
    }
    return LATTICE_CONTINUE;
}
