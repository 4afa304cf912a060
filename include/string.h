// string.h - the C library's memory and string functions.
//
// Owns: the declarations. Their definitions for bare targets are in lattice/memory.h and
// lattice/text.h; a native program links the system's, which the standard makes equal, with one trap:
// only the sign of memcmp's and strcmp's result means something.
#ifndef LATTICE_STRING_H
#define LATTICE_STRING_H

#include <stddef.h>

#include "lattice/target.h"

LATTICE_C_BEGIN

void *memcpy(void *__restrict to, const void *__restrict from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);
void *memchr(const void *in, int byte, size_t len);

size_t strlen(const char *s);
size_t strnlen(const char *s, size_t most);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t most);
int strcoll(const char *a, const char *b);
int strcasecmp(const char *a, const char *b);
int strncasecmp(const char *a, const char *b, size_t most);
char *strcpy(char *__restrict to, const char *__restrict from);
char *stpcpy(char *__restrict to, const char *__restrict from);
char *strncpy(char *__restrict to, const char *__restrict from, size_t len);
char *strcat(char *__restrict to, const char *__restrict from);
char *strncat(char *__restrict to, const char *__restrict from, size_t most);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strstr(const char *s, const char *what);
size_t strspn(const char *s, const char *set);
size_t strcspn(const char *s, const char *set);
char *strpbrk(const char *s, const char *set);
char *strtok(char *__restrict s, const char *__restrict separators);
char *strtok_r(char *__restrict s, const char *__restrict separators, char **__restrict rest);
char *strdup(const char *s);
char *strndup(const char *s, size_t most);
char *strerror(int code);

LATTICE_C_END

#if defined(LATTICE_BARE) && !defined(LATTICE_NO_LIBC)
#include "lattice/memory.h"
#include "lattice/text.h"
#endif

#endif
