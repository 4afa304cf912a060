// arena.c - an arena that is there when constructors run, which dlopen calls before anyone could
// write it in: linked into a shared object that tests load.
#include <stdint.h>

enum { SIZE = 64 << 20 };
static _Alignas(65536) char memory[SIZE];

__attribute__((visibility("default"))) struct { void *begin; uint64_t size; } lattice_arena = {memory, SIZE};
