// lattice/heap.h - malloc and free for bare targets: deterministic, constant time, freed memory reused.
//
// Owns: the memory of lattice/arena.h, cut into blocks. Never: native programs, threads.
//
// A two-level segregated fit (Masmano and others, 2004): blocks lie one behind the other, each with
// its own size and the size of the one before; free ones are merged with their neighbours and
// listed by size class. An address depends only on the calls made before, never on the machine.
#ifndef LATTICE_HEAP_H
#define LATTICE_HEAP_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "target.h"

// Where a block lies in the arena; 0 is no block.
typedef uint32_t lattice_offset;

// The header is 8 bytes and lies at 8 modulo 16, so that what follows is aligned to 16. A block's
// size counts its header and is a multiple of 16; the lowest bit of `size` is set while it is free.
typedef struct lattice_block {
    uint32_t before;  // size of the block before this one; 0 at the beginning of a region
    uint32_t size;
    lattice_offset next, last;  // neighbours in the free list: only while free
} lattice_block;

enum { LATTICE_BLOCK_HEADER = 8, LATTICE_BLOCK_FREE = 1, LATTICE_HEAP_STEP = 4 };

// Class (f, s): sizes from 2^f + s * 2^(f-3) on, f from 4, s from 0 to 7.
typedef struct lattice_heap_state {
    uint32_t rows;        // bit f: row f has a free block
    uint8_t columns[32];  // bit s: list (f, s) has one
    lattice_offset lists[32][8];
    lattice_offset end;    // a block of size 0 closes the last region
} lattice_heap_state;

LATTICE_C_BEGIN

extern lattice_heap_state lattice_heap;
LATTICE_WEAK lattice_heap_state lattice_heap;

static inline lattice_block *lattice_block_at(lattice_offset offset) {
    return (lattice_block *)(lattice_arena_base() + offset);
}
static inline lattice_offset lattice_offset_of(const lattice_block *block) {
    return (lattice_offset)((uintptr_t)block - lattice_arena_base());
}
static inline lattice_block *lattice_block_after(lattice_block *block) {
    return (lattice_block *)((char *)block + (block->size & ~15u));
}
static inline lattice_block *lattice_block_of(void *memory) {
    return (lattice_block *)((char *)memory - LATTICE_BLOCK_HEADER);
}

// The class that a block of this size belongs to: row in the high bits, column in the low three.
static inline uint32_t lattice_heap_class(uint32_t size) {
    uint32_t row = 31u - (uint32_t)__builtin_clz(size);
    return row << 3 | (size >> (row - 3) & 7);
}

static inline void lattice_heap_list(lattice_block *block, uint32_t size) {
    uint32_t c = lattice_heap_class(size), row = c >> 3, column = c & 7;
    lattice_offset *list = &lattice_heap.lists[row][column];
    block->size = size | LATTICE_BLOCK_FREE;
    lattice_block_after(block)->before = size;
    block->last = 0;
    block->next = *list;
    *list = lattice_offset_of(block);
    if (block->next) lattice_block_at(block->next)->last = *list;
    lattice_heap.rows |= 1u << row;
    lattice_heap.columns[row] |= (uint8_t)(1u << column);
}

// Takes a free block out of its list; it is then in use, with its whole size.
static inline void lattice_heap_unlist(lattice_block *block) {
    uint32_t c = lattice_heap_class(block->size), row = c >> 3, column = c & 7;
    block->size &= ~15u;
    if (block->next) lattice_block_at(block->next)->last = block->last;
    if (block->last) {
        lattice_block_at(block->last)->next = block->next;
    } else if ((lattice_heap.lists[row][column] = block->next) == 0) {
        lattice_heap.columns[row] &= (uint8_t)~(1u << column);
        if (lattice_heap.columns[row] == 0) lattice_heap.rows &= ~(1u << row);
    }
}

// The smallest listed block whose whole class fits, or NULL.
static inline lattice_block *lattice_heap_find(uint32_t size) {
    uint32_t row = 31u - (uint32_t)__builtin_clz(size), c = lattice_heap_class(size + (1u << (row - 3)) - 1);
    uint32_t columns = lattice_heap.columns[c >> 3] & (0xffu << (c & 7));
    row = c >> 3;
    if (columns == 0) {
        uint32_t rows = lattice_heap.rows & (0xfffffffeu << row);
        if (rows == 0) return NULL;
        row = (uint32_t)__builtin_ctz(rows);
        columns = lattice_heap.columns[row];
    }
    return lattice_block_at(lattice_heap.lists[row][__builtin_ctz(columns)]);
}

// Makes a block in use free, and one with the free neighbours.
static inline void lattice_heap_release(lattice_block *block) {
    uint32_t size = block->size;
    lattice_block *after = lattice_block_after(block);
    lattice_block *before = (lattice_block *)((char *)block - block->before);
    if (after->size & LATTICE_BLOCK_FREE) {
        lattice_heap_unlist(after);
        size += after->size;
    }
    if (block->before != 0 && before->size & LATTICE_BLOCK_FREE) {
        lattice_heap_unlist(before);
        size += before->size;
        block = before;
    }
    lattice_heap_list(block, size);
}

// Cuts a block in use down to `size`; what is left over becomes free.
static inline void lattice_heap_trim(lattice_block *block, uint32_t size) {
    uint32_t left = block->size - size;
    if (left == 0) return;
    lattice_block *rest = (lattice_block *)((char *)block + size);
    block->size = size;
    rest->before = size;
    rest->size = left;
    lattice_block_after(rest)->before = left;
    lattice_heap_release(rest);
}

// Adds memory for a block of `size` bytes; whether there was so much.
static inline int lattice_heap_grow(uint32_t size) {
    uint32_t pages = (size + 65535 + 64) >> 16, step = LATTICE_HEAP_STEP;
    if (step < pages) step = pages;
    uint32_t first = lattice_heap.end ? 0 : (lattice_arena_start() + 15) & ~15u;
    uint32_t room = lattice_arena_end(), start = room;
    if (first != 0 && room >= (uint64_t)first + size + 64) {
        start = first;
    } else {
        if (!lattice_arena_grow(step)) {
            if (step == pages || !lattice_arena_grow(pages)) return 0;
            step = pages;
        }
        if (first != 0) start = first;
        room += step << 16;
    }
    lattice_block *block = lattice_block_at(start + 8);
    if (lattice_heap.end && lattice_heap.end + LATTICE_BLOCK_HEADER == start)
        block = lattice_block_at(lattice_heap.end);  // the new memory continues the last region
    else
        block->before = 0;
    lattice_heap.end = room - LATTICE_BLOCK_HEADER;
    lattice_block *end = lattice_block_at(lattice_heap.end);
    end->size = 0;
    block->size = lattice_heap.end - lattice_offset_of(block);
    end->before = block->size;
    lattice_heap_release(block);
    return 1;
}

LATTICE_C_END

#endif
