// lattice/memory.h - memcpy, memmove, memset and memcmp for bare targets.
//
// Owns: the functions that a compiler calls without being asked (a struct's copy is a memcpy).
// Never: native programs. In wasm each is one instruction: the attribute switches bulk memory on, for
// which the linker then marks the module, and the builtin becomes memory.copy or memory.fill.
#ifndef LATTICE_MEMORY_H
#define LATTICE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "target.h"

// A loop that does what strlen or memset does must not be compiled to a call of itself.
#if defined(__clang__)
#define LATTICE_NO_BUILTIN __attribute__((no_builtin))
#else
#define LATTICE_NO_BUILTIN __attribute__((optimize("no-tree-loop-distribute-patterns", "no-optimize-strlen")))
#endif
#define LATTICE_LIBC LATTICE_WEAK LATTICE_NO_BUILTIN

typedef uint64_t __attribute__((aligned(1), may_alias)) lattice_unaligned64;

#if defined(__wasm__)

LATTICE_C_BEGIN

#define LATTICE_BULK LATTICE_WEAK __attribute__((target("bulk-memory")))

LATTICE_BULK void *memcpy(void *__restrict to, const void *__restrict from, size_t len) {
    return __builtin_memcpy(to, from, len);
}

LATTICE_BULK void *memmove(void *to, const void *from, size_t len) {
    return __builtin_memmove(to, from, len);
}

LATTICE_BULK void *memset(void *to, int byte, size_t len) { return __builtin_memset(to, byte, len); }

LATTICE_C_END

#else
#include "move.h"
#endif

LATTICE_C_BEGIN

LATTICE_LIBC int memcmp(const void *a, const void *b, size_t len) {
    const unsigned char *x = (const unsigned char *)a, *y = (const unsigned char *)b;
    for (; len >= 8 && *(const lattice_unaligned64 *)x == *(const lattice_unaligned64 *)y; len -= 8) {
        x += 8;
        y += 8;
    }
    for (; len > 0; --len, ++x, ++y)
        if (*x != *y) return *x < *y ? -1 : 1;
    return 0;
}

int bcmp(const void *a, const void *b, size_t len);
LATTICE_WEAK int bcmp(const void *a, const void *b, size_t len) { return memcmp(a, b, len); }

LATTICE_C_END

#endif
