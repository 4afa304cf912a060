// How players fight: joining, spawning, shooting, being hit, healing, scoring. Moves shots, which
// are not bodies: they push, but nothing pushes them.
#pragma once

#include "level.h"

inline void spawn(World &world, Player &player);

// A new player in a free slot; null if the arena is full.
inline Player *add_player(World &world, uint32_t id) {
    for (Player &player : world.players) {
        if (player.present) continue;
        player = {};
        player.present = true;
        player.wants_welcome = true;
        player.id = id;
        player.facing = {1, 0};
        spawn(world, player);
        return &player;
    }
    return nullptr;
}

inline void remove_player(World &world, Player &player) {
    player.present = false;
    for (Shot &shot : world.shots)
        if (shot.live && shot.owner == slot_of(world, player)) shot.live = false;
}

// How far the nearest living opponent of `player` is from a place, in units.
inline float safety(const World &world, const Player &player, Vec at) {
    float nearest = 1e9f;
    for (const Player &other : world.players) {
        if (&other == &player || !other.present || !other.alive) continue;
        float distance = length(other.body.at - at);
        if (distance < nearest) nearest = distance;
    }
    return nearest;
}

// Puts the player on the safest of a few free places.
inline void spawn(World &world, Player &player) {
    player.alive = false; // not in the way of itself
    Vec best = random_place(world, kPlayerRadius);
    for (int i = 0; i < 5; i++) {
        Vec other = random_place(world, kPlayerRadius);
        if (safety(world, player, other) > safety(world, player, best)) best = other;
    }
    player.body = {best, {0, 0}, kPlayerRadius, 1};
    player.alive = true;
    player.health = kFullHealth;
    player.shield = kShield;
    player.reload = 0;
    player.unhurt = 0;
}

inline void shoot(World &world, Player &player) {
    for (Shot &shot : world.shots) {
        if (shot.live) continue;
        Vec muzzle = player.body.at + player.facing * (kPlayerRadius + kShotRadius);
        Vec velocity = player.facing * kShotSpeed + player.body.velocity * 0.3f;
        uint8_t owner = slot_of(world, player);
        shot = {true, false, owner, ++world.last_shot_id, muzzle, velocity, kShotLife};
        break;
    }
    player.reload = kReload;
    player.shield = 0;
}

inline void count_down(float &seconds, float step) {
    seconds = seconds > step ? seconds - step : 0;
}

inline void heal(Player &player, float step) {
    player.unhurt += step;
    if (player.unhurt < kHealAfter) return;
    player.health = clamp(player.health + kHealing * step, 0, kFullHealth);
}

// Who has not been heard of for a while stands still: the connection may be lost.
inline void age_input(Player &player, float step) {
    player.input_age += step;
    if (player.input_age < kInputLife) return;
    player.input.move = {0, 0};
    player.input.fire = false;
}

inline void act(World &world, Player &player) {
    const Input &input = player.input;
    player.facing = direction(is_zero(input.aim) ? input.move : input.aim, player.facing);
    count_down(player.reload, world.step);
    count_down(player.shield, world.step);
    heal(player, world.step);
    if (input.fire && player.reload == 0) shoot(world, player);
}

inline void act_players(World &world) {
    for (Player &player : world.players) {
        if (!player.present) continue;
        age_input(player, world.step);
        if (player.alive) {
            act(world, player);
            continue;
        }
        count_down(player.respawn, world.step);
        if (player.respawn == 0) spawn(world, player);
    }
}

// Stays at the most that the protocol can say.
inline void count_up(uint16_t &count) {
    if (count < 0xffff) count++;
}

inline void kill(Player &shooter, Player &victim) {
    victim.alive = false;
    victim.health = 0;
    victim.respawn = kRespawn;
    count_up(victim.deaths);
    count_up(shooter.kills);
}

// Hurts the victim, unless a shield takes the shot.
inline void hit(World &world, Shot &shot, Player &victim) {
    shot.live = false;
    victim.body.velocity += shot.velocity * kKnockback;
    if (victim.shield > 0) return;
    victim.health -= kDamage;
    victim.unhurt = 0;
    if (victim.health <= 0) kill(world.players[shot.owner], victim);
    uint8_t left = uint8_t(lattice_u32_from_f32(__builtin_ceilf(victim.health)));
    if (world.hit_count < kMaxHits)
        world.hits[world.hit_count++] = {shot.owner, slot_of(world, victim), left, shot.at};
}

inline bool overlaps(const Shot &shot, const Body &body) {
    Vec between = body.at - shot.at;
    float reach = body.radius + kShotRadius;
    return dot(between, between) < reach * reach;
}

inline void hit_players(World &world, Shot &shot) {
    for (Player &player : world.players) {
        if (!shot.live) return;
        bool target = player.present && player.alive && slot_of(world, player) != shot.owner;
        if (target && overlaps(shot, player.body)) hit(world, shot, player);
    }
}

inline void hit_boulders(World &world, Shot &shot) {
    for (int i = 0; i < world.boulder_count && shot.live; i++) {
        Body &boulder = world.boulders[i];
        if (!overlaps(shot, boulder)) continue;
        boulder.velocity += shot.velocity * (kKnockback * boulder.inverse_mass);
        shot.live = false;
    }
}

// A shot bounces off the first wall or obstacle and breaks on the second.
inline void ricochet(Shot &shot) {
    shot.live = !shot.ricocheted;
    shot.ricocheted = true;
}

inline void hit_level(World &world, Shot &shot) {
    if (bounce_off_walls(world.settings, shot.at, shot.velocity, kShotRadius, 1)) ricochet(shot);
    for (int i = 0; i < world.obstacle_count && shot.live; i++) {
        Contact contact = touch(world.obstacles[i], shot.at, kShotRadius);
        if (contact.depth <= 0) continue;
        shot.at += contact.normal * contact.depth;
        shot.velocity = reflect(shot.velocity, contact.normal);
        ricochet(shot);
    }
}

inline void move_shots(World &world) {
    for (Shot &shot : world.shots) {
        if (!shot.live) continue;
        shot.at += shot.velocity * world.step;
        count_down(shot.life, world.step);
        if (shot.life == 0) shot.live = false;
        if (shot.live) hit_level(world, shot);
        hit_players(world, shot);
        hit_boulders(world, shot);
    }
}

// One tick of the whole world.
inline void advance(World &world) {
    world.hit_count = 0;
    for (uint32_t i = 0; i < world.steps_per_tick; i++) {
        act_players(world);
        move_bodies(world);
        collide_bodies(world);
        move_shots(world);
    }
}
