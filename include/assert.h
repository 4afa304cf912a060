// assert.h - assert: logs what did not hold and where, then traps. NDEBUG removes it.
//
// Owns: the macro (it may be included again with another NDEBUG) and its failure. Never: more.
#include "lattice/assertion.h"

#undef assert
#if defined(NDEBUG)
#define assert(holds) ((void)0)
#else
#define assert(holds) ((holds) ? (void)0 : lattice_assertion_failed(#holds, __FILE__, __LINE__))
#endif

#if !defined(__cplusplus) && !defined(static_assert)
#define static_assert _Static_assert
#endif
