// runner.c - runs a sim natively and prints its hash after each tick: runner TICKS.
//
// Owns: the calls that a sim imports, as a host that has no players. Compiled without the sim's
// headers, so that the system's C library prints.
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int32_t lattice_sim_init(int64_t seed, int32_t tick_hz);
int32_t lattice_sim_tick(int64_t tick);
int64_t lattice_sim_hash(void);

void lattice_ms_log(int32_t level, const void *text, uint32_t len) {
    if (level >= 4) fprintf(stderr, "%.*s\n", (int)len, (const char *)text);
}
int32_t lattice_ms_event_peek(void) { return 0; }
int32_t lattice_ms_event_next(void *to, uint32_t room) { return (void)to, (void)room, 0; }
int32_t lattice_ms_broadcast(const void *data, uint32_t len, uint32_t flags) { return (void)data, (void)len, (void)flags, 0; }
int32_t lattice_ms_config(void *to, uint32_t room) { return (void)to, (void)room, 0; }
int32_t lattice_ms_gauge(const char *name, uint32_t len, double value) { return (void)name, (void)len, (void)value, 0; }

int main(int count, char **arguments) {
    int ticks = count > 1 ? atoi(arguments[1]) : 0;
    if (lattice_sim_init(7, 60) != 0) return 1;
    for (int tick = 0; tick < ticks; ++tick) {
        if (lattice_sim_tick(tick) != 0) return 2;
        printf("%016" PRIx64 "\n", (uint64_t)lattice_sim_hash());
    }
    return 0;
}
