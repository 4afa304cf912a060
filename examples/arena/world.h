// The state of a match, and the numbers of the game. Owns what there is; the rules by which it
// changes are in level.h (how it begins), physics.h (how it moves) and combat.h (how it fights).
//
// Lengths are arena units, times are seconds or steps (a tick is one or more equal steps of at
// most 1/60 s, so that the game plays the same at every tick rate).
#pragma once

#include "settings.h"
#include "vec.h"
#include <lattice_managed.h>
#include <stdint.h>

constexpr int kMaxPlayers = 16;
constexpr int kMaxBoulders = 12;
constexpr int kMaxObstacles = 15;
constexpr int kMaxShots = 96;
constexpr int kMaxHits = kMaxShots + kMaxPlayers * 6; // a tick: the flying, and those fired in a second
constexpr uint32_t kMaxName = 24;                     // bytes of UTF-8

constexpr float kPlayerRadius = 18;
constexpr float kShotRadius = 5;
constexpr float kAcceleration = 1500; // units/s²
constexpr float kDrag = 3.6f;         // 1/s: top speed is kAcceleration / kDrag, about 417 units/s
constexpr float kBoulderDrag = 0.7f;
constexpr float kShotSpeed = 700; // units/s
constexpr float kRestitution = 0.6f;
constexpr float kKnockback = 0.22f; // share of a shot's velocity that a hit player takes on

constexpr float kInputLife = 3; // seconds that an input holds, in case its player is gone

constexpr float kFullHealth = 100;
constexpr float kDamage = 25;
constexpr float kHealing = 12;     // a second
constexpr float kHealAfter = 3;    // seconds without a hit
constexpr float kReload = 0.22f;   // seconds between two shots
constexpr float kShotLife = 1.3f;  // seconds
constexpr float kRespawn = 2;      // seconds
constexpr float kShield = 1.5f;    // seconds of protection after a spawn, or until the first shot

struct Body {
    Vec at, velocity;
    float radius, inverse_mass;
};

// What a player wants, as the last valid input said it.
struct Input {
    Vec move; // length at most 1
    Vec aim;  // length 1, or zero: aim where the movement goes
    bool fire;
    uint16_t sequence;
};

struct Player {
    bool present, alive;
    bool wants_welcome;
    uint32_t id; // the platform's number
    char name[kMaxName];
    uint32_t name_size;
    Body body;
    Vec facing;
    Input input;
    float health;
    float reload, respawn, shield, unhurt; // seconds
    float input_age;                       // seconds
    uint16_t kills, deaths;
};

struct Shot {
    bool live, ricocheted;
    uint8_t owner; // slot
    uint16_t id;   // differs from every other shot's that is in flight
    Vec at, velocity;
    float life; // seconds
};

// A box with rounded corners: all points within `round` of the box `at ± half`. A pillar has no box.
struct Obstacle {
    Vec at, half;
    float round;
};

// A shot met a player, who has `health` left; 0 is a kill.
struct Hit {
    uint8_t shooter, victim;
    uint8_t health;
    Vec at;
};

struct World {
    Settings settings;
    lattice_rng rng;
    uint32_t tick_hz;
    uint32_t steps_per_tick;
    float step; // seconds
    uint32_t tick;
    Player players[kMaxPlayers];
    Body boulders[kMaxBoulders];
    int boulder_count;
    Obstacle obstacles[kMaxObstacles];
    int obstacle_count;
    Shot shots[kMaxShots];
    uint16_t last_shot_id;
    Hit hits[kMaxHits]; // of this tick
    int hit_count;
};

inline Player *find_player(World &world, uint32_t id) {
    for (Player &player : world.players)
        if (player.present && player.id == id) return &player;
    return nullptr;
}

inline uint8_t slot_of(const World &world, const Player &player) {
    return uint8_t(&player - world.players);
}

inline int count_players(const World &world) {
    int count = 0;
    for (const Player &player : world.players) count += player.present;
    return count;
}

inline int count_shots(const World &world) {
    int count = 0;
    for (const Shot &shot : world.shots) count += shot.live;
    return count;
}
