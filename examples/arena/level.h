// How a match begins: obstacles, boulders and places to spawn, from the match's seed. The level
// is the same when turned by half a circle, so that no side has the better cover.
#pragma once

#include "physics.h"

inline float random_between(World &world, float low, float high) {
    return low + (high - low) * lattice_rng_f32(&world.rng);
}

// True if a circle there overlaps no obstacle and no body.
inline bool is_free(World &world, Vec at, float radius) {
    for (int i = 0; i < world.obstacle_count; i++)
        if (touch(world.obstacles[i], at, radius).depth > 0) return false;
    Body *bodies[kMaxPlayers + kMaxBoulders];
    int count = solid_bodies(world, bodies);
    for (int i = 0; i < count; i++)
        if (length(bodies[i]->at - at) < bodies[i]->radius + radius) return false;
    return true;
}

// A random place for a circle of this radius; free, unless the arena is crowded (then the
// collisions part what overlaps).
inline Vec random_place(World &world, float radius) {
    Vec at = {};
    for (int attempt = 0; attempt < 30; attempt++) {
        at.x = random_between(world, radius, float(world.settings.width) - radius);
        at.y = random_between(world, radius, float(world.settings.height) - radius);
        if (is_free(world, at, radius)) break;
    }
    return at;
}

inline Obstacle random_obstacle(World &world) {
    Obstacle obstacle = {};
    float shape = lattice_rng_f32(&world.rng);
    obstacle.round = shape < 0.4f ? random_between(world, 34, 58) : 14;
    if (shape >= 0.4f) obstacle.half.x = random_between(world, 40, 95);
    if (shape >= 0.7f) obstacle.half = {0, obstacle.half.x};
    float reach = length(obstacle.half) + obstacle.round + 3 * kPlayerRadius;
    obstacle.at.x = random_between(world, reach, float(world.settings.width) - reach);
    obstacle.at.y = random_between(world, reach, float(world.settings.height) - reach);
    return obstacle;
}

// True if a player fits between the two, wherever they are closest.
inline bool stand_apart(const Obstacle &a, const Obstacle &b) {
    float reach = length(a.half) + a.round + length(b.half) + b.round;
    return length(a.at - b.at) > reach + 3 * kPlayerRadius;
}

// Adds `obstacle` and its mirror image, if both stand clear of the others and of each other.
inline void add_mirrored(World &world, const Obstacle &obstacle) {
    Obstacle image = obstacle;
    image.at = Vec{float(world.settings.width), float(world.settings.height)} - obstacle.at;
    bool fits = stand_apart(obstacle, image);
    for (int i = 0; i < world.obstacle_count; i++)
        fits = fits && stand_apart(obstacle, world.obstacles[i]);
    if (!fits) return;
    world.obstacles[world.obstacle_count++] = obstacle;
    world.obstacles[world.obstacle_count++] = image;
}

inline void make_obstacles(World &world) {
    float width = float(world.settings.width), height = float(world.settings.height);
    world.obstacles[world.obstacle_count++] = {{width / 2, height / 2}, {0, 0}, 62};
    int wanted = 1 + 2 * int(clamp(width * height / 360000, 1, (kMaxObstacles - 1) / 2));
    for (int attempt = 0; attempt < 200 && world.obstacle_count < wanted; attempt++)
        add_mirrored(world, random_obstacle(world));
}

inline void make_boulders(World &world) {
    for (uint32_t i = 0; i < world.settings.boulders; i++) {
        float radius = random_between(world, 20, 32);
        float inverse_mass = kPlayerRadius * kPlayerRadius / (radius * radius);
        Vec at = random_place(world, radius);
        world.boulders[world.boulder_count++] = {at, {0, 0}, radius, inverse_mass};
    }
}

// Makes the world of a match whose settings are set.
inline void begin(World &world, int64_t seed, uint32_t tick_hz) {
    world.rng = lattice_rng_seeded(seed);
    world.tick_hz = tick_hz;
    world.steps_per_tick = (60 + tick_hz - 1) / tick_hz;
    world.step = 1 / float(tick_hz * world.steps_per_tick);
    make_obstacles(world);
    make_boulders(world);
}
