// A sim that computes for good before its first tick.
#include "sim.h"

EXPORTED void lattice_abi_v1(void) {}

EXPORTED int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) {
    for (;;) __asm__ volatile("" ::"r"(seed), "r"(tick_hz));
}

EXPORTED int32_t lattice_sim_tick(int64_t tick) { return (int32_t)(tick & 0); }
