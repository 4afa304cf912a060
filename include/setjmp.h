// setjmp.h - setjmp answers 0, and longjmp ends the match: a sim's functions cannot be left from afar.
//
// Owns: so much of the two that a library builds which jumps on errors only. Never: native programs.
#ifndef LATTICE_SETJMP_H
#define LATTICE_SETJMP_H

#include "lattice/target.h"

#if !defined(LATTICE_BARE)
#include_next <setjmp.h>
#else

#include "lattice/log.h"

LATTICE_C_BEGIN

typedef int jmp_buf[1];
#define setjmp(here) ((void)(here), 0)

void longjmp(jmp_buf there, int value) __attribute__((noreturn));
LATTICE_WEAK void longjmp(jmp_buf there, int value) {
    (void)there, (void)value;
    lattice_fatal("longjmp was called: a sim cannot jump out of its functions");
}

LATTICE_C_END

#endif
#endif
