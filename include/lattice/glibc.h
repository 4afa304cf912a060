// lattice/glibc.h - what Debian's libc++ for x86-64 calls of a C library and of an unwinder.
//
// Owns: those functions under the symbols by which that library's compiled part calls them, so that
// nothing of them is left for the host. What the headers have under a name of their own is passed on
// to it; what unwinds a stack ends the match. Never: wasm, and a native program.
#ifndef LATTICE_GLIBC_H
#define LATTICE_GLIBC_H

#include <stdio.h>
#include <stdlib.h>

#include "../errno.h"
#include "log.h"
#include "memory.h"

LATTICE_C_BEGIN

#define LATTICE_GLIBC(symbol, result, name, parameters) \
    result lattice_glibc_##name parameters __asm__(symbol); \
    LATTICE_WEAK result lattice_glibc_##name parameters

LATTICE_GLIBC("__errno_location", int *, errno, (void)) { return &errno; }

LATTICE_GLIBC("strtol", long, strtol, (const char *text, char **end, int base)) { return strtol(text, end, base); }
LATTICE_GLIBC("strtoul", unsigned long, strtoul, (const char *text, char **end, int base)) {
    return strtoul(text, end, base);
}
LATTICE_GLIBC("strtoll", long long, strtoll, (const char *text, char **end, int base)) { return strtoll(text, end, base); }
LATTICE_GLIBC("strtoull", unsigned long long, strtoull, (const char *text, char **end, int base)) {
    return strtoull(text, end, base);
}
LATTICE_GLIBC("strtod", double, strtod, (const char *text, char **end)) { return strtod(text, end); }
LATTICE_GLIBC("strtof", float, strtof, (const char *text, char **end)) { return strtof(text, end); }

LATTICE_GLIBC("snprintf", int, snprintf, (char *to, size_t room, const char *format, ...)) {
    LATTICE_VARIADIC(vsnprintf(to, room, format, rest))
}

// Calls whose lengths its compiler could not prove, with the room that there is.
LATTICE_GLIBC("__memcpy_chk", void *, memcpy, (void *to, const void *from, size_t len, size_t room)) {
    if (len > room) lattice_fatal("memcpy: past the end of an object");
    return memcpy(to, from, len);
}
LATTICE_GLIBC("__memmove_chk", void *, memmove, (void *to, const void *from, size_t len, size_t room)) {
    if (len > room) lattice_fatal("memmove: past the end of an object");
    return memmove(to, from, len);
}

#define LATTICE_GLIBC_FATAL(symbol, name, why) \
    void lattice_glibc_##name(void) __asm__(symbol) __attribute__((noreturn)); \
    LATTICE_WEAK void lattice_glibc_##name(void) { lattice_fatal(why); }

LATTICE_GLIBC_FATAL("__stack_chk_fail", stack, "a function of libc++ wrote past its stack frame")
LATTICE_GLIBC_FATAL("__gxx_personality_v0", personality, "a C++ exception was thrown: sims have none")
LATTICE_GLIBC_FATAL("_Unwind_Resume", unwind, "a C++ exception was thrown: sims have none")

LATTICE_C_END

#endif
