// How things move: acceleration, drag, and collisions of bodies with each other, with obstacles
// and with the walls. Never looks at health, scores or shots.
#pragma once

#include "world.h"

// Where a circle touches something: how deep it is inside, and the way out.
struct Contact {
    float depth; // at most 0: they do not touch
    Vec normal;  // length 1, away from the obstacle
};

inline Contact touch(const Obstacle &obstacle, Vec at, float radius) {
    Vec offset = at - obstacle.at;
    Vec inside = {clamp(offset.x, -obstacle.half.x, obstacle.half.x),
                  clamp(offset.y, -obstacle.half.y, obstacle.half.y)};
    Vec away = offset - inside;
    Vec outward = direction(offset, {1, 0});
    return {obstacle.round + radius - length(away), direction(away, outward)};
}

// Keeps a circle in the arena. True if it touched a wall; `velocity` then points inwards.
inline bool bounce_off_walls(const Settings &arena, Vec &at, Vec &velocity, float radius,
                             float restitution) {
    Vec wanted = at;
    at.x = clamp(at.x, radius, float(arena.width) - radius);
    at.y = clamp(at.y, radius, float(arena.height) - radius);
    if ((wanted.x - at.x) * velocity.x > 0) velocity.x *= -restitution;
    if ((wanted.y - at.y) * velocity.y > 0) velocity.y *= -restitution;
    return wanted.x != at.x || wanted.y != at.y;
}

inline void bounce_off_obstacle(Body &body, const Obstacle &obstacle) {
    Contact contact = touch(obstacle, body.at, body.radius);
    if (contact.depth <= 0) return;
    body.at += contact.normal * contact.depth;
    float speed = dot(body.velocity, contact.normal);
    if (speed < 0) body.velocity -= contact.normal * (speed * (1 + kRestitution));
}

// Parts two bodies that overlap and exchanges their momentum along the line between them.
inline void collide(Body &a, Body &b) {
    Vec between = b.at - a.at;
    float reach = a.radius + b.radius;
    if (dot(between, between) >= reach * reach) return;
    Vec normal = direction(between, {1, 0});
    float share = 1 / (a.inverse_mass + b.inverse_mass);
    Vec apart = normal * ((reach - length(between)) * share);
    a.at -= apart * a.inverse_mass;
    b.at += apart * b.inverse_mass;
    float closing = dot(b.velocity - a.velocity, normal);
    if (closing >= 0) return;
    Vec impulse = normal * (-closing * (1 + kRestitution) * share);
    a.velocity -= impulse * a.inverse_mass;
    b.velocity += impulse * b.inverse_mass;
}

inline void move(Body &body, Vec acceleration, float drag, float step) {
    body.velocity += acceleration * step;
    body.velocity = body.velocity * (1 - drag * step);
    body.at += body.velocity * step;
}

// The bodies that stand in each other's way now, in a fixed order; at most
// kMaxPlayers + kMaxBoulders.
inline int solid_bodies(World &world, Body **bodies) {
    int count = 0;
    for (Player &player : world.players)
        if (player.present && player.alive) bodies[count++] = &player.body;
    for (int i = 0; i < world.boulder_count; i++) bodies[count++] = &world.boulders[i];
    return count;
}

inline void move_bodies(World &world) {
    for (Player &player : world.players)
        if (player.present && player.alive)
            move(player.body, player.input.move * kAcceleration, kDrag, world.step);
    for (int i = 0; i < world.boulder_count; i++)
        move(world.boulders[i], {0, 0}, kBoulderDrag, world.step);
}

inline void collide_bodies(World &world) {
    Body *bodies[kMaxPlayers + kMaxBoulders];
    int count = solid_bodies(world, bodies);
    for (int i = 0; i < count; i++)
        for (int j = i + 1; j < count; j++) collide(*bodies[i], *bodies[j]);
    for (int i = 0; i < count; i++) {
        for (int j = 0; j < world.obstacle_count; j++)
            bounce_off_obstacle(*bodies[i], world.obstacles[j]);
        Body &body = *bodies[i];
        bounce_off_walls(world.settings, body.at, body.velocity, body.radius, kRestitution);
    }
}
