// shape.h - circles and convex polygons, with their mass.
//
// Owns: the classes of shapes and what they say of themselves. Never: where a shape is.
#pragma once

#include "vec.h"

class Circle;
class Polygon;

class Shape {
public:
    virtual ~Shape() {}
    virtual float area() const = 0;
    virtual float inertia() const = 0;  // of one kilogram, around the centre
    virtual Box bounds(Vec2 at, const Rotation &turn) const = 0;
    virtual const Circle *circle() const { return nullptr; }
    virtual const Polygon *polygon() const { return nullptr; }
};

class Circle : public Shape {
public:
    const float radius;
    explicit Circle(float r) : radius(r) {}
    float area() const override { return float(M_PI) * radius * radius; }
    float inertia() const override { return 0.5f * radius * radius; }
    Box bounds(Vec2 at, const Rotation &) const override {
        return {at - Vec2{radius, radius}, at + Vec2{radius, radius}};
    }
    const Circle *circle() const override { return this; }
};

// Corners counterclockwise around the origin, which is the centre of mass.
class Polygon : public Shape {
public:
    static const int MOST = 8;
    int count = 0;
    Vec2 corners[MOST], normals[MOST];

    static Polygon *rectangle(float half_width, float half_height) {
        Polygon *p = new Polygon;
        p->count = 4;
        p->corners[0] = {-half_width, -half_height};
        p->corners[1] = {half_width, -half_height};
        p->corners[2] = {half_width, half_height};
        p->corners[3] = {-half_width, half_height};
        return p->finish();
    }

    static Polygon *regular(int corners, float radius) {
        Polygon *p = new Polygon;
        p->count = corners;
        for (int i = 0; i < corners; ++i)
            p->corners[i] = radius * Rotation(2 * float(M_PI) * float(i) / float(corners))(Vec2{1, 0});
        return p->finish();
    }

    float area() const override {
        float twice = 0;
        for (int i = 0; i < count; ++i) twice += cross(corners[i], next(i));
        return 0.5f * twice;
    }

    float inertia() const override {
        float above = 0, below = 0;
        for (int i = 0; i < count; ++i) {
            Vec2 a = corners[i], b = next(i);
            float d = cross(a, b);
            above += d * (dot(a, a) + dot(a, b) + dot(b, b));
            below += d;
        }
        return above / (6 * below);
    }

    Box bounds(Vec2 at, const Rotation &turn) const override {
        Vec2 first = turn(corners[0]);
        Box box = {first, first};
        for (int i = 1; i < count; ++i) {
            Vec2 c = turn(corners[i]);
            box.low = {fminf(box.low.x, c.x), fminf(box.low.y, c.y)};
            box.high = {fmaxf(box.high.x, c.x), fmaxf(box.high.y, c.y)};
        }
        return {at + box.low, at + box.high};
    }

    const Polygon *polygon() const override { return this; }
    Vec2 next(int i) const { return corners[i + 1 < count ? i + 1 : 0]; }

private:
    Polygon *finish() {
        for (int i = 0; i < count; ++i) {
            Vec2 along = next(i) - corners[i];
            normals[i] = (1 / length(along)) * right_of(along);
        }
        return this;
    }
};
