// lattice/move.h - memcpy, memmove and memset for x86-64, by 16 bytes.
//
// Owns: the three functions. Never: wasm, which has instructions for them.
//
// The last bytes, fewer than a step, are taken together with bytes of the step before: all of them
// are read before the first is written, so that the two areas may overlap.
#ifndef LATTICE_MOVE_H
#define LATTICE_MOVE_H

#include "memory.h"

LATTICE_C_BEGIN

typedef uint16_t __attribute__((aligned(1), may_alias)) lattice_unaligned16;
typedef uint32_t __attribute__((aligned(1), may_alias)) lattice_unaligned32;
typedef uint64_t __attribute__((vector_size(16), aligned(1), may_alias)) lattice_unaligned128;

// The first and the last `of` bytes, which overlap in the middle.
#define LATTICE_MOVE_ENDS(of) \
    do { \
        lattice_unaligned##of first = *(const lattice_unaligned##of *)from; \
        lattice_unaligned##of last = *(const lattice_unaligned##of *)(from + len - sizeof first); \
        *(lattice_unaligned##of *)to = first; \
        *(lattice_unaligned##of *)(to + len - sizeof last) = last; \
    } while (0)

static inline void lattice_move_few(char *to, const char *from, size_t len) {
    if (len >= 8) LATTICE_MOVE_ENDS(64);
    else if (len >= 4) LATTICE_MOVE_ENDS(32);
    else if (len >= 2) LATTICE_MOVE_ENDS(16);
    else if (len != 0) *to = *from;
}

LATTICE_NO_BUILTIN static inline void lattice_move(char *to, const char *from, size_t len) {
    if (len < 16) {
        lattice_move_few(to, from, len);
    } else if ((uintptr_t)to - (uintptr_t)from >= len) {
        lattice_unaligned128 last = *(const lattice_unaligned128 *)(from + len - 16);
        for (size_t at = 0; at < len - 16; at += 16)
            *(lattice_unaligned128 *)(to + at) = *(const lattice_unaligned128 *)(from + at);
        *(lattice_unaligned128 *)(to + len - 16) = last;
    } else {
        lattice_unaligned128 first = *(const lattice_unaligned128 *)from;
        for (size_t at = len; at > 16; at -= 16)
            *(lattice_unaligned128 *)(to + at - 16) = *(const lattice_unaligned128 *)(from + at - 16);
        *(lattice_unaligned128 *)to = first;
    }
}

LATTICE_LIBC void *memmove(void *to, const void *from, size_t len) {
    lattice_move((char *)to, (const char *)from, len);
    return to;
}

LATTICE_LIBC void *memcpy(void *__restrict to, const void *__restrict from, size_t len) {
    lattice_move((char *)to, (const char *)from, len);
    return to;
}

LATTICE_LIBC void *memset(void *destination, int byte, size_t len) {
    char *to = (char *)destination;
    uint64_t word = (unsigned char)byte * 0x0101010101010101u;
    lattice_unaligned128 all = {word, word};
    if (len >= 16) {
        for (size_t at = 0; at < len - 16; at += 16) *(lattice_unaligned128 *)(to + at) = all;
        *(lattice_unaligned128 *)(to + len - 16) = all;
    } else if (len >= 8) {
        *(lattice_unaligned64 *)to = *(lattice_unaligned64 *)(to + len - 8) = word;
    } else {
        for (; len > 0; --len) *to++ = (char)byte;
    }
    return destination;
}

LATTICE_C_END

#endif
