// wchar.h - arrays of wide characters, because C++'s strings are made of these functions.
//
// Owns: wmemcpy and its kin. Never: texts, conversions, input and output of wide characters.
#ifndef LATTICE_WCHAR_H
#define LATTICE_WCHAR_H

#include <stddef.h>
#include <string.h>

typedef __WINT_TYPE__ wint_t;
typedef struct lattice_mbstate { int none; } mbstate_t;
#define WEOF ((wint_t)-1)

static inline wchar_t *wmemcpy(wchar_t *to, const wchar_t *from, size_t count) {
    return (wchar_t *)memcpy(to, from, count * sizeof(wchar_t));
}
static inline wchar_t *wmemmove(wchar_t *to, const wchar_t *from, size_t count) {
    return (wchar_t *)memmove(to, from, count * sizeof(wchar_t));
}
static inline wchar_t *wmemset(wchar_t *to, wchar_t c, size_t count) {
    for (size_t i = 0; i < count; ++i) to[i] = c;
    return to;
}
static inline int wmemcmp(const wchar_t *a, const wchar_t *b, size_t count) {
    for (; count > 0; --count, ++a, ++b)
        if (*a != *b) return *a < *b ? -1 : 1;
    return 0;
}
static inline wchar_t *wmemchr(const wchar_t *in, wchar_t c, size_t count) {
    for (; count > 0; --count, ++in)
        if (*in == c) return (wchar_t *)in;
    return NULL;
}
static inline size_t wcslen(const wchar_t *s) {
    size_t len = 0;
    while (s[len]) ++len;
    return len;
}

#endif
