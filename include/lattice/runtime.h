// lattice/runtime.h - what a compiler takes for granted and a bare target does not have.
//
// Owns: the list of the parts. Never: anything in a native program, where the system's own are linked.
#ifndef LATTICE_RUNTIME_H
#define LATTICE_RUNTIME_H

#include <stdlib.h>
#include <string.h>

#if defined(LATTICE_BARE) && !defined(LATTICE_NO_LIBC)
#include "cxxabi.h"
#include "int128.h"
#include "rtti.h"
#if __has_include(<__config>)  // libc++ is there, and what it calls of a C library
#if defined(__wasm__)
#include "wasi.h"
#else
#include "glibc.h"
#endif
#endif
#endif

#endif
