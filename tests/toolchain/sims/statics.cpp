// statics.cpp - static objects, virtual functions and destructors, new, copies, mathematics.
#include <lattice_managed.h>
#include <cmath>

struct Counts { int constructed, destroyed, units; };
Counts counts;

struct Piece {
    Piece() { ++counts.constructed; }
    virtual ~Piece() { ++counts.destroyed; }
    virtual double value(double at) const = 0;
};

struct Wave : Piece {
    double table[64];
    Wave() { for (int i = 0; i < 64; ++i) table[i] = std::sin(0.1 * i) + std::pow(1.01, i); }
    double value(double at) const override { return table[int(at) & 63] + std::atan2(at, 3.0); }
};

struct Step : virtual Piece {
    float height;
    explicit Step(float h) : height(h) {}
    double value(double at) const override { return std::floor(at) * double(height) + std::cos(at); }
};

static Wave wave;             // a static with a constructor and a virtual destructor
static Step *const step = new Step(0.5f);

static Piece &lazy() {
    static Wave later;        // constructed at the first call
    return later;
}

static double total;

LATTICE_EXPORT int32_t lattice_sim_init(int64_t, int32_t) { return counts.constructed == 2 ? 0 : -1000; }

LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {
    Wave copy = wave;         // a struct's copy: more than 500 bytes
    copy.table[tick & 63] += 1;
    Piece *pieces[] = {new Step(float(tick)), new Wave(copy), &lazy(), step};
    for (Piece *piece : pieces) total += piece->value(double(tick));
    delete pieces[0];
    delete pieces[1];
    float *many = new float[100]();
    total += double(many[tick % 100]);
    delete[] many;
    return LATTICE_CONTINUE;
}

// Constructed once: wave, step, lazy's. In each tick one Step, and two copies, which do not count.
LATTICE_EXPORT LATTICE_EXPORTED(constructed) int32_t constructed() { return counts.constructed; }
LATTICE_EXPORT LATTICE_EXPORTED(units) int32_t units() { return counts.units; }
LATTICE_EXPORT int64_t lattice_sim_hash(void) { return int64_t(lattice_hash_f64(LATTICE_HASH_SEED, total)); }
