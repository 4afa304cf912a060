// lattice/target.h - what the compiler must be for a sim to give the same bits everywhere.
//
// Owns: the refusal of compilers and flags that break equality, and the attribute macros that the
// other headers use. Never: a type or a function of its own.
//
// Flags that no macro shows cannot be refused here; docs/sim-authors.md lists them. A native build
// of a sim uses: -ffp-contract=off -fno-math-errno -fsigned-char -fwrapv
#ifndef LATTICE_TARGET_H
#define LATTICE_TARGET_H

#if !defined(__GNUC__)
#error "lattice: a sim is compiled by clang or gcc"
#endif

#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "lattice: -ffast-math, -Ofast and -ffinite-math-only let each compiler round differently: drop the flag"
#endif
#if defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || defined(__NO_SIGNED_ZEROS__)
#error "lattice: -fassociative-math, -freciprocal-math and -fno-signed-zeros change results: drop the flag"
#endif
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0
#error "lattice: float is computed in another precision (x87): compile with -msse2 -mfpmath=sse"
#endif
#if defined(__CHAR_UNSIGNED__)
#error "lattice: plain char is signed in wasm: compile with -fsigned-char"
#endif
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "lattice: wasm is little-endian, and so is every target that must equal it"
#endif
#if defined(LATTICE_CELL) && !(defined(__x86_64__) && defined(__SSE4_1__) && defined(__PIC__))
#error "lattice: a shared object for the native tier is position-independent x86-64 code with SSE4.1: compile with -fPIC -msse4.1"
#endif
#if defined(__wasm64__) || defined(__wasm_atomics__) || defined(__wasm_relaxed_simd__)
#error "lattice: 64-bit memories, threads and relaxed SIMD are refused at the upload: drop -matomics, -mrelaxed-simd"
#endif

// A fused multiply-add rounds once where a*b+c rounds twice. clang is told by the pragma; gcc
// ignores it, and its -ffp-contract=off leaves no trace, so the author confirms it.
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif (defined(__FP_FAST_FMA) || defined(__FP_FAST_FMAF) || defined(__FMA__)) && !defined(LATTICE_FP_CONTRACT_OFF)
#error "lattice: gcc fuses a*b+c here: compile with -ffp-contract=off -DLATTICE_FP_CONTRACT_OFF (or without -mfma)"
#endif

#if defined(__cplusplus)
#define LATTICE_STATIC_ASSERT(holds, why) static_assert(holds, why)
#define LATTICE_C_BEGIN extern "C" {
#define LATTICE_C_END }
#else
#define LATTICE_STATIC_ASSERT(holds, why) _Static_assert(holds, why)
#define LATTICE_C_BEGIN
#define LATTICE_C_END
#endif

LATTICE_STATIC_ASSERT(sizeof(1.0) == sizeof(double), "lattice: drop -fsingle-precision-constant");

// A definition in a header that several files include: the linker keeps one.
#define LATTICE_WEAK __attribute__((weak))

// Nothing but the headers and the surface: a module, and a shared object for the native tier, whose
// build defines LATTICE_CELL. A native program has the system's C library as well.
#if defined(__wasm__) || defined(LATTICE_CELL)
#define LATTICE_BARE
#endif

#if defined(__wasm__)
#define LATTICE_EXPORTED(name) __attribute__((export_name(#name)))
#define LATTICE_IMPORTED(name) __attribute__((import_module("env"), import_name(#name)))
#else
#define LATTICE_EXPORTED(name) __attribute__((visibility("default")))
#define LATTICE_IMPORTED(name)
#endif

// A C function whose definition is ours on every target, under a symbol that no C library has.
#define LATTICE_QUOTE_(x) #x
#define LATTICE_QUOTE(x) LATTICE_QUOTE_(x)
#define LATTICE_OURS(name) __asm__(LATTICE_QUOTE(__USER_LABEL_PREFIX__) "lattice_c_" #name)

#endif
