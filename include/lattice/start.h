// lattice/start.h - what a sim shows the host: the version marker, and static constructors once.
//
// Owns: the exports `lattice_abi_v1` and `_initialize`. Never: anything that a sim calls.
#ifndef LATTICE_START_H
#define LATTICE_START_H

#include "target.h"

LATTICE_C_BEGIN

// Names the surface that the module was written for. The host reads its presence and its empty
// body: a linker that wraps exports in constructor calls would fill it.
LATTICE_EXPORTED(lattice_abi_v1) void lattice_abi_v1(void);
__attribute__((weak)) void lattice_abi_v1(void) {}

#if defined(__wasm__)
// wasm-ld makes every export run the static constructors again, unless something names
// __wasm_call_ctors. This does: the host calls _initialize once, before lattice_sim_init.
void __wasm_call_ctors(void);
LATTICE_EXPORTED(_initialize) void _initialize(void);
__attribute__((weak)) void _initialize(void) { __wasm_call_ctors(); }
#endif

LATTICE_C_END

#endif
