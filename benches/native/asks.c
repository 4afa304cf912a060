// asks.c - a sim that makes 32 host calls a tick which only the host can answer: each sets a gauge.
#include <lattice_managed.h>

LATTICE_EXPORT int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) {
    (void)seed, (void)tick_hz;
    return LATTICE_OK;
}

LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {
    for (int call = 0; call < 32; ++call)
        if (lattice_ms_gauge("calls", 5, (double)(tick + call)) != LATTICE_OK) return -1;
    return LATTICE_CONTINUE;
}
