// ctype.h - classes of ASCII characters, no locale.
//
// Owns: the functions, equal on every target. Never: a character above 127 in any class.
#ifndef LATTICE_CTYPE_H
#define LATTICE_CTYPE_H

#if defined(__cplusplus)
extern "C++" {
#endif

static inline int lattice_isdigit(int c) { return c >= '0' && c <= '9'; }
static inline int lattice_islower(int c) { return c >= 'a' && c <= 'z'; }
static inline int lattice_isupper(int c) { return c >= 'A' && c <= 'Z'; }
static inline int lattice_isalpha(int c) { return lattice_islower(c) || lattice_isupper(c); }
static inline int lattice_isalnum(int c) { return lattice_isalpha(c) || lattice_isdigit(c); }
static inline int lattice_isspace(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static inline int lattice_isblank(int c) { return c == ' ' || c == '\t'; }
static inline int lattice_iscntrl(int c) { return (c >= 0 && c < 32) || c == 127; }
static inline int lattice_isprint(int c) { return c >= 32 && c < 127; }
static inline int lattice_isgraph(int c) { return c > 32 && c < 127; }
static inline int lattice_ispunct(int c) { return lattice_isgraph(c) && !lattice_isalnum(c); }
static inline int lattice_isxdigit(int c) { return lattice_isdigit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f'); }
static inline int lattice_tolower(int c) { return lattice_isupper(c) ? c + 32 : c; }
static inline int lattice_toupper(int c) { return lattice_islower(c) ? c - 32 : c; }

#if defined(__cplusplus)
inline int isdigit(int c) { return lattice_isdigit(c); }
inline int islower(int c) { return lattice_islower(c); }
inline int isupper(int c) { return lattice_isupper(c); }
inline int isalpha(int c) { return lattice_isalpha(c); }
inline int isalnum(int c) { return lattice_isalnum(c); }
inline int isspace(int c) { return lattice_isspace(c); }
inline int isblank(int c) { return lattice_isblank(c); }
inline int iscntrl(int c) { return lattice_iscntrl(c); }
inline int isprint(int c) { return lattice_isprint(c); }
inline int isgraph(int c) { return lattice_isgraph(c); }
inline int ispunct(int c) { return lattice_ispunct(c); }
inline int isxdigit(int c) { return lattice_isxdigit(c); }
inline int tolower(int c) { return lattice_tolower(c); }
inline int toupper(int c) { return lattice_toupper(c); }
}
#else
#define isdigit lattice_isdigit
#define islower lattice_islower
#define isupper lattice_isupper
#define isalpha lattice_isalpha
#define isalnum lattice_isalnum
#define isspace lattice_isspace
#define isblank lattice_isblank
#define iscntrl lattice_iscntrl
#define isprint lattice_isprint
#define isgraph lattice_isgraph
#define ispunct lattice_ispunct
#define isxdigit lattice_isxdigit
#define tolower lattice_tolower
#define toupper lattice_toupper
#endif

#endif
