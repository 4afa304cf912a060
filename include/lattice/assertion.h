// lattice/assertion.h - the line that a failed assert logs.
//
// Owns: its text, "file:line: assertion failed: what". Never: the macro.
#ifndef LATTICE_ASSERTION_H
#define LATTICE_ASSERTION_H

#include "format.h"

LATTICE_C_BEGIN

void lattice_assertion_failed(const char *what, const char *file, int line) __attribute__((noreturn));
LATTICE_WEAK void lattice_assertion_failed(const char *what, const char *file, int line) {
    lattice_logf(4, "%s:%d: assertion failed: %s", file, line, what);
    __builtin_trap();
}

LATTICE_C_END

#endif
