// minimal.c - the least that a sim is; compiled as C and as C++.
#include <lattice_managed.h>

LATTICE_EXPORT int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) { return seed == 7 && tick_hz == 60 ? 0 : -1; }
LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) { return tick == 1000 ? LATTICE_FINISHED : LATTICE_CONTINUE; }
