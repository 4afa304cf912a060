//! Judges what a player is sent: every rule that holds between the messages of one match. Owns the
//! rules; the bytes are [`crate::decode`]'s, and what is worth counting is [`crate::tally`]'s.

use std::collections::{BTreeMap, BTreeSet};

use crate::protocol::{
    Hit, Kill, Message, Over, Place, PlayerState, Shot, Standing, State, Welcome,
};

pub const MAX_PLAYERS: u8 = 16;
const PLAYER_RADIUS: f32 = 18.0;
const SHOT_RADIUS: f32 = 5.0;
const SIXTEENTH: f32 = 1.0 / 16.0; // what rounding to the protocol's unit may cost
const FASTEST: f32 = 1500.0; // units/s: a player whom several shots push at once
const PUSH: f32 = 60.0; // units that overlapping bodies may be parted by

/// A rule that the sim broke, in the words of the rule.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct Violation(String);

/// Remembers of the messages so far what the rules need.
#[derive(Debug, Default)]
pub struct Referee {
    welcome: Option<Welcome>,
    roster: Option<BTreeMap<u8, Standing>>,
    last: Option<State>,
    last_players: BTreeMap<u8, u32>, // slot -> player, when the last state came
    over: bool,
}

impl Referee {
    /// Judges the next message.
    pub fn judge(&mut self, message: &Message) -> Result<(), Violation> {
        check(!self.over, || "nothing follows the end of the match".into())?;
        match message {
            Message::Welcome(welcome) => self.welcome(welcome),
            Message::Roster(standings) => self.roster(standings),
            Message::State(state) => self.state(state),
            Message::Hit(hit) => self.hit(hit),
            Message::Kill(kill) => self.kill(kill),
            Message::Over(over) => self.over(over),
        }
    }

    pub fn arena(&self) -> Option<&Welcome> {
        self.welcome.as_ref()
    }

    fn welcome(&mut self, welcome: &Welcome) -> Result<(), Violation> {
        check(welcome.slot < MAX_PLAYERS, || format!("slot {} is below 16", welcome.slot))?;
        check(welcome.tick_hz > 0, || "the tick rate is above 0".into())?;
        for obstacle in &welcome.obstacles {
            let reach = obstacle.half.x.max(obstacle.half.y) + obstacle.round;
            check(within(welcome, obstacle.at, reach), || format!("{obstacle:?} is in the arena"))?;
        }
        let known = self.welcome.get_or_insert_with(|| welcome.clone());
        check(known == welcome, || "a repeated welcome says the same".into())
    }

    fn roster(&mut self, standings: &[Standing]) -> Result<(), Violation> {
        let slots: BTreeMap<u8, Standing> =
            standings.iter().map(|standing| (standing.slot, standing.clone())).collect();
        let players: BTreeSet<u32> = standings.iter().map(|standing| standing.player).collect();
        check(slots.keys().all(|slot| *slot < MAX_PLAYERS), || "slots are below 16".into())?;
        let unique = slots.len() == standings.len() && players.len() == standings.len();
        check(unique, || "slots and players are in the roster once".into())?;
        for standing in standings {
            self.standing(standing)?;
        }
        self.roster = Some(slots);
        Ok(())
    }

    // Kills were announced, so the roster brings no surprise.
    fn standing(&self, now: &Standing) -> Result<(), Violation> {
        check(!now.name.is_empty(), || format!("player {} has a name", now.player))?;
        let Some(before) = self.standing_in(now.slot) else { return Ok(()) };
        if before.player != now.player {
            return Ok(());
        }
        let announced = (before.kills, before.deaths);
        check((now.kills, now.deaths) == announced, || {
            format!("{} has the kills and deaths {announced:?} that were announced", now.name)
        })
    }

    fn state(&mut self, state: &State) -> Result<(), Violation> {
        if let Some(last) = &self.last {
            check(state.tick > last.tick, || {
                format!("ticks increase: {} after {}", state.tick, last.tick)
            })?;
        }
        let slots: Vec<u8> = state.players.iter().map(|player| player.slot).collect();
        check(slots.is_sorted_by(|a, b| a < b), || "players are in the order of slots".into())?;
        for player in &state.players {
            health(player)?;
        }
        if let Some(welcome) = &self.welcome {
            in_arena(welcome, state)?;
            self.no_jumps(welcome, state)?;
        }
        self.is_roster(&slots)?;
        self.shots(&state.shots)?;
        self.last = Some(state.clone());
        self.last_players = self.players();
        Ok(())
    }

    fn is_roster(&self, slots: &[u8]) -> Result<(), Violation> {
        let Some(roster) = &self.roster else { return Ok(()) };
        check(roster.keys().eq(slots), || format!("the players {slots:?} are the roster's"))?;
        let own = self.welcome.as_ref().map(|welcome| welcome.slot);
        check(own.is_none_or(|own| slots.contains(&own)), || "the own player is there".into())
    }

    fn shots(&self, shots: &[Shot]) -> Result<(), Violation> {
        let ids: BTreeSet<u16> = shots.iter().map(|shot| shot.id).collect();
        check(ids.len() == shots.len(), || "shots have an id of their own".into())?;
        shots.iter().try_for_each(|shot| self.is_known(shot.owner))
    }

    // Who lived on is near where it was, unless there was time to die and come back.
    fn no_jumps(&self, arena: &Welcome, state: &State) -> Result<(), Violation> {
        let Some(last) = &self.last else { return Ok(()) };
        let seconds = (state.tick - last.tick) as f32 / f32::from(arena.tick_hz);
        let reach = PUSH + FASTEST * seconds;
        for before in last.players.iter().filter(|player| player.alive && seconds <= 1.0) {
            let Some(now) = self.same_player(state, before.slot) else { continue };
            check(before.at.distance(now.at) <= reach, || {
                format!("slot {} moves at most {reach} units, not to {:?}", now.slot, now.at)
            })?;
        }
        Ok(())
    }

    // The slot's player now, if it is the one of the last state.
    fn same_player<'a>(&self, state: &'a State, slot: u8) -> Option<&'a PlayerState> {
        let same = self.last_players.get(&slot) == self.players().get(&slot);
        state.players.iter().find(|player| same && player.slot == slot)
    }

    fn players(&self) -> BTreeMap<u8, u32> {
        let standings = self.roster.iter().flat_map(BTreeMap::values);
        standings.map(|standing| (standing.slot, standing.player)).collect()
    }

    fn hit(&mut self, hit: &Hit) -> Result<(), Violation> {
        check(hit.shooter != hit.victim, || "nobody hits itself".into())?;
        check(hit.health < 100, || "a hit hurts".into())?;
        self.is_known(hit.shooter)?;
        self.is_known(hit.victim)?;
        let in_arena = self.welcome.as_ref().is_none_or(|arena| within(arena, hit.at, 0.0));
        check(in_arena, || format!("a hit at {:?} is in the arena", hit.at))
    }

    fn kill(&mut self, kill: &Kill) -> Result<(), Violation> {
        check(kill.shooter != kill.victim, || "nobody kills itself".into())?;
        self.is_known(kill.shooter)?;
        self.is_known(kill.victim)?;
        let Some(roster) = &mut self.roster else { return Ok(()) };
        roster.entry(kill.shooter).and_modify(|shooter| shooter.kills += 1);
        roster.entry(kill.victim).and_modify(|victim| victim.deaths += 1);
        Ok(())
    }

    fn over(&mut self, over: &Over) -> Result<(), Violation> {
        self.over = true;
        over.winner.map_or(Ok(()), |winner| self.is_known(winner))
    }

    fn is_known(&self, slot: u8) -> Result<(), Violation> {
        let known = self.roster.as_ref().is_none_or(|roster| roster.contains_key(&slot));
        check(known, || format!("slot {slot} is in the roster"))
    }

    fn standing_in(&self, slot: u8) -> Option<&Standing> {
        self.roster.as_ref()?.get(&slot)
    }
}

fn health(player: &PlayerState) -> Result<(), Violation> {
    let fits = if player.alive {
        (1..=100).contains(&player.health) && player.respawn == 0
    } else {
        player.health == 0 && (1..=20).contains(&player.respawn)
    };
    check(fits, || format!("the living have health, the dead wait at most 2 s: {player:?}"))?;
    let aim = player.aim.x.hypot(player.aim.y);
    check((aim - 1.0).abs() < 0.02, || format!("an aim is 1 long, not {aim}"))
}

fn in_arena(arena: &Welcome, state: &State) -> Result<(), Violation> {
    for player in state.players.iter().filter(|player| player.alive) {
        let inside = within(arena, player.at, PLAYER_RADIUS);
        check(inside, || format!("slot {} is in the arena at {:?}", player.slot, player.at))?;
    }
    let boulders = state.boulders.len() == arena.boulder_radii.len();
    check(boulders, || "no boulder is lost".into())?;
    for (at, radius) in state.boulders.iter().zip(&arena.boulder_radii) {
        check(within(arena, *at, *radius), || format!("a boulder is in the arena at {at:?}"))?;
    }
    for shot in &state.shots {
        let inside = within(arena, shot.at, SHOT_RADIUS);
        check(inside, || format!("shot {} is in the arena at {:?}", shot.id, shot.at))?;
    }
    Ok(())
}

fn within(arena: &Welcome, at: Place, radius: f32) -> bool {
    let fits = |value: f32, size: u16| {
        value >= radius - SIXTEENTH && value <= f32::from(size) - radius + SIXTEENTH
    };
    fits(at.x, arena.width) && fits(at.y, arena.height)
}

fn check(holds: bool, rule: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation(rule())) }
}
