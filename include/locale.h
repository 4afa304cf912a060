// locale.h - the "C" locale, the only one.
//
// Owns: what printf-like code asks before it writes a decimal point. Never: another locale.
#ifndef LATTICE_LOCALE_H
#define LATTICE_LOCALE_H

#include <stddef.h>

#include "lattice/target.h"

#define LC_CTYPE 0
#define LC_NUMERIC 1
#define LC_TIME 2
#define LC_COLLATE 3
#define LC_MONETARY 4
#define LC_ALL 6

LATTICE_C_BEGIN

struct lconv { char *decimal_point, *thousands_sep, *grouping; };

static inline struct lconv *lattice_localeconv(void) {
    static struct lconv c = {(char *)".", (char *)"", (char *)""};
    return &c;
}
static inline char *lattice_setlocale(int category, const char *name) {
    (void)category;
    return name == NULL || name[0] == 0 || (name[0] == 'C' && name[1] == 0) ? (char *)"C" : NULL;
}
#define localeconv lattice_localeconv
#define setlocale lattice_setlocale

LATTICE_C_END

#endif
