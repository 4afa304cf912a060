// contact.h - one pair of bodies that touch, and the impulses that keep them apart.
//
// Owns: the sequential-impulse solver of one contact, with friction and warm starting (Catto 2006).
// Never: which pairs there are.
#pragma once

#include "collide.h"

struct Contact {
    unsigned long long key;  // first body, second body: contacts are kept sorted by it
    Body *a, *b;             // a is null for the ground
    Vec2 normal, tangent;
    float friction;
    int count;
    struct Point {
        Vec2 arm_a, arm_b;
        float normal_mass, tangent_mass, push_out;  // push_out: m/s that undo the overlap
        float normal_impulse, tangent_impulse;
        unsigned feature;
    } points[2];

    Contact(unsigned long long k, Body *first, Body *second, const Manifold &m, float dt)
        : key(k), a(first), b(second), normal(m.normal), tangent(right_of(m.normal)), count(m.count) {
        friction = a ? sqrtf(a->friction * b->friction) : b->friction;
        for (int i = 0; i < count; ++i) points[i] = make_point(m.touches[i], dt);
    }

    // Takes over the impulses of the last tick's contact between the same two.
    void inherit(const Contact &old) {
        for (int i = 0; i < count; ++i)
            for (int j = 0; j < old.count; ++j)
                if (old.points[j].feature == points[i].feature) {
                    points[i].normal_impulse = old.points[j].normal_impulse;
                    points[i].tangent_impulse = old.points[j].tangent_impulse;
                }
    }

    void warm_start() {
        for (int i = 0; i < count; ++i)
            apply(points[i], points[i].normal_impulse * normal + points[i].tangent_impulse * tangent);
    }

    // Impulses may pull back what earlier iterations pushed too much: their sums are clamped.
    void solve() {
        for (int i = 0; i < count; ++i) {
            Point &p = points[i];
            float most = friction * p.normal_impulse;
            float sum = p.tangent_impulse - p.tangent_mass * dot(speed(p), tangent);
            sum = sum < -most ? -most : sum > most ? most : sum;
            apply(p, (sum - p.tangent_impulse) * tangent);
            p.tangent_impulse = sum;
            sum = fmaxf(p.normal_impulse + p.normal_mass * (p.push_out - dot(speed(p), normal)), 0.0f);
            apply(p, (sum - p.normal_impulse) * normal);
            p.normal_impulse = sum;
        }
    }

private:
    Point make_point(const Touch &touch, float dt) const {
        const float SLOP = 0.01f, SHARE = 0.2f;  // overlap that is left alone, part undone in a tick
        Point p = {};
        p.arm_a = a ? touch.at - a->position : Vec2{0, 0};
        p.arm_b = touch.at - b->position;
        p.normal_mass = 1 / resistance(p, normal);
        p.tangent_mass = 1 / resistance(p, tangent);
        p.push_out = SHARE / dt * fmaxf(touch.depth - SLOP, 0.0f);
        p.feature = touch.feature;
        return p;
    }

    float resistance(const Point &p, Vec2 along) const {
        float turn_b = cross(p.arm_b, along), sum = b->inverse_mass + b->inverse_inertia * turn_b * turn_b;
        if (!a) return sum;
        float turn_a = cross(p.arm_a, along);
        return sum + a->inverse_mass + a->inverse_inertia * turn_a * turn_a;
    }

    Vec2 speed(const Point &p) const {
        Vec2 vb = b->velocity_at(p.arm_b);
        return a ? vb - a->velocity_at(p.arm_a) : vb;
    }

    void apply(const Point &p, Vec2 impulse) {
        b->push(impulse, p.arm_b);
        if (a) a->push(-impulse, p.arm_a);
    }
};
