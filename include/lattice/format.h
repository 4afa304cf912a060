// lattice/format.h - printf's formats: one implementation for every target, floats exactly rounded.
//
// Owns: vsnprintf and what follows from it. Never: locales, wide characters, %n, memory.
#ifndef LATTICE_FORMAT_H
#define LATTICE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "decimal.h"
#include "log.h"

typedef struct lattice_output { char *to; size_t room, len; } lattice_output;

// One conversion: flags, width, precision (-1: none), size in bytes of an integer argument.
typedef struct lattice_spec {
    bool left, plus, space, alternate, zero;
    int width, precision, size;
    char kind;
} lattice_spec;

LATTICE_C_BEGIN

int vsnprintf(char *to, size_t room, const char *format, va_list arguments)
    LATTICE_OURS(vsnprintf) __attribute__((format(printf, 3, 0)));
int snprintf(char *to, size_t room, const char *format, ...)
    LATTICE_OURS(snprintf) __attribute__((format(printf, 3, 4)));

static inline void lattice_emit(lattice_output *out, char c) {
    if (out->len + 1 < out->room) out->to[out->len] = c;
    ++out->len;
}
static inline void lattice_emit_many(lattice_output *out, char c, int count) {
    for (; count > 0; --count) lattice_emit(out, c);
}
static inline void lattice_emit_text(lattice_output *out, const char *text, int len) {
    for (int i = 0; i < len; ++i) lattice_emit(out, text[i]);
}

// Emits prefix and body with the padding that the width asks for: spaces outside, zeros between.
static inline void lattice_emit_padded(lattice_output *out, const lattice_spec *spec, const char *prefix,
                                       int zeros, const char *body, int len) {
    int prefix_len = (int)strlen(prefix), pad = spec->width - prefix_len - zeros - len;
    if (!spec->left && !spec->zero) lattice_emit_many(out, ' ', pad);
    lattice_emit_text(out, prefix, prefix_len);
    if (!spec->left && spec->zero) lattice_emit_many(out, '0', pad);
    lattice_emit_many(out, '0', zeros);
    lattice_emit_text(out, body, len);
    if (spec->left) lattice_emit_many(out, ' ', pad);
}

static inline const char *lattice_sign(const lattice_spec *spec, bool negative) {
    return negative ? "-" : spec->plus ? "+" : spec->space ? " " : "";
}

static inline void lattice_format_integer(lattice_output *out, lattice_spec *spec, uint64_t size, const char *sign) {
    char digits[24];
    int at = sizeof digits, zeros;
    unsigned base = spec->kind == 'o' ? 8 : (spec->kind | 32) == 'x' || spec->kind == 'p' ? 16 : 10;
    const char *letters = spec->kind == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    bool prefixed = base == 16 && (spec->kind == 'p' || (spec->alternate && size != 0));
    if (spec->precision >= 0) spec->zero = false;
    for (; size > 0; size /= base) digits[--at] = letters[size % base];
    zeros = (spec->precision < 0 ? 1 : spec->precision) - ((int)sizeof digits - at);
    if (base == 8 && spec->alternate && zeros < 1) zeros = 1;
    lattice_emit_padded(out, spec, prefixed ? (spec->kind == 'X' ? "0X" : "0x") : sign, zeros > 0 ? zeros : 0,
                        digits + at, (int)sizeof digits - at);
}

// The digit at a decimal place: 0 is the last before the point, -1 the first after it.
static inline char lattice_place(const lattice_decimal *d, int place) {
    int i = d->point - 1 - place;
    return (char)('0' + (i >= 0 && i < d->count ? d->digits[i] : 0));
}

// Emits the digits with `precision` places after the point, and `suffix`.
static inline void lattice_emit_decimal(lattice_output *out, const lattice_spec *spec, const lattice_decimal *d,
                                        int precision, const char *sign, const char *suffix) {
    bool point = precision > 0 || spec->alternate;
    int before = d->point > 1 ? d->point : 1, suffix_len = (int)strlen(suffix);
    int pad = spec->width - (int)strlen(sign) - before - point - precision - suffix_len;
    if (!spec->left && !spec->zero) lattice_emit_many(out, ' ', pad);
    lattice_emit_text(out, sign, (int)strlen(sign));
    if (!spec->left && spec->zero) lattice_emit_many(out, '0', pad);
    for (int place = before - 1; place >= 0; --place) lattice_emit(out, lattice_place(d, place));
    if (point) lattice_emit(out, '.');
    for (int place = -1; place >= -precision; --place) lattice_emit(out, lattice_place(d, place));
    lattice_emit_text(out, suffix, suffix_len);
    if (spec->left) lattice_emit_many(out, ' ', pad);
}

// Emits one digit before the point and the power of ten behind.
static inline void lattice_emit_scientific(lattice_output *out, const lattice_spec *spec, lattice_decimal *d,
                                           int precision, const char *sign) {
    char suffix[8];
    int power = d->count == 0 ? 0 : d->point - 1, size = power < 0 ? -power : power, at = 0;
    suffix[at++] = spec->kind & 32 ? 'e' : 'E';
    suffix[at++] = power < 0 ? '-' : '+';
    if (size >= 100) suffix[at++] = (char)('0' + size / 100);
    suffix[at++] = (char)('0' + size / 10 % 10);
    suffix[at++] = (char)('0' + size % 10);
    suffix[at] = 0;
    d->point = 1;
    lattice_emit_decimal(out, spec, d, precision, sign, suffix);
}

static inline void lattice_format_general(lattice_output *out, const lattice_spec *spec, lattice_decimal *d,
                                          int precision, const char *sign) {
    int digits = precision == 0 ? 1 : precision, power, after;
    lattice_decimal_round(d, digits);
    power = d->count == 0 ? 0 : d->point - 1;
    bool fixed = power >= -4 && power < digits;
    after = fixed ? digits - 1 - power : digits - 1;
    if (!spec->alternate) {  // no zeros at the end
        int there = d->count - (fixed ? d->point : 1);
        after = there < 0 || d->count == 0 ? 0 : there < after ? there : after;
    }
    if (fixed) lattice_emit_decimal(out, spec, d, after, sign, "");
    else lattice_emit_scientific(out, spec, d, after, sign);
}

static inline void lattice_format_float(lattice_output *out, lattice_spec *spec, double x) {
    bool upper = (spec->kind & 32) == 0;
    const char *sign = lattice_sign(spec, x == x && lattice_raw_f64(x) >> 63 != 0);
    int precision = spec->precision < 0 ? 6 : spec->precision;
    lattice_decimal d;
    if (x != x || x - x != 0) {
        spec->zero = false;
        lattice_emit_padded(out, spec, sign, 0, x != x ? (upper ? "NAN" : "nan") : upper ? "INF" : "inf", 3);
        return;
    }
    lattice_decimal_of(&d, x);
    switch (spec->kind | 32) {
    case 'f':
        lattice_decimal_round(&d, d.point + precision);
        lattice_emit_decimal(out, spec, &d, precision, sign, "");
        break;
    case 'e':
        lattice_decimal_round(&d, 1 + precision);
        lattice_emit_scientific(out, spec, &d, precision, sign);
        break;
    default:
        lattice_format_general(out, spec, &d, precision, sign);
    }
}

// Reads flags, width, precision and length up to the conversion's letter; where that is.
static inline const char *lattice_read_spec(const char *f, lattice_spec *spec, va_list *arguments) {
    lattice_spec none = {false, false, false, false, false, 0, -1, sizeof(int), 0};
    *spec = none;
    for (;; ++f) {
        if (*f == '-') spec->left = true;
        else if (*f == '+') spec->plus = true;
        else if (*f == ' ') spec->space = true;
        else if (*f == '#') spec->alternate = true;
        else if (*f == '0') spec->zero = true;
        else break;
    }
    if (*f == '*') {
        spec->width = va_arg(*arguments, int);
        if (spec->width < 0) spec->left = true, spec->width = -spec->width;
        ++f;
    }
    while (*f >= '0' && *f <= '9') spec->width = spec->width * 10 + (*f++ - '0');
    if (*f == '.') {
        spec->precision = 0;
        if (*++f == '*') spec->precision = va_arg(*arguments, int), ++f;
        while (*f >= '0' && *f <= '9') spec->precision = spec->precision * 10 + (*f++ - '0');
    }
    for (;; ++f) {
        if (*f == 'h') spec->size = spec->size == 2 ? 1 : 2;
        else if (*f == 'l' && f[1] == 'l') spec->size = sizeof(long long), ++f;
        else if (*f == 'l') spec->size = sizeof(long);
        else if (*f == 'j' || *f == 'q') spec->size = 8;
        else if (*f == 'z' || *f == 't') spec->size = sizeof(size_t);
        else break;
    }
    spec->kind = *f;
    return f;
}

static inline void lattice_format_signed(lattice_output *out, lattice_spec *spec, va_list *arguments) {
    int64_t value = spec->size == 8 ? va_arg(*arguments, long long) : va_arg(*arguments, int);
    if (spec->size == 1) value = (signed char)value;
    if (spec->size == 2) value = (short)value;
    lattice_format_integer(out, spec, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, lattice_sign(spec, value < 0));
}

static inline void lattice_format_unsigned(lattice_output *out, lattice_spec *spec, va_list *arguments) {
    uint64_t value = spec->size == 8 ? va_arg(*arguments, unsigned long long) : va_arg(*arguments, unsigned);
    if (spec->size == 1) value = (unsigned char)value;
    if (spec->size == 2) value = (unsigned short)value;
    lattice_format_integer(out, spec, value, "");
}

static inline void lattice_format_string(lattice_output *out, lattice_spec *spec, const char *text) {
    int len = 0;
    if (text == NULL) text = "(null)";
    while ((spec->precision < 0 || len < spec->precision) && text[len]) ++len;
    spec->zero = false;
    lattice_emit_padded(out, spec, "", 0, text, len);
}

static inline void lattice_format_one(lattice_output *out, lattice_spec *spec, va_list *arguments) {
    char c;
    switch (spec->kind) {
    case 'd': case 'i': lattice_format_signed(out, spec, arguments); break;
    case 'u': case 'o': case 'x': case 'X': lattice_format_unsigned(out, spec, arguments); break;
    case 'f': case 'F': case 'e': case 'E': case 'g': case 'G':
        lattice_format_float(out, spec, va_arg(*arguments, double));
        break;
    case 'p': lattice_format_integer(out, spec, (uintptr_t)va_arg(*arguments, void *), ""); break;
    case 's': lattice_format_string(out, spec, va_arg(*arguments, const char *)); break;
    case 'c':
        c = (char)va_arg(*arguments, int);
        spec->zero = false;
        lattice_emit_padded(out, spec, "", 0, &c, 1);
        break;
    case '%': lattice_emit(out, '%'); break;
    default: lattice_fatal("printf: a format has none of the conversions d i u o x X c s p f e g %");
    }
}

LATTICE_WEAK int vsnprintf(char *to, size_t room, const char *format, va_list arguments) {
    lattice_output out = {to, room, 0};
    lattice_spec spec;
    va_list rest;
    va_copy(rest, arguments);
    for (const char *f = format; *f; ++f) {
        if (*f != '%') { lattice_emit(&out, *f); continue; }
        f = lattice_read_spec(f + 1, &spec, &rest);
        lattice_format_one(&out, &spec, &rest);
    }
    va_end(rest);
    if (room > 0) to[out.len < room ? out.len : room - 1] = 0;
    return (int)out.len;
}

LATTICE_WEAK int snprintf(char *to, size_t room, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(to, room, format, arguments);
    va_end(arguments);
    return len;
}

// Logs a formatted line without its newline at the end, and returns its length.
static inline int lattice_vlogf(int32_t level, const char *format, va_list arguments) {
    char line[1024];
    int len = vsnprintf(line, sizeof line, format, arguments);
    uint32_t used = len < (int)sizeof line ? (uint32_t)len : (uint32_t)sizeof line - 1;
    if (used > 0 && line[used - 1] == '\n') --used;
    lattice_ms_log(level, line, used);
    return len;
}

LATTICE_WEAK void lattice_logf(int32_t level, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    lattice_vlogf(level, format, arguments);
    va_end(arguments);
}

LATTICE_C_END

#endif
