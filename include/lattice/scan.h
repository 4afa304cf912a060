// lattice/scan.h - sscanf: numbers and words out of a text.
//
// Owns: the conversions d i u x o f e g s c [ n %, with *, widths for s c [, and h l ll j z.
// Never: streams.
#ifndef LATTICE_SCAN_H
#define LATTICE_SCAN_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "number.h"

LATTICE_C_BEGIN

// One conversion: its letter, the bytes of an integer and of a real, and the set of a [.
typedef struct lattice_scan_spec {
    bool skip, inverse;
    int width, size, real_size;
    char kind;
    const char *set, *set_end;
} lattice_scan_spec;

static inline bool lattice_in_set(const lattice_scan_spec *spec, char c) {
    for (const char *s = spec->set; s < spec->set_end; ++s) {
        bool range = s + 2 < spec->set_end && s[1] == '-';
        if (range ? c >= s[0] && c <= s[2] : c == *s) return !spec->inverse;
        if (range) s += 2;
    }
    return spec->inverse;
}

static inline const char *lattice_read_scan_spec(const char *f, lattice_scan_spec *spec) {
    lattice_scan_spec none = {false, false, 0x7fffffff, 4, 4, 0, NULL, NULL};
    *spec = none;
    if (*f == '*') spec->skip = true, ++f;
    if (*f >= '0' && *f <= '9') spec->width = (int)strtol(f, (char **)&f, 10);
    for (;; ++f) {
        if (*f == 'h') spec->size = spec->size == 2 ? 1 : 2;
        else if (*f == 'l' && f[1] == 'l') spec->size = 8, ++f;
        else if (*f == 'l') spec->size = sizeof(long), spec->real_size = 8;
        else if (*f == 'j') spec->size = 8;
        else if (*f == 'z' || *f == 't') spec->size = sizeof(size_t);
        else break;
    }
    spec->kind = *f;
    if (*f != '[') return f;
    if (*++f == '^') spec->inverse = true, ++f;
    spec->set = f;
    spec->set_end = strchr(f + 1, ']');
    return spec->set_end ? spec->set_end : f;
}

static inline void lattice_store(void *to, int size, long long value) {
    if (size == 8) *(long long *)to = value;
    else if (size == 4) *(int *)to = (int)value;
    else if (size == 2) *(short *)to = (short)value;
    else *(signed char *)to = (signed char)value;
}

// Reads a number; where it ends, or NULL if there is none.
static inline const char *lattice_scan_number(const char *s, const lattice_scan_spec *spec, void *to) {
    char *end;
    bool real = strchr("feg", spec->kind | 32) != NULL;
    int base = spec->kind == 'i' ? 0 : spec->kind == 'o' ? 8 : (spec->kind | 32) == 'x' || spec->kind == 'p' ? 16 : 10;
    if (real) {
        double value = strtod(s, &end);
        if (!spec->skip && end != s && spec->real_size == 8) *(double *)to = value;
        if (!spec->skip && end != s && spec->real_size == 4) *(float *)to = strtof(s, NULL);
    } else {
        lattice_scanned n = lattice_scan_integer(s, &end, base);
        if (!spec->skip && end != s) lattice_store(to, spec->size, (long long)(n.negative ? 0 - n.size : n.size));
    }
    return end == s ? NULL : end;
}

// Reads c, s or [; where it ends, or NULL if nothing matches.
static inline const char *lattice_scan_text(const char *s, const lattice_scan_spec *spec, char *to) {
    int len = 0, most = spec->kind == 'c' && spec->width == 0x7fffffff ? 1 : spec->width;
    for (; len < most && s[len]; ++len) {
        if (spec->kind == 's' && lattice_skip_space(s + len) != s + len) break;
        if (spec->kind == '[' && !lattice_in_set(spec, s[len])) break;
    }
    if (len == 0) return NULL;
    if (!spec->skip) {
        memcpy(to, s, (size_t)len);
        if (spec->kind != 'c') to[len] = 0;
    }
    return s + len;
}

LATTICE_WEAK int vsscanf(const char *text, const char *format, va_list rest) {
    const char *s = text;
    int stored = 0;
    for (const char *f = format; *f; ++f) {
        lattice_scan_spec spec;
        if (lattice_skip_space(f) != f) { s = lattice_skip_space(s); continue; }
        if (*f != '%') {
            if (*s++ != *f) return stored;
            continue;
        }
        f = lattice_read_scan_spec(f + 1, &spec);
        if (spec.kind == 'n') { lattice_store(va_arg(rest, void *), spec.size, s - text); continue; }
        if (spec.kind != 'c' && spec.kind != '[') s = lattice_skip_space(s);
        if (spec.kind == '%') {
            if (*s++ != '%') return stored;
            continue;
        }
        if (*s == 0) return stored == 0 ? EOF : stored;
        void *to = spec.skip ? NULL : va_arg(rest, void *);
        s = spec.kind == 'c' || spec.kind == 's' || spec.kind == '[' ? lattice_scan_text(s, &spec, (char *)to)
                                                                     : lattice_scan_number(s, &spec, to);
        if (s == NULL) return stored;
        stored += !spec.skip;
    }
    return stored;
}

LATTICE_WEAK int sscanf(const char *text, const char *format, ...) {
    va_list rest;
    va_start(rest, format);
    int stored = vsscanf(text, format, rest);
    va_end(rest);
    return stored;
}

LATTICE_C_END

#endif
