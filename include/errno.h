// errno.h - errno, which strtol, strtod and a few others set.
//
// Owns: one int, ours on every target (a sim has one thread). Never: a system's error.
#ifndef LATTICE_ERRNO_H
#define LATTICE_ERRNO_H

#include "lattice/target.h"

#define ENOENT 2
#define EINTR 4
#define EIO 5
#define EBADF 9
#define EAGAIN 11
#define ENOMEM 12
#define EACCES 13
#define EEXIST 17
#define EINVAL 22
#define EDOM 33
#define ERANGE 34
#define EILSEQ 84
#define EOVERFLOW 75

LATTICE_C_BEGIN

extern int lattice_errno;
LATTICE_WEAK int lattice_errno = 0;
#define errno lattice_errno

LATTICE_C_END

#endif
