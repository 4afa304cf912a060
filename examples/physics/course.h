// course.h - the grounds that matches are played on: 24 courses of 1,024 heights each.
//
// Owns: the table, computed by the compiler, so that no match pays for it, and its interpolation.
// Never: randomness of the match; a course looks the same for everybody, always.
#pragma once

#include <utility>

#include "vec.h"

namespace course {

constexpr int COUNT = 24, POINTS = 1024;
constexpr float SPACING = 0.25f;                      // m between two heights
constexpr float HALF = SPACING * (POINTS - 1) / 2;    // the course goes from -HALF to HALF

struct Heights { float at[POINTS]; };

// A hash of a lattice point to -1 .. 1.
constexpr float noise(unsigned course, unsigned octave, unsigned x) {
    unsigned h = course * 0x9e3779b1u ^ octave * 0x85ebca77u ^ x * 0xc2b2ae3du;
    h = (h ^ (h >> 15)) * 0x2c1b3c6du;
    h = (h ^ (h >> 12)) * 0x297a2d39u;
    h ^= h >> 15;
    return float(int(h >> 8) - (1 << 23)) * (1.0f / (1 << 23));
}

// Value noise: hash at multiples of the period, smoothly between.
constexpr float octave(unsigned course, unsigned number, unsigned i, unsigned period) {
    float t = float(i % period) / float(period);
    float a = noise(course, number, i / period), b = noise(course, number, i / period + 1);
    return a + (b - a) * t * t * (3 - 2 * t);
}

// Hills of 32 m, bumps of 8 m, ripples of 2 m; rougher from course to course. Walls at both ends.
constexpr float height(unsigned course, unsigned i) {
    float rough = 0.5f + float(course) / COUNT;
    float wall = i < 8 ? float(8 - i) * 4 : i >= POINTS - 8 ? float(i - (POINTS - 9)) * 4 : 0;
    return 3 * octave(course, 0, i, 128) + rough * octave(course, 1, i, 32) + 0.15f * rough * octave(course, 2, i, 8) +
           wall;
}

constexpr Heights bake(unsigned course) {
    Heights all = {};
    for (unsigned i = 0; i < POINTS; ++i) all.at[i] = height(course, i);
    return all;
}

// One constant for each course, because a compiler bounds the work that it does for one constant.
template <unsigned course> struct Baked { static constexpr Heights HEIGHTS = bake(course); };
template <unsigned course> constexpr Heights Baked<course>::HEIGHTS;

struct Table { const float *course[COUNT]; };
template <size_t... numbers> constexpr Table table(std::index_sequence<numbers...>) {
    return {{Baked<numbers>::HEIGHTS.at...}};
}
static constexpr Table TABLE = table(std::make_index_sequence<COUNT>());

// The ground under x: its height and its upward normal.
struct Ground { float height; Vec2 normal; };

inline Ground ground(int course, float x) {
    float along = fminf(fmaxf((x + HALF) / SPACING, 0.0f), float(POINTS) - 1.001f);
    int i = int(along);
    const float *h = TABLE.course[course] + i;
    Vec2 slope = {SPACING, h[1] - h[0]};
    return {h[0] + (along - float(i)) * (h[1] - h[0]), (1 / length(slope)) * Vec2{-slope.y, slope.x}};
}

}
