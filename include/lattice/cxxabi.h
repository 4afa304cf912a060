// lattice/cxxabi.h - what compiled C++ calls, for bare targets: new, delete, statics, pure virtuals, throw.
//
// Owns: the symbols, defined in C as well, so that one C file with the header serves C++ files
// without it. Never: exceptions (a throw ends the match) and native programs.
#ifndef LATTICE_CXXABI_H
#define LATTICE_CXXABI_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "log.h"
#include "memory.h"

LATTICE_C_BEGIN

// A static's destructor never runs: the sim's memory is dropped as a whole when the match ends.
int __cxa_atexit(void (*destroy)(void *), void *object, void *module);
LATTICE_WEAK int __cxa_atexit(void (*destroy)(void *), void *object, void *module) {
    (void)destroy, (void)object, (void)module;
    return 0;
}
#if !defined(__wasm__)
// The module that is named there: elsewhere an object of the compiler's start-up files.
extern void *__dso_handle;
LATTICE_WEAK __attribute__((visibility("hidden"))) void *__dso_handle = 0;
#endif

// A static in a function: the guard's first byte says whether it has been constructed.
int __cxa_guard_acquire(uint64_t *guard);
void __cxa_guard_release(uint64_t *guard);
void __cxa_guard_abort(uint64_t *guard);
LATTICE_WEAK int __cxa_guard_acquire(uint64_t *guard) { return *(unsigned char *)guard == 0; }
LATTICE_WEAK void __cxa_guard_release(uint64_t *guard) { *(unsigned char *)guard = 1; }
LATTICE_WEAK void __cxa_guard_abort(uint64_t *guard) { (void)guard; }

// gcc knows some of these names, with other types.
#define LATTICE_CXX_FATAL(name, signature, why) \
    void lattice##name signature __asm__(#name) __attribute__((noreturn)); \
    LATTICE_WEAK void lattice##name signature { lattice_fatal(why); }

LATTICE_CXX_FATAL(__cxa_pure_virtual, (void), "a pure virtual function was called")
LATTICE_CXX_FATAL(__cxa_deleted_virtual, (void), "a deleted virtual function was called")
LATTICE_CXX_FATAL(__cxa_throw_bad_array_new_length, (void), "new[] of an impossible length")
LATTICE_CXX_FATAL(__cxa_bad_cast, (void), "dynamic_cast to a reference of another class")
LATTICE_CXX_FATAL(__cxa_bad_typeid, (void), "typeid of a null pointer")
LATTICE_CXX_FATAL(__cxa_rethrow, (void), "a C++ exception was thrown: sims have none")

// The operand of a throw is built before it is thrown; nothing catches it.
void *__cxa_allocate_exception(size_t size);
void __cxa_free_exception(void *exception);
void *__cxa_begin_catch(void *exception);
void __cxa_end_catch(void);
void __cxa_throw(void *exception, void *type, void *destroy) __attribute__((noreturn));
LATTICE_WEAK void *__cxa_allocate_exception(size_t size) { return malloc(size); }
LATTICE_WEAK void __cxa_free_exception(void *exception) { free(exception); }
LATTICE_WEAK void *__cxa_begin_catch(void *exception) { return exception; }
LATTICE_WEAK void __cxa_end_catch(void) {}
LATTICE_WEAK void __cxa_throw(void *exception, void *type, void *destroy) {
    (void)exception, (void)type, (void)destroy;
    lattice_fatal("a C++ exception was thrown: sims have none");
}

void lattice_terminate(void) __asm__("_ZSt9terminatev") __attribute__((noreturn));
LATTICE_WEAK void lattice_terminate(void) { lattice_fatal("std::terminate was called"); }

// ---- operator new and delete, under their mangled names -----------------------------------------

#if !defined(LATTICE_NO_NEW)

static inline void *lattice_new_or_fatal(size_t len, size_t alignment) {
    void *memory = aligned_alloc(alignment, len);
    if (memory == NULL) lattice_fatal("operator new: the memory is used up");
    return memory;
}

#define LATTICE_NEW(id, symbol, signature, call) \
    void *lattice_new_##id signature __asm__(symbol); \
    LATTICE_WEAK void *lattice_new_##id signature { return call; }
#define LATTICE_DELETE(id, symbol, signature) \
    void lattice_delete_##id signature __asm__(symbol); \
    LATTICE_WEAK void lattice_delete_##id signature { free(memory); }

LATTICE_NEW(one, "_Znwm", (size_t len), lattice_new_or_fatal(len, 16))
LATTICE_NEW(many, "_Znam", (size_t len), lattice_new_or_fatal(len, 16))
LATTICE_NEW(one_or_null, "_ZnwmRKSt9nothrow_t", (size_t len, const void *tag), ((void)tag, malloc(len)))
LATTICE_NEW(many_or_null, "_ZnamRKSt9nothrow_t", (size_t len, const void *tag), ((void)tag, malloc(len)))
LATTICE_NEW(aligned, "_ZnwmSt11align_val_t", (size_t len, size_t to), lattice_new_or_fatal(len, to))
LATTICE_NEW(many_aligned, "_ZnamSt11align_val_t", (size_t len, size_t to), lattice_new_or_fatal(len, to))
LATTICE_NEW(aligned_or_null, "_ZnwmSt11align_val_tRKSt9nothrow_t", (size_t len, size_t to, const void *tag),
            ((void)tag, aligned_alloc(to, len)))
LATTICE_NEW(many_aligned_or_null, "_ZnamSt11align_val_tRKSt9nothrow_t", (size_t len, size_t to, const void *tag),
            ((void)tag, aligned_alloc(to, len)))

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
LATTICE_DELETE(one, "_ZdlPv", (void *memory))
LATTICE_DELETE(many, "_ZdaPv", (void *memory))
LATTICE_DELETE(sized, "_ZdlPvm", (void *memory, size_t len))
LATTICE_DELETE(many_sized, "_ZdaPvm", (void *memory, size_t len))
LATTICE_DELETE(aligned, "_ZdlPvSt11align_val_t", (void *memory, size_t to))
LATTICE_DELETE(many_aligned, "_ZdaPvSt11align_val_t", (void *memory, size_t to))
LATTICE_DELETE(sized_aligned, "_ZdlPvmSt11align_val_t", (void *memory, size_t len, size_t to))
LATTICE_DELETE(many_sized_aligned, "_ZdaPvmSt11align_val_t", (void *memory, size_t len, size_t to))
LATTICE_DELETE(failed, "_ZdlPvRKSt9nothrow_t", (void *memory, const void *tag))
LATTICE_DELETE(many_failed, "_ZdaPvRKSt9nothrow_t", (void *memory, const void *tag))
LATTICE_DELETE(aligned_failed, "_ZdlPvSt11align_val_tRKSt9nothrow_t", (void *memory, size_t to, const void *tag))
LATTICE_DELETE(many_aligned_failed, "_ZdaPvSt11align_val_tRKSt9nothrow_t", (void *memory, size_t to, const void *tag))
#pragma GCC diagnostic pop

#endif

LATTICE_C_END

#endif
