// stillborn.c - traps before its match begins.
//
// Must get: admitted; a TRAP fault in lattice_sim_init, before tick 0. What init logged is kept for
// the developer.
#include <lattice_managed.h>

LATTICE_EXPORT int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) {
    (void)seed, (void)tick_hz;
    lattice_log(LATTICE_INFO, "about to trap");
    __builtin_trap();
}

LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {
    (void)tick;
    return LATTICE_CONTINUE;
}
