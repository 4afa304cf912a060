// execinfo.h - backtraces, which a sim cannot read: there are none.
//
// Owns: three functions that answer so. The host logs a backtrace with each trap.
#ifndef LATTICE_EXECINFO_H
#define LATTICE_EXECINFO_H

#include <stddef.h>

static inline int backtrace(void **frames, int room) { return (void)frames, (void)room, 0; }
static inline char **backtrace_symbols(void *const *frames, int count) { return (void)frames, (void)count, (char **)NULL; }
static inline void backtrace_symbols_fd(void *const *frames, int count, int fd) { (void)frames, (void)count, (void)fd; }

#endif
