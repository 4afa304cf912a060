// strings.h - strcasecmp and strncasecmp, which string.h declares as well.
#ifndef LATTICE_STRINGS_H
#define LATTICE_STRINGS_H

#include <string.h>

#endif
