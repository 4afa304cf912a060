// physics.cpp - a sim of several hundred rigid bodies: towers that players topple with cannon balls.
//
// Owns: the match: which bodies there are, what players may do, what they are told. Never: mechanics
// (world.h). A player sends 8 bytes, f32 x and f32 speed, to fire a ball; everybody is sent the
// bodies' places every tick. Config: u32 course, else the seed chooses one.
#include <lattice_managed.h>
#include <new>

#include "world.h"

static const Circle BALL(0.4f);
static const int TOWERS = 10, FLOORS = 9, PER_FLOOR = 5;

static World *world;
static lattice_rng rng;
static int first_ball, balls;  // balls are reused, the oldest first

static int choose_course(int64_t seed) {
    uint8_t bytes[4];
    rng = lattice_rng_seeded(seed);
    uint32_t chosen = lattice_rng_below(&rng, course::COUNT);
    if (lattice_ms_config(bytes, sizeof bytes) == 4) {
        lattice_reader r = lattice_read_from(bytes, 4);
        chosen = lattice_get_u32(&r) % course::COUNT;
    }
    return int(chosen);
}

// Towers of boxes, hexagons, planks and balls side by side, on the hills as they are.
static void build_tower(int number, int course, Shape *const shapes[], int kinds) {
    float left = 9.0f * float(number - TOWERS / 2), top = -1e9f;
    for (int i = 0; i < PER_FLOOR; ++i) top = fmaxf(top, course::ground(course, left + float(i) * 1.1f).height);
    for (int floor = 0; floor < FLOORS; ++floor)
        for (int i = 0; i < PER_FLOOR; ++i) {
            float sway = 0.02f * (lattice_rng_f32(&rng) - 0.5f);
            Vec2 at = {left + float(i) * 1.1f + sway, top + 0.7f + float(floor) * 1.05f};
            world->add(make_body(shapes[(number + floor * (i & 1)) % kinds], at, 1.0f));
        }
}

LATTICE_EXPORT int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) {
    if (tick_hz < 15 || tick_hz > 240) return -1000;  // the solver's tuning holds in between
    int course = choose_course(seed);
    Shape *shapes[] = {Polygon::rectangle(0.5f, 0.5f), Polygon::rectangle(0.54f, 0.5f), Polygon::regular(6, 0.52f),
                       Polygon::rectangle(0.5f, 0.45f), Polygon::regular(8, 0.5f)};
    world = new World(course, 1.0f / float(tick_hz));
    for (int i = 0; i < TOWERS; ++i) build_tower(i, course, shapes, int(sizeof shapes / sizeof *shapes));
    first_ball = world->count;
    lattice_logf(LATTICE_INFO, "physics: course %d, %d bodies", course, world->count);
    return LATTICE_OK;
}

static void fire(float x, float speed) {
    if (!(fabsf(x) < course::HALF) || !(fabsf(speed) <= 60)) return;  // NaN is refused too
    Body ball = make_body(&BALL, {x, world->ground(x) + 12}, 4.0f);
    ball.velocity = {speed, -10};
    int room = World::MOST_BODIES - first_ball;
    if (balls < room) world->add(ball);
    else world->bodies[first_ball + balls % room] = ball;
    ++balls;
}

static void hear() {
    const lattice_event *event;
    while ((event = lattice_next_event()) != NULL) {
        if (event->type != LATTICE_EVENT_MESSAGE) continue;
        lattice_reader r = lattice_read_from(lattice_event_payload(event), event->payload_len);
        float x = lattice_get_f32(&r), speed = lattice_get_f32(&r);
        if (!r.failed) fire(x, speed);
    }
}

// u32 tick, u16 count, then for each body i16 x and y in centimetres and u8 of a whole turn's 256ths.
static void tell(int64_t tick) {
    static uint8_t bytes[6 + 5 * World::MOST_BODIES];
    lattice_writer w = lattice_write_to(bytes, sizeof bytes);
    lattice_put_u32(&w, uint32_t(tick));
    lattice_put_u16(&w, uint16_t(world->count));
    for (int i = 0; i < world->count; ++i) {
        const Body &b = world->bodies[i];
        lattice_put_u16(&w, uint16_t(lattice_i32_from_f32(b.position.x * 100)));
        lattice_put_u16(&w, uint16_t(lattice_i32_from_f32(b.position.y * 100)));
        lattice_put_u8(&w, uint8_t(lattice_i32_from_f32(b.angle * float(128 / M_PI))));
    }
    lattice_ms_broadcast(bytes, lattice_written(&w), LATTICE_MAY_DROP);
}

LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {
    hear();
    world->step();
    tell(tick);
    lattice_ms_gauge("contacts", 8, world->touching());
    return LATTICE_CONTINUE;
}

LATTICE_EXPORT int64_t lattice_sim_hash(void) {
    uint64_t h = LATTICE_HASH_SEED;
    for (int i = 0; i < world->count; ++i) {
        const Body &b = world->bodies[i];
        h = lattice_hash_f32(lattice_hash_f32(h, b.position.x), b.position.y);
        h = lattice_hash_f32(lattice_hash_f32(h, b.velocity.x), b.velocity.y);
        h = lattice_hash_f32(lattice_hash_f32(h, b.angle), b.spin);
    }
    return int64_t(h);
}
