// lattice/log.h - lines in the match's log, and the end of a sim that cannot go on.
//
// Owns: lattice_log, lattice_logf and lattice_fatal. Never: buffers between calls.
#ifndef LATTICE_LOG_H
#define LATTICE_LOG_H

#include <stdarg.h>
#include <stdint.h>

#include "target.h"

LATTICE_C_BEGIN

LATTICE_IMPORTED(lattice_ms_log) void lattice_ms_log(int32_t level, const void *text, uint32_t len);

static inline uint32_t lattice_text_len(const char *text) {
    uint32_t len = 0;
    while (text[len]) ++len;
    return len;
}

// Writes a line; level LATTICE_TRACE to LATTICE_ERROR.
static inline void lattice_log(int32_t level, const char *text) {
    lattice_ms_log(level, text, lattice_text_len(text));
}

// The same with printf's formats; cut at 1,024 bytes.
void lattice_logf(int32_t level, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Logs why, then traps: the match ends with this tick void.
void lattice_fatal(const char *why) __attribute__((noreturn));
LATTICE_WEAK void lattice_fatal(const char *why) {
    lattice_ms_log(4, why, lattice_text_len(why));
    __builtin_trap();
}

LATTICE_C_END

#endif
