// lattice/malloc.h - the C library's names for the heap, for bare targets.
//
// Owns: malloc, calloc, realloc, aligned_alloc, free. Never: native programs.
#ifndef LATTICE_MALLOC_H
#define LATTICE_MALLOC_H

#include "heap.h"
#include "log.h"
#include "memory.h"

LATTICE_C_BEGIN

// The block size for a request, or 0 if it is beyond what the heap could hold.
static inline uint32_t lattice_heap_size(size_t len) {
    return len > 0x7fff0000u ? 0 : ((uint32_t)len + LATTICE_BLOCK_HEADER + 15) & ~15u;
}

LATTICE_LIBC void *malloc(size_t len) {
    uint32_t size = lattice_heap_size(len);
    lattice_block *block = size == 0 ? NULL : lattice_heap_find(size);
    if (block == NULL) {
        // A class above: the new memory must be found by a search that rounds up.
        if (size == 0 || !lattice_heap_grow(size + (size >> 3))) return NULL;
        block = lattice_heap_find(size);
    }
    lattice_heap_unlist(block);
    lattice_heap_trim(block, size);
    return (char *)block + LATTICE_BLOCK_HEADER;
}

LATTICE_LIBC void free(void *memory) {
    if (memory == NULL) return;
    lattice_block *block = lattice_block_of(memory);
    if (block->size & LATTICE_BLOCK_FREE) lattice_fatal("free: this memory is free already");
    lattice_heap_release(block);
}

LATTICE_LIBC void *calloc(size_t count, size_t len) {
    size_t total;
    void *memory = __builtin_mul_overflow(count, len, &total) ? NULL : malloc(total);
    if (memory != NULL) memset(memory, 0, total);
    return memory;
}

LATTICE_LIBC void *realloc(void *memory, size_t len) {
    if (memory == NULL) return malloc(len);
    uint32_t size = lattice_heap_size(len);
    lattice_block *block = lattice_block_of(memory), *after = lattice_block_after(block);
    if (size == 0) return NULL;
    if (block->size < size && after->size & LATTICE_BLOCK_FREE && block->size + (after->size & ~15u) >= size) {
        lattice_heap_unlist(after);
        block->size += after->size;
        lattice_block_after(block)->before = block->size;
    }
    if (block->size >= size) {
        lattice_heap_trim(block, size);
        return memory;
    }
    void *moved = malloc(len);
    if (moved == NULL) return NULL;
    memcpy(moved, memory, block->size - LATTICE_BLOCK_HEADER);
    free(memory);
    return moved;
}

LATTICE_LIBC void *aligned_alloc(size_t alignment, size_t len) {
    if (alignment <= 16) return malloc(len);
    if (len > 0x7fff0000u - alignment || (alignment & (alignment - 1)) != 0) return NULL;
    char *memory = (char *)malloc(len + alignment);
    if (memory == NULL) return NULL;
    uint32_t gap = (uint32_t)(-(uintptr_t)memory & (alignment - 1));
    lattice_block *block = lattice_block_of(memory);
    if (gap != 0) {
        lattice_block *aligned = lattice_block_of(memory + gap);
        aligned->before = gap;
        aligned->size = block->size - gap;
        lattice_block_after(aligned)->before = aligned->size;
        block->size = gap;
        lattice_heap_release(block);
        block = aligned;
    }
    lattice_heap_trim(block, lattice_heap_size(len));
    return (char *)block + LATTICE_BLOCK_HEADER;
}

LATTICE_LIBC int posix_memalign(void **memory, size_t alignment, size_t len) {
    *memory = aligned_alloc(alignment, len);
    return *memory == NULL ? 12 : 0;  // ENOMEM
}

LATTICE_C_END

#endif
