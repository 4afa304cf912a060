// Vectors of the plane, in arena units. Owns their arithmetic; knows nothing of the game.
//
// Only +, -, *, / and square roots are used: IEEE 754 gives each one exactly one result, so a
// match is the same, bit for bit, on every machine.
#pragma once

struct Vec {
    float x, y;
};

inline Vec operator+(Vec a, Vec b) { return {a.x + b.x, a.y + b.y}; }
inline Vec operator-(Vec a, Vec b) { return {a.x - b.x, a.y - b.y}; }
inline Vec operator*(Vec a, float s) { return {a.x * s, a.y * s}; }
inline void operator+=(Vec &a, Vec b) { a = a + b; }
inline void operator-=(Vec &a, Vec b) { a = a - b; }

inline float dot(Vec a, Vec b) { return a.x * b.x + a.y * b.y; }
inline float length(Vec a) { return __builtin_sqrtf(dot(a, a)); }
inline bool is_zero(Vec a) { return a.x == 0 && a.y == 0; }

// `a` with length 1, or `fallback` where `a` has no direction.
inline Vec direction(Vec a, Vec fallback) {
    float size = length(a);
    return size > 0 ? a * (1 / size) : fallback;
}

// `a` mirrored at a surface with the unit normal `normal`.
inline Vec reflect(Vec a, Vec normal) { return a - normal * (2 * dot(a, normal)); }

inline float clamp(float value, float low, float high) {
    return value < low ? low : value > high ? high : value;
}
