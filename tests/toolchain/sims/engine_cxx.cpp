// engine_cxx.cpp - the dialect of C++ physics engines: block allocators with placement new, virtual
// interfaces, unions, variadic logs, sort of pairs, limits; no containers of the standard.
#include <algorithm>
#include <assert.h>
#include <cfloat>
#include <climits>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <math.h>
#include <new>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <type_traits>
#include <utility>

#include <lattice_managed.h>

typedef float float32;
const float32 maxFloat = FLT_MAX, epsilon = FLT_EPSILON;

static void Log(const char *string, ...) {
    va_list args;
    va_start(args, string);
    vprintf(string, args);
    va_end(args);
}

// Blocks of one size out of chunks, recycled through a list.
class BlockAllocator {
public:
    BlockAllocator() : free_(nullptr) {}
    void *Allocate(size_t size) {
        assert(size <= kBlock);
        if (free_ == nullptr) Refill();
        Node *node = free_;
        free_ = node->next;
        return node;
    }
    void Free(void *p) {
        memset(p, 0xfd, kBlock);
        Node *node = static_cast<Node *>(p);
        node->next = free_;
        free_ = node;
    }

private:
    enum { kBlock = 256, kChunk = 16 * 1024 };
    union Node { Node *next; std::max_align_t align; };
    void Refill() {
        char *chunk = static_cast<char *>(malloc(kChunk));
        for (int i = 0; i + kBlock <= kChunk; i += kBlock) Free(chunk + i);
    }
    Node *free_;
};

struct Rot { float32 s, c; void Set(float32 angle) { s = sinf(angle); c = cosf(angle); } };
struct Listener { virtual ~Listener() = default; virtual void Hit(int a, int b) = 0; };

class Joint {
public:
    virtual float32 Solve(float32 at) = 0;
    virtual ~Joint() {}
    int index = -1;
};
class Hinge final : public Joint {
public:
    explicit Hinge(float32 r) : rest(r) { q.Set(r); }
    float32 Solve(float32 at) override { return q.s * at + std::min(q.c, std::sqrt(std::abs(at))); }
    float32 rest;
    Rot q;
};
class Spring final : public Joint {
public:
    Spring(float32 k, float32 d) : stiffness(k), damping(d) {}
    float32 Solve(float32 at) override { return -stiffness * std::atan2(at, damping) * std::exp(-0.1f * at * at); }
    float32 stiffness, damping;
};

struct Pair { int32_t a, b; };
inline bool PairLessThan(const Pair &x, const Pair &y) { return x.a < y.a || (x.a == y.a && x.b < y.b); }
static_assert(std::is_standard_layout<Pair>::value && std::numeric_limits<int32_t>::max() == INT_MAX, "as in memory");

class World : public Listener {
public:
    static const int kJoints = 48;
    World() : hits(0) {
        for (int i = 0; i < kJoints; ++i) {
            joints[i] = i & 1 ? static_cast<Joint *>(new (allocator.Allocate(sizeof(Hinge))) Hinge(float32(i)))
                              : new (allocator.Allocate(sizeof(Spring))) Spring(float32(i), 0.5f);
            joints[i]->index = i;
            state[i] = float32(i) * 0.25f;
        }
    }
    ~World() override { for (Joint *j : joints) { j->~Joint(); allocator.Free(j); } }
    void Hit(int a, int b) override { hits += a * 31 + b; }
    void Step(int tick) {
        Pair pairs[kJoints];
        for (int i = 0; i < kJoints; ++i) {
            state[i] = std::max(-100.0f, std::min(100.0f, state[i] + 0.05f * joints[i]->Solve(state[i])));
            pairs[i] = Pair{int32_t(std::floor(state[i])), i};
        }
        std::sort(pairs, pairs + kJoints, PairLessThan);
        for (int i = 1; i < kJoints; ++i) if (pairs[i].a == pairs[i - 1].a) Hit(pairs[i].b, pairs[i - 1].b);
        std::swap(joints[tick % kJoints], joints[(tick * 5) % kJoints]);
    }
    float32 state[kJoints];
    uint32_t hits;

private:
    BlockAllocator allocator;
    Joint *joints[kJoints];
};

static World *world;

LATTICE_EXPORT int32_t lattice_sim_init(int64_t, int32_t) {
    World *first = new World;
    first->Step(1);
    delete first;
    world = new World;
    Log("engine: %d joints, epsilon %g, largest %g\n", World::kJoints, double(epsilon), double(maxFloat));
    return 0;
}
LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) { world->Step(int(tick)); return 0; }
LATTICE_EXPORT int64_t lattice_sim_hash(void) {
    uint64_t h = lattice_hash_u32(LATTICE_HASH_SEED, world->hits);
    for (float32 s : world->state) h = lattice_hash_f32(h, s);
    return int64_t(h);
}
