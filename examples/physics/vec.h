// vec.h - plane vectors and rotations. Owns: nothing else. Never: units (metres everywhere).
#pragma once

#include <math.h>

struct Vec2 { float x, y; };

inline Vec2 operator+(Vec2 a, Vec2 b) { return {a.x + b.x, a.y + b.y}; }
inline Vec2 operator-(Vec2 a, Vec2 b) { return {a.x - b.x, a.y - b.y}; }
inline Vec2 operator-(Vec2 a) { return {-a.x, -a.y}; }
inline Vec2 operator*(float s, Vec2 a) { return {s * a.x, s * a.y}; }
inline float dot(Vec2 a, Vec2 b) { return a.x * b.x + a.y * b.y; }
inline float cross(Vec2 a, Vec2 b) { return a.x * b.y - a.y * b.x; }
inline Vec2 cross(float w, Vec2 a) { return {-w * a.y, w * a.x}; }
inline Vec2 right_of(Vec2 a) { return {a.y, -a.x}; }
inline float length(Vec2 a) { return sqrtf(dot(a, a)); }

struct Rotation {
    float c, s;
    explicit Rotation(float angle = 0) : c(cosf(angle)), s(sinf(angle)) {}
    Vec2 operator()(Vec2 a) const { return {c * a.x - s * a.y, s * a.x + c * a.y}; }
    Vec2 inverse(Vec2 a) const { return {c * a.x + s * a.y, c * a.y - s * a.x}; }
};

struct Box { Vec2 low, high; };
inline bool overlap(const Box &a, const Box &b) {
    return a.low.x <= b.high.x && b.low.x <= a.high.x && a.low.y <= b.high.y && b.low.y <= a.high.y;
}
