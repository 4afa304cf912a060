//! How a bot plays: it chases the nearest player, keeps its distance, strafes, aims ahead and
//! shoots when it sees. A plan from a seed and the states, so that a game can be played again.

use std::collections::BTreeMap;
use std::f32::consts::TAU;

use crate::geometry::{clearance, is_clear};
use crate::protocol::{Input, Place, PlayerState, State, Welcome};

const KEEP: std::ops::Range<f32> = 170.0..330.0; // units to a target
const SHOOT_WITHIN: f32 = 620.0; // units; about what a shot reaches while it is worth it
const SHOT_SPEED: f32 = 700.0; // units/s
const AVOID: f32 = 40.0; // units to an obstacle
const AIM_ERROR: f32 = 0.1; // radians: opponents for people
const STUCK: f32 = 0.5; // units a state

pub struct Pilot {
    random: Random,
    strafe: f32,                  // 1 or -1
    detour: Option<(Place, u32)>, // a direction, and states to go on with it
    goal: Place,
    last: BTreeMap<u8, (u32, Place)>, // slot -> tick and place
    velocity: BTreeMap<u8, Place>,    // units/s
}

impl Pilot {
    pub fn new(seed: u64) -> Self {
        Self {
            random: Random(seed),
            strafe: 1.0,
            detour: None,
            goal: Place::default(),
            last: BTreeMap::new(),
            velocity: BTreeMap::new(),
        }
    }

    /// What to do, seeing this state; nothing while the own player is dead.
    pub fn steer(&mut self, arena: &Welcome, state: &State) -> Input {
        self.estimate_velocities(arena, state);
        let Some(own) = find(state, arena.slot) else { return Input::default() };
        let target = nearest(state, own);
        let wish = match target {
            Some(target) => self.fight(own, target),
            None => self.wander(arena, own),
        };
        let movement = self.around_obstacles(arena, own, wish);
        let aim = target.map_or(movement, |target| self.lead(own, target));
        let aim = turned(aim, (self.random.share() * 2.0 - 1.0) * AIM_ERROR);
        let fire = target.is_some_and(|target| is_worth_a_shot(arena, own, target));
        Input { movement, aim, fire }
    }

    fn fight(&mut self, own: &PlayerState, target: &PlayerState) -> Place {
        if self.random.one_in(40) {
            self.strafe = -self.strafe;
        }
        let towards = direction(own.at, target.at);
        let distance = own.at.distance(target.at);
        let approach = match distance {
            d if d > KEEP.end => 1.0,
            d if d < KEEP.start => -1.0,
            _ => 0.0,
        };
        let side = Place { x: -towards.y * self.strafe, y: towards.x * self.strafe };
        sum(scale(towards, approach), scale(side, 0.8))
    }

    fn wander(&mut self, arena: &Welcome, own: &PlayerState) -> Place {
        if own.at.distance(self.goal) < 80.0 || self.random.one_in(90) {
            self.goal.x = self.random.share() * f32::from(arena.width);
            self.goal.y = self.random.share() * f32::from(arena.height);
        }
        direction(own.at, self.goal)
    }

    // Bends the wish away from obstacles, and tries another way for a while when stuck.
    fn around_obstacles(&mut self, arena: &Welcome, own: &PlayerState, wish: Place) -> Place {
        if let Some((way, states)) = self.detour {
            self.detour = (states > 1).then_some((way, states - 1));
            return way;
        }
        let speed = self.velocity.get(&own.slot).map_or(f32::MAX, |v| v.x.hypot(v.y));
        if speed < STUCK * f32::from(arena.tick_hz) && self.random.one_in(8) {
            let angle = self.random.share() * TAU;
            self.detour = Some((Place { x: angle.cos(), y: angle.sin() }, 20));
        }
        let near = arena.obstacles.iter().filter(|obstacle| clearance(obstacle, own.at) < AVOID);
        near.fold(wish, |wish, obstacle| sum(wish, direction(obstacle.at, own.at)))
    }

    // To where the target will be when a shot gets there.
    fn lead(&self, own: &PlayerState, target: &PlayerState) -> Place {
        let seconds = own.at.distance(target.at) / SHOT_SPEED;
        let velocity = self.velocity.get(&target.slot).copied().unwrap_or_default();
        direction(own.at, sum(target.at, scale(velocity, seconds)))
    }

    fn estimate_velocities(&mut self, arena: &Welcome, state: &State) {
        for player in state.players.iter().filter(|player| player.alive) {
            let before = self.last.insert(player.slot, (state.tick, player.at));
            let Some((tick, at)) = before.filter(|(tick, _)| *tick < state.tick) else { continue };
            let per_second = f32::from(arena.tick_hz) / (state.tick - tick) as f32;
            let moved = Place { x: player.at.x - at.x, y: player.at.y - at.y };
            self.velocity.insert(player.slot, scale(moved, per_second));
        }
    }
}

fn find(state: &State, slot: u8) -> Option<&PlayerState> {
    state.players.iter().find(|player| player.slot == slot && player.alive)
}

fn nearest<'a>(state: &'a State, own: &PlayerState) -> Option<&'a PlayerState> {
    let others = state.players.iter().filter(|player| player.alive && player.slot != own.slot);
    others.min_by(|a, b| own.at.distance(a.at).total_cmp(&own.at.distance(b.at)))
}

fn is_worth_a_shot(arena: &Welcome, own: &PlayerState, target: &PlayerState) -> bool {
    own.at.distance(target.at) < SHOOT_WITHIN
        && !target.shielded
        && is_clear(&arena.obstacles, own.at, target.at, 5.0)
}

fn direction(from: Place, to: Place) -> Place {
    let size = from.distance(to).max(1e-3);
    Place { x: (to.x - from.x) / size, y: (to.y - from.y) / size }
}

fn sum(a: Place, b: Place) -> Place {
    Place { x: a.x + b.x, y: a.y + b.y }
}

fn turned(v: Place, angle: f32) -> Place {
    let (sin, cos) = angle.sin_cos();
    Place { x: v.x * cos - v.y * sin, y: v.x * sin + v.y * cos }
}

fn scale(v: Place, by: f32) -> Place {
    Place { x: v.x * by, y: v.y * by }
}

/// `SplitMix64` (Steele, Lea and Flood, 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// 0 up to and without 1.
    fn share(&mut self) -> f32 {
        (self.next() >> 40) as f32 / 16_777_216.0
    }

    fn one_in(&mut self, times: u64) -> bool {
        self.next().is_multiple_of(times)
    }
}
