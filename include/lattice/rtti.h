// lattice/rtti.h - dynamic_cast, for bare targets.
//
// Owns: the walk over the type descriptions that the compiler lays beside virtual tables (Itanium
// C++ ABI, 2.9.5 and 2.9.7). Never: native programs.
#ifndef LATTICE_RTTI_H
#define LATTICE_RTTI_H

#include <stdbool.h>
#include <stddef.h>

#include "target.h"

LATTICE_C_BEGIN

typedef struct lattice_type lattice_type;
typedef struct lattice_base { const lattice_type *type; long offset_and_flags; } lattice_base;
struct lattice_type {
    const void *kind;  // points two words into one of the tables below
    const char *name;
    union {
        const lattice_type *single;
        struct { unsigned flags, count; lattice_base bases[1]; } many;
    } of;
};

// A description's kind is told by the address of its virtual table; the tables are never called.
extern const void *lattice_no_base[4] __asm__("_ZTVN10__cxxabiv117__class_type_infoE");
extern const void *lattice_one_base[4] __asm__("_ZTVN10__cxxabiv120__si_class_type_infoE");
extern const void *lattice_many_bases[4] __asm__("_ZTVN10__cxxabiv121__vmi_class_type_infoE");
LATTICE_WEAK const void *lattice_no_base[4] = {0, 0, 0, 0};
LATTICE_WEAK const void *lattice_one_base[4] = {0, 0, 0, 0};
LATTICE_WEAK const void *lattice_many_bases[4] = {0, 0, 0, 0};

// The types without a class that a throw names; a C++ library has their descriptions elsewhere.
typedef struct lattice_plain_type { const void *kind; const char *name; } lattice_plain_type;
#define LATTICE_PLAIN_TYPE(code) \
    extern lattice_plain_type lattice_type_##code __asm__("_ZTI" #code); \
    LATTICE_WEAK lattice_plain_type lattice_type_##code = {NULL, #code};
LATTICE_PLAIN_TYPE(v) LATTICE_PLAIN_TYPE(b) LATTICE_PLAIN_TYPE(c) LATTICE_PLAIN_TYPE(a) LATTICE_PLAIN_TYPE(h)
LATTICE_PLAIN_TYPE(s) LATTICE_PLAIN_TYPE(t) LATTICE_PLAIN_TYPE(i) LATTICE_PLAIN_TYPE(j) LATTICE_PLAIN_TYPE(l)
LATTICE_PLAIN_TYPE(m) LATTICE_PLAIN_TYPE(x) LATTICE_PLAIN_TYPE(y) LATTICE_PLAIN_TYPE(f) LATTICE_PLAIN_TYPE(d)
LATTICE_PLAIN_TYPE(Pc) LATTICE_PLAIN_TYPE(PKc) LATTICE_PLAIN_TYPE(Pv) LATTICE_PLAIN_TYPE(PKv)

// What is looked for: objects of class `type`; with `at`, only the one there.
typedef struct lattice_search { const lattice_type *type; const char *at, *found; int count; } lattice_search;

void lattice_find_base(lattice_search *search, const lattice_type *type, const char *object);
LATTICE_WEAK void lattice_find_base(lattice_search *search, const lattice_type *type, const char *object) {
    enum { VIRTUAL = 1, PUBLIC = 2 };
    if (type == search->type) {
        if (search->at != NULL && search->at != object) return;
        if (search->found != object) ++search->count;  // a virtual base is met on each way to it
        search->found = object;
    } else if (type->kind == &lattice_one_base[2]) {
        lattice_find_base(search, type->of.single, object);
    } else if (type->kind == &lattice_many_bases[2]) {
        for (unsigned i = 0; i < type->of.many.count; ++i) {
            const lattice_base *base = &type->of.many.bases[i];
            ptrdiff_t offset = base->offset_and_flags >> 8;
            if (base->offset_and_flags & VIRTUAL) offset = *(const ptrdiff_t *)(*(const char *const *)object + offset);
            if (base->offset_and_flags & PUBLIC) lattice_find_base(search, base->type, object + offset);
        }
    }
}

static inline bool lattice_has_base(const lattice_type *type, const char *object, const lattice_type *base, const char *at) {
    lattice_search search = {base, at, NULL, 0};
    lattice_find_base(&search, type, object);
    return search.found != NULL;
}

// Down to the class that `object` is a base of, or across to the only one of that class.
void *__dynamic_cast(const void *object, const lattice_type *from, const lattice_type *to, ptrdiff_t hint);
LATTICE_WEAK void *__dynamic_cast(const void *object, const lattice_type *from, const lattice_type *to, ptrdiff_t hint) {
    const ptrdiff_t *table = *(const ptrdiff_t *const *)object;
    const char *whole = (const char *)object + table[-2], *at = (const char *)object;
    const lattice_type *type = (const lattice_type *)table[-1];
    if (hint >= 0 && lattice_has_base(type, whole, to, at - hint) && lattice_has_base(to, at - hint, from, at))
        return (void *)(at - hint);
    lattice_search search = {to, NULL, NULL, 0};
    lattice_find_base(&search, type, whole);
    if (search.count != 1 || !lattice_has_base(type, whole, from, at)) return NULL;
    return (void *)search.found;
}

LATTICE_C_END

#endif
