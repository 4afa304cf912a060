// lattice/decimal.h - between doubles and decimal digits, exactly, in both directions.
//
// Owns: a decimal number that can be shifted by powers of two. Never: rounds anything but the last
// digit or bit, to the nearest, ties to even: so every correct C library gives the same text.
#ifndef LATTICE_DECIMAL_H
#define LATTICE_DECIMAL_H

#include "cast.h"

// The longest expansion of a double has 767 digits.
enum { LATTICE_DIGITS = 800, LATTICE_SHIFT = 56 };

// 0.d1 d2 ... dn * 10^point; n is 0 for zero.
typedef struct lattice_decimal {
    int count, point;
    bool cut;  // digits beyond the last one were not all 0
    uint8_t digits[LATTICE_DIGITS];
} lattice_decimal;

static inline void lattice_decimal_trim(lattice_decimal *d) {
    while (d->count > 0 && d->digits[d->count - 1] == 0) --d->count;
    if (d->count == 0) d->point = 0;
}

static inline void lattice_decimal_add_digit(lattice_decimal *d, int digit) {
    if (d->count < LATTICE_DIGITS) d->digits[d->count++] = (uint8_t)digit;
    else if (digit != 0) d->cut = true;
}

static inline void lattice_decimal_set(lattice_decimal *d, uint64_t value) {
    uint8_t reversed[20];
    int n = 0;
    for (; value > 0; value /= 10) reversed[n++] = (uint8_t)(value % 10);
    d->count = 0;
    d->cut = false;
    d->point = n;
    while (n > 0) d->digits[d->count++] = reversed[--n];
    lattice_decimal_trim(d);
}

// Divides by 2^by, by <= LATTICE_SHIFT: long division from the first digit.
static inline void lattice_decimal_halve(lattice_decimal *d, int by) {
    uint64_t left = 0, mask = (1ull << by) - 1;
    int read = 0, skipped = 0, count = d->count;
    for (; left >> by == 0 && (read < count || left != 0); ++read, ++skipped)
        left = left * 10 + (read < count ? d->digits[read] : 0);
    d->count = 0;
    d->point -= skipped - 1;
    while (read < count || left != 0) {
        int next = read < count ? d->digits[read] : 0;
        ++read;
        lattice_decimal_add_digit(d, (int)(left >> by));
        left = (left & mask) * 10 + (uint64_t)next;
    }
    lattice_decimal_trim(d);
}

// Multiplies by 2^by, by <= LATTICE_SHIFT: from the last digit, then room for what is carried.
static inline void lattice_decimal_double(lattice_decimal *d, int by) {
    uint8_t carried[20];
    uint64_t carry = 0;
    int extra = 0, keep;
    for (int i = d->count - 1; i >= 0; --i) {
        carry += (uint64_t)d->digits[i] << by;
        d->digits[i] = (uint8_t)(carry % 10);
        carry /= 10;
    }
    for (; carry > 0; carry /= 10) carried[extra++] = (uint8_t)(carry % 10);
    keep = d->count + extra > LATTICE_DIGITS ? LATTICE_DIGITS - extra : d->count;
    for (int i = keep; i < d->count; ++i) d->cut = d->cut || d->digits[i] != 0;
    for (int i = keep - 1; i >= 0; --i) d->digits[i + extra] = d->digits[i];
    for (int i = 0; i < extra; ++i) d->digits[i] = carried[extra - 1 - i];
    d->count = keep + extra;
    d->point += extra;
    lattice_decimal_trim(d);
}

static inline void lattice_decimal_shift(lattice_decimal *d, int by) {
    for (; by > LATTICE_SHIFT; by -= LATTICE_SHIFT) lattice_decimal_double(d, LATTICE_SHIFT);
    for (; by < -LATTICE_SHIFT; by += LATTICE_SHIFT) lattice_decimal_halve(d, LATTICE_SHIFT);
    if (by > 0) lattice_decimal_double(d, by);
    else if (by < 0) lattice_decimal_halve(d, -by);
}

// Whether cutting to the first `count` digits rounds the last of them up.
static inline bool lattice_decimal_rounds_up(const lattice_decimal *d, int count) {
    if (count < 0 || count >= d->count) return false;
    if (d->digits[count] == 5 && count + 1 == d->count && !d->cut)
        return count > 0 && (d->digits[count - 1] & 1) != 0;
    return d->digits[count] >= 5;
}

// Rounds to `count` digits, none if below 1 (then 0, or 1 in the place before the first).
static inline void lattice_decimal_round(lattice_decimal *d, int count) {
    if (count >= d->count) return;
    bool up = lattice_decimal_rounds_up(d, count);
    d->count = count < 0 ? 0 : count;
    d->cut = false;
    if (!up) { lattice_decimal_trim(d); return; }
    while (d->count > 0 && d->digits[d->count - 1] == 9) --d->count;
    if (d->count > 0) { ++d->digits[d->count - 1]; return; }
    d->digits[0] = 1;
    d->count = 1;
    ++d->point;
}

// The exact digits of |x|, which is finite.
static inline void lattice_decimal_of(lattice_decimal *d, double x) {
    uint64_t bits = lattice_raw_f64(x), fraction = bits & 0xfffffffffffffull;
    int exponent = (int)(bits >> 52 & 0x7ff);
    lattice_decimal_set(d, exponent == 0 ? fraction : fraction | 1ull << 52);
    lattice_decimal_shift(d, (exponent == 0 ? 1 : exponent) - 1075);
}

// The nearest whole number; `d` is below 2^64.
static inline uint64_t lattice_decimal_integer(const lattice_decimal *d) {
    uint64_t value = 0;
    for (int i = 0; i < d->point; ++i) value = value * 10 + (i < d->count ? d->digits[i] : 0);
    return value + (lattice_decimal_rounds_up(d, d->point) ? 1 : 0);
}

// The nearest float with `bits` of fraction (its leading 1 included) whose smallest exponent is
// `least`: 53 and -1022 for double, 24 and -126 for float. Infinity above 2^(2 - least).
static inline double lattice_decimal_nearest(lattice_decimal *d, int bits, int least) {
    int exponent = 0;  // d times 2^exponent is the value
    if (d->count == 0 || d->point < -400) return 0;
    if (d->point > 400) return __builtin_inf();
    while (d->point > 0) {
        int by = d->point > 17 ? LATTICE_SHIFT : d->point * 3;
        lattice_decimal_shift(d, -by);
        exponent += by;
    }
    while (d->point < 0 || (d->point == 0 && d->digits[0] < 5)) {
        int by = d->point < -17 ? LATTICE_SHIFT : d->point == 0 ? 1 : -d->point * 3;
        lattice_decimal_shift(d, by);
        exponent -= by;
    }
    // Now 1/2 <= d < 1. A subnormal has fewer bits.
    int kept = exponent - 1 < least ? bits - (least - (exponent - 1)) : bits;
    if (kept < 0) return 0;
    lattice_decimal_shift(d, kept);
    double value = (double)(int64_t)lattice_decimal_integer(d);
    for (exponent -= kept; exponent > 0 && value < __builtin_inf(); --exponent) value *= 2;
    if (value > 1.7976931348623157e308 || (least == -126 && value > 3.4028234663852886e38)) return __builtin_inf();
    for (; exponent < 0; ++exponent) value *= 0.5;  // exact: the bits were rounded above
    return value;
}

#endif
