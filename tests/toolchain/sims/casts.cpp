// casts.cpp - dynamic_cast and typeid over single, multiple, virtual and private bases.
#include <lattice_managed.h>
#include <typeinfo>

struct A { virtual ~A() {} int a = 1; };
struct B : A { int b = 2; };
struct C : virtual A { int c = 3; };
struct D : virtual A { int d = 4; };
struct E : C, D { int e = 5; };
struct I { virtual ~I() {} virtual int i() = 0; };
struct J { virtual ~J() {} int j = 9; };
struct K : B, I, J { int i() override { return 7; } };
struct L : K {};
struct Hidden : private J, A {};
struct Left : A {};
struct Right : A {};
struct Twice : Left, Right {};

static uint64_t hash = LATTICE_HASH_SEED;
static void tell(int value) { hash = lattice_hash_i32(hash, value); }

template <class To, class From> static To *cast(From *from) {
    To *to = dynamic_cast<To *>(from);
    tell(to != nullptr);
    return to;
}

LATTICE_EXPORT int32_t lattice_sim_init(int64_t, int32_t) { return 0; }

LATTICE_EXPORT int32_t lattice_sim_tick(int64_t) {
    A *b = new B, *e = new E, *k = new K, *l = new L, *hidden = new Hidden;
    Left *twice = new Twice;
    tell(cast<B>(b)->b);                     // down
    cast<K>(b);                              // it is none
    tell(cast<E>(e)->e + cast<D>(e)->d);     // down from a virtual base
    tell(cast<C>(cast<D>(e))->c);            // across
    tell(cast<I>(k)->i() + cast<J>(k)->j);   // across to other bases
    tell(cast<K>(cast<J>(l))->j);
    tell(cast<void>(cast<J>(l)) == l);       // the whole object
    cast<J>(hidden);                         // a private base is not seen
    tell(cast<Right>(twice) != nullptr);
    tell(typeid(*k) == typeid(K));
    tell(typeid(*l) == typeid(K));
    for (const char *c = typeid(*l).name(); *c; ++c) tell(*c);
    delete b; delete e; delete k; delete l; delete hidden; delete twice;
    return 0;
}

LATTICE_EXPORT int64_t lattice_sim_hash(void) { return int64_t(hash); }
