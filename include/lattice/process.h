// lattice/process.h - abort, exit and the small integer functions, for bare targets.
//
// Owns: how a program's end looks in a sim: a logged line and a trap. Never: native programs.
#ifndef LATTICE_PROCESS_H
#define LATTICE_PROCESS_H

#include <stdlib.h>

#include "log.h"

LATTICE_C_BEGIN

LATTICE_WEAK void abort(void) { lattice_fatal("abort was called"); }
LATTICE_WEAK void exit(int status) {
    (void)status;
    lattice_fatal("exit was called: to end a match, return LATTICE_FINISHED from lattice_sim_tick");
}
LATTICE_WEAK void _Exit(int status) { exit(status); }
LATTICE_WEAK int atexit(void (*last)(void)) {
    (void)last;
    return 0;
}
LATTICE_WEAK char *getenv(const char *name) {
    (void)name;
    return NULL;
}

LATTICE_WEAK int abs(int x) { return x < 0 ? -x : x; }
LATTICE_WEAK long labs(long x) { return x < 0 ? -x : x; }
LATTICE_WEAK long long llabs(long long x) { return x < 0 ? -x : x; }
LATTICE_WEAK div_t div(int a, int b) {
    div_t result = {a / b, a % b};
    return result;
}
LATTICE_WEAK ldiv_t ldiv(long a, long b) {
    ldiv_t result = {a / b, a % b};
    return result;
}
LATTICE_WEAK lldiv_t lldiv(long long a, long long b) {
    lldiv_t result = {a / b, a % b};
    return result;
}

LATTICE_C_END

#endif
