// alloca.h - memory on the stack until the function returns; the stack is small, and not checked
// unless the module is linked with --stack-first.
#ifndef LATTICE_ALLOCA_H
#define LATTICE_ALLOCA_H

#define alloca(len) __builtin_alloca(len)

#endif
