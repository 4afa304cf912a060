// time.h - types only: a sim has no clock, its time is tick / tick_hz.
//
// Owns: a compile error, with that advice, where a clock is read. With LATTICE_STOPPED_CLOCK defined
// time and clock answer 0, for a library that stamps its log lines. Never: a clock.
#ifndef LATTICE_TIME_H
#define LATTICE_TIME_H

#include <stddef.h>

#include "lattice/target.h"

#if !defined(LATTICE_BARE)
#include_next <time.h>  // an engine's profiler may read it, in a program; its figures must not reach the state
#else

typedef long long time_t;
typedef long long clock_t;
struct timespec { time_t tv_sec; long tv_nsec; };
struct tm { int tm_sec, tm_min, tm_hour, tm_mday, tm_mon, tm_year, tm_wday, tm_yday, tm_isdst; };
#define CLOCKS_PER_SEC ((clock_t)1000000)

#if defined(LATTICE_STOPPED_CLOCK)
static inline time_t time(time_t *now) { return now ? (*now = 0) : 0; }
static inline clock_t clock(void) { return 0; }
#else
#define LATTICE_NO_CLOCK __attribute__((unavailable("a sim has no clock: its time is tick / tick_hz")))
LATTICE_C_BEGIN
time_t time(time_t *now) LATTICE_NO_CLOCK;
clock_t clock(void) LATTICE_NO_CLOCK;
int clock_gettime(int clock, struct timespec *now) LATTICE_NO_CLOCK;
struct tm *localtime(const time_t *at) LATTICE_NO_CLOCK;
struct tm *gmtime(const time_t *at) LATTICE_NO_CLOCK;
LATTICE_C_END
#endif

#endif
#endif
