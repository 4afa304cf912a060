// inttypes.h - printf's formats for the integers of fixed width.
//
// Owns: the macros, by the width that long has on this target. Never: wide characters.
#ifndef LATTICE_INTTYPES_H
#define LATTICE_INTTYPES_H

#include <stdint.h>
#include <stdlib.h>

#if defined(__INT64_FMTd__)
#define LATTICE_FORMAT64(letter) LATTICE_FORMAT64_##letter
#define LATTICE_FORMAT64_d __INT64_FMTd__
#define LATTICE_FORMAT64_i __INT64_FMTi__
#define LATTICE_FORMAT64_u __UINT64_FMTu__
#define LATTICE_FORMAT64_o __UINT64_FMTo__
#define LATTICE_FORMAT64_x __UINT64_FMTx__
#define LATTICE_FORMAT64_X __UINT64_FMTX__
#elif defined(__LP64__)
#define LATTICE_FORMAT64(letter) "l" #letter
#else
#define LATTICE_FORMAT64(letter) "ll" #letter
#endif

#define PRId8 "hhd"
#define PRId16 "hd"
#define PRId32 "d"
#define PRId64 LATTICE_FORMAT64(d)
#define PRIdLEAST8 "hhd"
#define PRIdLEAST16 "hd"
#define PRIdLEAST32 "d"
#define PRIdLEAST64 LATTICE_FORMAT64(d)
#define PRIdFAST8 "hhd"
#define PRIdFAST64 LATTICE_FORMAT64(d)
#define PRIdMAX LATTICE_FORMAT64(d)
#define PRIdPTR "ld"
#define PRIi8 "hhi"
#define PRIi16 "hi"
#define PRIi32 "i"
#define PRIi64 LATTICE_FORMAT64(i)
#define PRIiLEAST8 "hhi"
#define PRIiLEAST16 "hi"
#define PRIiLEAST32 "i"
#define PRIiLEAST64 LATTICE_FORMAT64(i)
#define PRIiFAST8 "hhi"
#define PRIiFAST64 LATTICE_FORMAT64(i)
#define PRIiMAX LATTICE_FORMAT64(i)
#define PRIiPTR "li"
#define PRIo8 "hho"
#define PRIo16 "ho"
#define PRIo32 "o"
#define PRIo64 LATTICE_FORMAT64(o)
#define PRIoLEAST8 "hho"
#define PRIoLEAST16 "ho"
#define PRIoLEAST32 "o"
#define PRIoLEAST64 LATTICE_FORMAT64(o)
#define PRIoFAST8 "hho"
#define PRIoFAST64 LATTICE_FORMAT64(o)
#define PRIoMAX LATTICE_FORMAT64(o)
#define PRIoPTR "lo"
#define PRIx8 "hhx"
#define PRIx16 "hx"
#define PRIx32 "x"
#define PRIx64 LATTICE_FORMAT64(x)
#define PRIxLEAST8 "hhx"
#define PRIxLEAST16 "hx"
#define PRIxLEAST32 "x"
#define PRIxLEAST64 LATTICE_FORMAT64(x)
#define PRIxFAST8 "hhx"
#define PRIxFAST64 LATTICE_FORMAT64(x)
#define PRIxMAX LATTICE_FORMAT64(x)
#define PRIxPTR "lx"
#define PRIX8 "hhX"
#define PRIX16 "hX"
#define PRIX32 "X"
#define PRIX64 LATTICE_FORMAT64(X)
#define PRIXLEAST8 "hhX"
#define PRIXLEAST16 "hX"
#define PRIXLEAST32 "X"
#define PRIXLEAST64 LATTICE_FORMAT64(X)
#define PRIXFAST8 "hhX"
#define PRIXFAST64 LATTICE_FORMAT64(X)
#define PRIXMAX LATTICE_FORMAT64(X)
#define PRIXPTR "lX"
#define PRIu8 "hhu"
#define PRIu16 "hu"
#define PRIu32 "u"
#define PRIu64 LATTICE_FORMAT64(u)
#define PRIuLEAST8 "hhu"
#define PRIuLEAST16 "hu"
#define PRIuLEAST32 "u"
#define PRIuLEAST64 LATTICE_FORMAT64(u)
#define PRIuFAST8 "hhu"
#define PRIuFAST64 LATTICE_FORMAT64(u)
#define PRIuMAX LATTICE_FORMAT64(u)
#define PRIuPTR "lu"
#define SCNd8 "hhd"
#define SCNd16 "hd"
#define SCNd32 "d"
#define SCNd64 LATTICE_FORMAT64(d)
#define SCNi8 "hhi"
#define SCNi16 "hi"
#define SCNi32 "i"
#define SCNi64 LATTICE_FORMAT64(i)
#define SCNo8 "hho"
#define SCNo16 "ho"
#define SCNo32 "o"
#define SCNo64 LATTICE_FORMAT64(o)
#define SCNx8 "hhx"
#define SCNx16 "hx"
#define SCNx32 "x"
#define SCNx64 LATTICE_FORMAT64(x)
#define SCNu8 "hhu"
#define SCNu16 "hu"
#define SCNu32 "u"
#define SCNu64 LATTICE_FORMAT64(u)

#endif
