// calls.c - a sim that makes 32 host calls a tick: each broadcasts 64 bytes.
#include <lattice_managed.h>

LATTICE_EXPORT int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) {
    (void)seed, (void)tick_hz;
    return LATTICE_OK;
}

LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {
    static int64_t message[8];
    for (int call = 0; call < 32; ++call) {
        message[0] = tick, message[1] = call;
        if (lattice_ms_broadcast(message, sizeof message, 0) != LATTICE_OK) return -1;
    }
    return LATTICE_CONTINUE;
}
