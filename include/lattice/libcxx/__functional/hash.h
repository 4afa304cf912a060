// <__functional/hash.h> - libc++'s std::hash, with the same values on every target.
//
// libc++ hashes by the width of size_t and long: texts by one of two functions, 64-bit numbers by
// one of two ways, negative ones to two places. An unordered container would be walked in another
// order natively than in the module.
//
// Owns: what libc++'s own code takes instead: a number's hash depends on its value and not on its
// width. Never: hashes of addresses (pointers, type_index), of bitset and of vector<bool>.
#ifndef LATTICE_LIBCXX_HASH
#define LATTICE_LIBCXX_HASH

// All that libc++'s file includes: the cast that is renamed below is then that file's alone.
#include <__config>
#include <__functional/unary_function.h>
#include <__tuple>
#include <__utility/forward.h>
#include <__utility/move.h>
#include <__utility/pair.h>
#include <__utility/swap.h>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

_LIBCPP_BEGIN_NAMESPACE_STD

// The lower half, with an upper half that is not 0 mixed in.
template <class Number> size_t lattice_number_hash(Number value) {
    const uint64_t wide = static_cast<uint64_t>(value);
    const uint32_t mixed = static_cast<uint32_t>(wide >> 32) * 0x9e3779b1u;
    return static_cast<uint32_t>(wide) ^ mixed ^ mixed >> 16;
}

template <class To, class From> struct lattice_is_hash {
    static const bool value = is_same<To, size_t>::value && is_integral<From>::value;
};
template <class To, class From>
typename enable_if<lattice_is_hash<To, From>::value, To>::type lattice_hash_cast(From value) {
    return lattice_number_hash(value);
}
template <class To, class From>
typename enable_if<!lattice_is_hash<To, From>::value, To>::type lattice_hash_cast(From value) {
    return static_cast<To>(value);
}

template <class Number, size_t words> struct __scalar_hash;
template <class Number> struct lattice_scalar_hash {
    size_t operator()(Number value) const {
        uint64_t bits;
        _VSTD::memcpy(&bits, &value, sizeof bits);
        return lattice_number_hash(bits);
    }
};
#define LATTICE_SCALAR_HASH(Number) \
    template <> struct __scalar_hash<Number, sizeof(Number) / sizeof(size_t)> : lattice_scalar_hash<Number> {};
LATTICE_SCALAR_HASH(long long)
LATTICE_SCALAR_HASH(unsigned long long)
LATTICE_SCALAR_HASH(double)

#if __SIZEOF_SIZE_T__ == 8
// Texts, and two hashes that become one, by the function that libc++ has for 32 bits.
template <class Size, size_t bits> struct __murmur2_or_cityhash;
template <> struct __murmur2_or_cityhash<size_t, 64> {
    inline size_t operator()(const void *key, size_t len) const;
};
struct _PairT;
template <> struct __scalar_hash<_PairT, 2> {
    inline size_t operator()(const _PairT &hashes) const;
};
#endif

_LIBCPP_END_NAMESPACE_STD

// There, a number becomes a hash by static_cast<size_t>(value), in full specialisations.
#define static_cast lattice_hash_cast
#include_next <__functional/hash.h>
#undef static_cast

#if __SIZEOF_SIZE_T__ == 8
_LIBCPP_BEGIN_NAMESPACE_STD

size_t __murmur2_or_cityhash<size_t, 64>::operator()(const void *key, size_t len) const {
    return __murmur2_or_cityhash<uint32_t, 32>()(key, static_cast<uint32_t>(len));
}

size_t __scalar_hash<_PairT, 2>::operator()(const _PairT &hashes) const {
    const uint32_t words[] = {static_cast<uint32_t>(hashes.first), static_cast<uint32_t>(hashes.second)};
    return __murmur2_or_cityhash<size_t, 64>()(words, sizeof words);
}

_LIBCPP_END_NAMESPACE_STD
#endif
#endif
