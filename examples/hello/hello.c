// hello.c - the shortest sim: greets who joins, echoes what players say, ends on "bye".
#include <lattice_managed.h>

LATTICE_EXPORT int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) {
    lattice_logf(LATTICE_INFO, "hello: seed %lld, %d ticks a second", (long long)seed, tick_hz);
    return LATTICE_OK;
}

LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {
    const lattice_event *event;
    while ((event = lattice_next_event()) != NULL) {
        if (event->type == LATTICE_EVENT_JOIN) {
            lattice_logf(LATTICE_INFO, "player %u joined at tick %lld", event->player, (long long)tick);
            lattice_ms_send(event->player, "hello", 5, 0);
        } else if (event->type == LATTICE_EVENT_MESSAGE) {
            if (lattice_event_is(event, "bye")) return LATTICE_FINISHED;
            lattice_ms_send(event->player, lattice_event_payload(event), event->payload_len, 0);
        }
    }
    return LATTICE_CONTINUE;
}
