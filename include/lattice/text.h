// lattice/text.h - the C library's string functions for bare targets.
//
// Owns: the definitions behind string.h, bytes in and bytes out, no locale. Never: native programs.
#ifndef LATTICE_TEXT_H
#define LATTICE_TEXT_H

#include <stdlib.h>
#include <string.h>

#include "memory.h"

LATTICE_C_BEGIN

LATTICE_LIBC void *memchr(const void *in, int byte, size_t len) {
    const unsigned char *s = (const unsigned char *)in;
    for (; len > 0; --len, ++s)
        if (*s == (unsigned char)byte) return (void *)s;
    return NULL;
}

LATTICE_LIBC size_t strlen(const char *s) {
    const char *end = s;
    while (*end) ++end;
    return (size_t)(end - s);
}

LATTICE_LIBC size_t strnlen(const char *s, size_t most) {
    size_t len = 0;
    while (len < most && s[len]) ++len;
    return len;
}

LATTICE_LIBC int strncmp(const char *a, const char *b, size_t most) {
    for (; most > 0; --most, ++a, ++b) {
        if (*a != *b) return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
        if (*a == 0) break;
    }
    return 0;
}

LATTICE_LIBC int strcmp(const char *a, const char *b) { return strncmp(a, b, (size_t)PTRDIFF_MAX); }
LATTICE_LIBC int strcoll(const char *a, const char *b) { return strncmp(a, b, (size_t)PTRDIFF_MAX); }

static inline int lattice_lower(char c) { return c >= 'A' && c <= 'Z' ? c + 32 : (unsigned char)c; }

LATTICE_LIBC int strncasecmp(const char *a, const char *b, size_t most) {
    for (; most > 0; --most, ++a, ++b) {
        if (lattice_lower(*a) != lattice_lower(*b)) return lattice_lower(*a) < lattice_lower(*b) ? -1 : 1;
        if (*a == 0) break;
    }
    return 0;
}

LATTICE_LIBC int strcasecmp(const char *a, const char *b) { return strncasecmp(a, b, (size_t)PTRDIFF_MAX); }

LATTICE_LIBC char *stpcpy(char *__restrict to, const char *__restrict from) {
    size_t len = strlen(from);
    memcpy(to, from, len + 1);
    return to + len;
}

LATTICE_LIBC char *strcpy(char *__restrict to, const char *__restrict from) {
    memcpy(to, from, strlen(from) + 1);  // gcc takes a stpcpy whose result is dropped for a strcpy
    return to;
}

LATTICE_LIBC char *strncpy(char *__restrict to, const char *__restrict from, size_t len) {
    size_t used = strnlen(from, len);
    memcpy(to, from, used);
    memset(to + used, 0, len - used);
    return to;
}

LATTICE_LIBC char *strcat(char *__restrict to, const char *__restrict from) {
    stpcpy(to + strlen(to), from);
    return to;
}

LATTICE_LIBC char *strncat(char *__restrict to, const char *__restrict from, size_t most) {
    char *end = to + strlen(to);
    size_t used = strnlen(from, most);
    memcpy(end, from, used);
    end[used] = 0;
    return to;
}

LATTICE_LIBC char *strchr(const char *s, int c) { return (char *)memchr(s, c, strlen(s) + 1); }

LATTICE_LIBC char *strrchr(const char *s, int c) {
    for (size_t i = strlen(s) + 1; i > 0; --i)
        if (s[i - 1] == (char)c) return (char *)s + i - 1;
    return NULL;
}

LATTICE_LIBC char *strstr(const char *s, const char *what) {
    size_t len = strlen(what);
    if (len == 0) return (char *)s;
    for (; (s = strchr(s, *what)) != NULL; ++s)
        if (strncmp(s, what, len) == 0) return (char *)s;
    return NULL;
}

LATTICE_LIBC size_t strspn(const char *s, const char *set) {
    size_t len = 0;
    while (s[len] && strchr(set, s[len])) ++len;
    return len;
}

LATTICE_LIBC size_t strcspn(const char *s, const char *set) {
    size_t len = 0;
    while (s[len] && !strchr(set, s[len])) ++len;
    return len;
}

LATTICE_LIBC char *strpbrk(const char *s, const char *set) {
    s += strcspn(s, set);
    return *s ? (char *)s : NULL;
}

LATTICE_LIBC char *strtok_r(char *__restrict s, const char *__restrict separators,
                            char **__restrict rest) {
    if (s == NULL) s = *rest;
    s += strspn(s, separators);
    *rest = s + strcspn(s, separators);
    if (*s == 0) return NULL;
    if (**rest) *(*rest)++ = 0;
    return s;
}

LATTICE_LIBC char *strtok(char *__restrict s, const char *__restrict separators) {
    static char *rest;
    return strtok_r(s, separators, &rest);
}

LATTICE_LIBC char *strndup(const char *s, size_t most) {
    size_t len = strnlen(s, most);
    char *copy = (char *)malloc(len + 1);
    if (copy == NULL) return NULL;
    memcpy(copy, s, len);
    copy[len] = 0;
    return copy;
}

LATTICE_LIBC char *strdup(const char *s) { return strndup(s, strlen(s)); }

LATTICE_LIBC char *strerror(int code) { return (char *)(code == 0 ? "no error" : "error"); }

LATTICE_C_END

#endif
