// signal.h - sig_atomic_t, and signals that never come: a sim is not interrupted.
//
// Owns: signal, which refuses every handler, and raise, which ends the match. Never: native programs.
#ifndef LATTICE_SIGNAL_H
#define LATTICE_SIGNAL_H

#include "lattice/target.h"

#if !defined(LATTICE_BARE)
#include_next <signal.h>
#else

#include "lattice/log.h"

#define SIGINT 2
#define SIGILL 4
#define SIGABRT 6
#define SIGFPE 8
#define SIGSEGV 11
#define SIGTERM 15
#define SIG_DFL ((lattice_signal_handler)0)
#define SIG_IGN ((lattice_signal_handler)1)
#define SIG_ERR ((lattice_signal_handler)-1)

LATTICE_C_BEGIN

typedef int sig_atomic_t;
typedef void (*lattice_signal_handler)(int number);

static inline lattice_signal_handler signal(int number, lattice_signal_handler handler) {
    (void)number, (void)handler;
    return SIG_ERR;
}
static inline int raise(int number) {
    (void)number;
    lattice_fatal("raise was called: a sim has no signals");
}

LATTICE_C_END

#endif
#endif
