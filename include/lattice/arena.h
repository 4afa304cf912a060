// lattice/arena.h - the memory that the heap grows into, in pages of 64 KiB, which are 0 at first.
//
// Owns: where it lies and how much of it is in use: wasm's own memory behind the statics, or the
// arena that the native tier's host gives. Never: blocks, and native programs.
#ifndef LATTICE_ARENA_H
#define LATTICE_ARENA_H

#include <stddef.h>
#include <stdint.h>

#include "target.h"

LATTICE_C_BEGIN

// Both places are measured from lattice_arena_base, so that they have 32 bits on every target.
// lattice_arena_start is the first byte that is nobody's, and never 0.
#if defined(__wasm__)

extern unsigned char __heap_base;

static inline uintptr_t lattice_arena_base(void) { return 0; }
static inline uint32_t lattice_arena_start(void) { return (uint32_t)(uintptr_t)&__heap_base; }
static inline uint32_t lattice_arena_end(void) { return (uint32_t)__builtin_wasm_memory_size(0) << 16; }
static inline int lattice_arena_grow(uint32_t pages) { return __builtin_wasm_memory_grow(0, pages) != (size_t)-1; }

#else

// The host writes where it lies, a multiple of 64 KiB, and its size before the sim's first
// instruction.
typedef struct lattice_arena_place { void *begin; uint64_t size; } lattice_arena_place;
LATTICE_EXPORTED(lattice_arena) extern lattice_arena_place lattice_arena;
LATTICE_WEAK lattice_arena_place lattice_arena = {NULL, 0};
extern uint32_t lattice_arena_used;
LATTICE_WEAK uint32_t lattice_arena_used = 0;

static inline uintptr_t lattice_arena_base(void) { return (uintptr_t)lattice_arena.begin; }
static inline uint32_t lattice_arena_start(void) { return 16; }
static inline uint32_t lattice_arena_end(void) { return lattice_arena_used << 16; }
static inline int lattice_arena_grow(uint32_t pages) {
    uint64_t all = lattice_arena.size >> 16, most = 0xffff;
    if (pages > (all < most ? all : most) - lattice_arena_used) return 0;
    lattice_arena_used += pages;
    return 1;
}

#endif

LATTICE_C_END

#endif
