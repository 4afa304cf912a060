// stdlib.h - memory, numbers from text, sorting, a seeded rand, and abort.
//
// Owns: the declarations, and which of them are ours in native programs too: those whose results
// the standard leaves open (qsort's order of equals, rand's numbers). The rest is the system's
// there. Never: a process, an environment, a file.
#ifndef LATTICE_STDLIB_H
#define LATTICE_STDLIB_H

#include <alloca.h>
#include <stddef.h>

#include "lattice/target.h"

#define EXIT_SUCCESS 0
#define EXIT_FAILURE 1
#define RAND_MAX 0x7fffffff
#define MB_CUR_MAX ((size_t)1)

LATTICE_C_BEGIN

typedef struct { int quot, rem; } div_t;
typedef struct { long quot, rem; } ldiv_t;
typedef struct { long long quot, rem; } lldiv_t;

void *malloc(size_t len) __attribute__((malloc));
void *calloc(size_t count, size_t len) __attribute__((malloc));
void *realloc(void *memory, size_t len);
void *aligned_alloc(size_t alignment, size_t len) __attribute__((malloc));
int posix_memalign(void **memory, size_t alignment, size_t len);
void free(void *memory);

void abort(void) __attribute__((noreturn));
void exit(int status) __attribute__((noreturn));
void _Exit(int status) __attribute__((noreturn));
int atexit(void (*last)(void));
char *getenv(const char *name);

int abs(int x);
long labs(long x);
long long llabs(long long x);
div_t div(int a, int b);
ldiv_t ldiv(long a, long b);
lldiv_t lldiv(long long a, long long b);

typedef int (*lattice_compare)(const void *a, const void *b);
// A merge sort: stable, so that the order of equals does not depend on a library.
void qsort(void *items, size_t count, size_t len, lattice_compare compare) LATTICE_OURS(qsort);
void *bsearch(const void *key, const void *items, size_t count, size_t len, lattice_compare compare)
    LATTICE_OURS(bsearch);

// One generator of 31 bits for the whole sim, seeded with 1. lattice_rng is the better one.
int rand(void) LATTICE_OURS(rand);
void srand(unsigned seed) LATTICE_OURS(srand);

long strtol(const char *text, char **end, int base) LATTICE_OURS(strtol);
unsigned long strtoul(const char *text, char **end, int base) LATTICE_OURS(strtoul);
long long strtoll(const char *text, char **end, int base) LATTICE_OURS(strtoll);
unsigned long long strtoull(const char *text, char **end, int base) LATTICE_OURS(strtoull);
double strtod(const char *text, char **end) LATTICE_OURS(strtod);
float strtof(const char *text, char **end) LATTICE_OURS(strtof);
int atoi(const char *text) LATTICE_OURS(atoi);
long atol(const char *text) LATTICE_OURS(atol);
long long atoll(const char *text) LATTICE_OURS(atoll);
double atof(const char *text) LATTICE_OURS(atof);

LATTICE_C_END

#if !defined(LATTICE_NO_LIBC)
#include "lattice/number.h"
#include "lattice/sort.h"
#if defined(LATTICE_BARE)
#include "lattice/malloc.h"
#include "lattice/process.h"
#endif
#endif

#if defined(__cplusplus)
#include "lattice/overloads.h"
#endif

#endif
