// flood.c - a thousand log lines of 1 KiB in every tick: a megabyte, to fill the disk.
//
// Must get: admitted; 64 KiB of each tick's lines kept, the rest dropped and counted. The match
// goes on, and its log in the store stays within its bound.
#include <lattice_managed.h>

enum { LINES_A_TICK = 1000, LINE = 1024 };

static char line[LINE];

LATTICE_EXPORT int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) {
    (void)seed, (void)tick_hz;
    memset(line, '!', sizeof line);
    return LATTICE_OK;
}

LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {
    (void)tick;
    for (int i = 0; i < LINES_A_TICK; i++) lattice_ms_log(LATTICE_ERROR, line, sizeof line);
    return LATTICE_CONTINUE;
}
