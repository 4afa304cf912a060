// lattice/sort.h - qsort and bsearch: ours on every target.
//
// Owns: a stable merge sort. Never: an order of equal items that depends on a library.
#ifndef LATTICE_SORT_H
#define LATTICE_SORT_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"

LATTICE_C_BEGIN

enum { LATTICE_SORT_RUN = 8 };  // items up to which insertion is faster

static inline void lattice_insertion_sort(char *items, size_t count, size_t len, lattice_compare compare, char *spare) {
    for (size_t i = 1; i < count; ++i) {
        size_t to = i;
        while (to > 0 && compare(items + (to - 1) * len, items + i * len) > 0) --to;
        if (to == i) continue;
        memcpy(spare, items + i * len, len);
        memmove(items + (to + 1) * len, items + to * len, (i - to) * len);
        memcpy(items + to * len, spare, len);
    }
}

// Merges two sorted neighbours; the left one is moved to `spare` first.
static inline void lattice_merge(char *items, size_t left, size_t count, size_t len, lattice_compare compare, char *spare) {
    char *a = spare, *a_end = spare + left * len, *b = items + left * len, *b_end = items + count * len;
    memcpy(spare, items, left * len);
    for (; a < a_end && b < b_end; items += len) {
        bool right = compare(a, b) > 0;
        memcpy(items, right ? b : a, len);
        if (right) b += len;
        else a += len;
    }
    memcpy(items, a, (size_t)(a_end - a));
}

LATTICE_WEAK void lattice_merge_sort(char *items, size_t count, size_t len, lattice_compare compare, char *spare);
LATTICE_WEAK void lattice_merge_sort(char *items, size_t count, size_t len, lattice_compare compare, char *spare) {
    size_t left = count / 2;
    if (count <= LATTICE_SORT_RUN) { lattice_insertion_sort(items, count, len, compare, spare); return; }
    lattice_merge_sort(items, left, len, compare, spare);
    lattice_merge_sort(items + left * len, count - left, len, compare, spare);
    if (compare(items + (left - 1) * len, items + left * len) > 0)
        lattice_merge(items, left, count, len, compare, spare);
}

LATTICE_WEAK void qsort(void *items, size_t count, size_t len, lattice_compare compare) {
    char small[1024], *spare = small;
    size_t needed = (count <= LATTICE_SORT_RUN ? 1 : count / 2) * len;
    if (count < 2 || len == 0) return;
    if (needed > sizeof small && (spare = (char *)malloc(needed)) == NULL) lattice_fatal("qsort: the memory is used up");
    lattice_merge_sort((char *)items, count, len, compare, spare);
    if (spare != small) free(spare);
}

LATTICE_WEAK void *bsearch(const void *key, const void *items, size_t count, size_t len, lattice_compare compare) {
    const char *first = (const char *)items;
    while (count > 0) {
        const char *middle = first + count / 2 * len;
        int order = compare(key, middle);
        if (order == 0) return (void *)middle;
        if (order > 0) {
            first = middle + len;
            --count;
        }
        count /= 2;
    }
    return NULL;
}

LATTICE_C_END

#endif
