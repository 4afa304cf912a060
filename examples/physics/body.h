// body.h - a rigid body: where it is, how it moves, how it resists.
//
// Owns: integration of one body. Never: forces between bodies.
#pragma once

#include "shape.h"

struct Body {
    Vec2 position, velocity;       // m, m/s
    float angle, spin;             // rad, rad/s
    float inverse_mass, inverse_inertia;
    float friction;
    Rotation turn;
    const Shape *shape;

    void accelerate(Vec2 by, float dt) { velocity = velocity + dt * by; }

    void move(float dt) {
        position = position + dt * velocity;
        angle += dt * spin;
        turn = Rotation(angle);
    }

    void push(Vec2 impulse, Vec2 arm) {
        velocity = velocity + inverse_mass * impulse;
        spin += inverse_inertia * cross(arm, impulse);
    }

    Vec2 velocity_at(Vec2 arm) const { return velocity + cross(spin, arm); }
    Box bounds() const { return shape->bounds(position, turn); }
};

inline Body make_body(const Shape *shape, Vec2 at, float density) {
    float mass = density * shape->area();
    Body b = {at, {0, 0}, 0, 0, 1 / mass, 1 / (mass * shape->inertia()), 0.6f, Rotation(0), shape};
    return b;
}
