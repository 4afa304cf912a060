// lattice/number.h - numbers from text, and rand: ours on every target.
//
// Owns: the definitions behind stdlib.h's strto* and ato*. Never: locales.
#ifndef LATTICE_NUMBER_H
#define LATTICE_NUMBER_H

#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>

#include "decimal.h"
#include "../errno.h"

LATTICE_C_BEGIN

static inline const char *lattice_skip_space(const char *s) {
    while (*s == ' ' || (*s >= '\t' && *s <= '\r')) ++s;
    return s;
}

// The value of a digit in bases up to 36, or 36 for what is none.
static inline int lattice_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'z' ? c - 'a' + 10 : 36;
}

// A number's size and sign; `over` when the size does not fit 64 bits.
typedef struct lattice_scanned { unsigned long long size; bool negative, over; } lattice_scanned;

static inline lattice_scanned lattice_scan_integer(const char *text, char **end, int base) {
    lattice_scanned n = {0, false, false};
    const char *s = lattice_skip_space(text);
    if (*s == '-' || *s == '+') n.negative = *s++ == '-';
    if ((base == 0 || base == 16) && s[0] == '0' && (s[1] | 32) == 'x' && lattice_digit(s[2]) < 16) {
        s += 2;
        base = 16;
    } else if (base == 0) {
        base = *s == '0' ? 8 : 10;
    }
    const char *first = s;
    for (int digit; (digit = lattice_digit(*s)) < base; ++s) {
        n.over = n.over || __builtin_mul_overflow(n.size, (unsigned long long)base, &n.size)
                 || __builtin_add_overflow(n.size, (unsigned long long)digit, &n.size);
    }
    if (end) *end = (char *)(s == first ? text : s);
    return n;
}

static inline long long lattice_scan_signed(const char *text, char **end, int base, long long least, long long most) {
    lattice_scanned n = lattice_scan_integer(text, end, base);
    if (n.negative ? n.over || n.size > (unsigned long long)most + 1 : n.over || n.size > (unsigned long long)most) {
        errno = ERANGE;
        return n.negative ? least : most;
    }
    return n.negative ? (long long)(0 - n.size) : (long long)n.size;
}

static inline unsigned long long lattice_scan_unsigned(const char *text, char **end, int base, unsigned long long most) {
    lattice_scanned n = lattice_scan_integer(text, end, base);
    if (n.over || n.size > most) {
        errno = ERANGE;
        return most;
    }
    return (n.negative ? 0 - n.size : n.size) & most;
}

LATTICE_WEAK long strtol(const char *text, char **end, int base) {
    return (long)lattice_scan_signed(text, end, base, LONG_MIN, LONG_MAX);
}
LATTICE_WEAK long long strtoll(const char *text, char **end, int base) {
    return lattice_scan_signed(text, end, base, LLONG_MIN, LLONG_MAX);
}
LATTICE_WEAK unsigned long strtoul(const char *text, char **end, int base) {
    return (unsigned long)lattice_scan_unsigned(text, end, base, ULONG_MAX);
}
LATTICE_WEAK unsigned long long strtoull(const char *text, char **end, int base) {
    return lattice_scan_unsigned(text, end, base, ULLONG_MAX);
}
LATTICE_WEAK int atoi(const char *text) { return (int)strtol(text, 0, 10); }
LATTICE_WEAK long atol(const char *text) { return strtol(text, 0, 10); }
LATTICE_WEAK long long atoll(const char *text) { return strtoll(text, 0, 10); }

// The length of `word` if the text begins with it, in any case; else 0.
static inline int lattice_match_word(const char *s, const char *word) {
    int i = 0;
    while (word[i] && (s[i] | 32) == word[i]) ++i;
    return word[i] ? 0 : i;
}

// Digits with a point and an exponent into `d`; where they end, or NULL if there is no digit.
static inline const char *lattice_scan_decimal(const char *s, lattice_decimal *d) {
    bool any = false, point = false;
    d->count = d->point = 0;
    d->cut = false;
    for (;; ++s) {
        if (*s == '.' && !point) { point = true; continue; }
        if (*s < '0' || *s > '9') break;
        any = true;
        if (d->count == 0 && *s == '0') { d->point -= point; continue; }
        lattice_decimal_add_digit(d, *s - '0');
        d->point += !point;
    }
    if (!any) return NULL;
    if ((*s | 32) == 'e') {
        const char *e = s + 1;
        bool negative = *e == '-';
        if (*e == '-' || *e == '+') ++e;
        if (*e >= '0' && *e <= '9') {
            int exponent = 0;
            for (; *e >= '0' && *e <= '9'; ++e) exponent = exponent < 9999 ? exponent * 10 + (*e - '0') : 9999;
            d->point += negative ? -exponent : exponent;
            s = e;
        }
    }
    lattice_decimal_trim(d);
    return s;
}

static inline double lattice_scan_float(const char *text, char **end, int bits, int least) {
    const char *s = lattice_skip_space(text), *stop;
    bool negative = *s == '-';
    double value;
    lattice_decimal d;
    if (*s == '-' || *s == '+') ++s;
    if (lattice_match_word(s, "inf")) {
        stop = s + (lattice_match_word(s, "infinity") ? 8 : 3);
        value = __builtin_inf();
    } else if (lattice_match_word(s, "nan")) {
        stop = s + 3;
        value = __builtin_nan("");
    } else if ((stop = lattice_scan_decimal(s, &d)) != NULL) {
        bool zero = d.count == 0;
        value = lattice_decimal_nearest(&d, bits, least);
        if (value == __builtin_inf() || (value == 0 && !zero)) errno = ERANGE;
    } else {
        stop = text;
        value = 0;
    }
    if (end) *end = (char *)stop;
    return negative ? -value : value;
}

// Decimal numbers, inf and nan; hexadecimal floats are not read.
LATTICE_WEAK double strtod(const char *text, char **end) { return lattice_scan_float(text, end, 53, -1022); }
LATTICE_WEAK float strtof(const char *text, char **end) { return (float)lattice_scan_float(text, end, 24, -126); }
LATTICE_WEAK double atof(const char *text) { return strtod(text, 0); }

// SplitMix64's steps; the high 31 bits of each.
extern unsigned long long lattice_rand_state;
LATTICE_WEAK unsigned long long lattice_rand_state = 1;
LATTICE_WEAK void srand(unsigned seed) { lattice_rand_state = seed; }
LATTICE_WEAK int rand(void) {
    unsigned long long z = (lattice_rand_state += 0x9e3779b97f4a7c15ull);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return (int)((z ^ (z >> 31)) >> 33);
}

LATTICE_C_END

#endif
