// every_call.c - calls every host function and defines every export.
#include <lattice_managed.h>

static char buffer[64];

LATTICE_EXPORT int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) {
    return (int32_t)seed + tick_hz + lattice_ms_config(buffer, sizeof buffer);
}

LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {
    int32_t sum = lattice_ms_event_peek() + lattice_ms_event_next(buffer, sizeof buffer);
    sum += lattice_ms_send(1, buffer, 4, LATTICE_MAY_DROP) + lattice_ms_broadcast(buffer, 4, 0) + lattice_ms_kick(1, 2);
    sum += lattice_ms_http_request(LATTICE_GET, "https://a", 9, "", 0, buffer, 0);
    sum += lattice_ms_result(buffer, 4) + lattice_ms_gauge("g", 1, (double)tick);
    lattice_ms_log(LATTICE_INFO, "line", 4);
    return sum;
}

LATTICE_EXPORT void lattice_sim_shutdown(void) {}
LATTICE_EXPORT int64_t lattice_sim_hash(void) { return 1; }
LATTICE_EXPORT int32_t lattice_sim_save(void) { return lattice_ms_state_write(buffer, 4); }
LATTICE_EXPORT int32_t lattice_sim_load(void) { return lattice_ms_state_read(buffer, 4); }
