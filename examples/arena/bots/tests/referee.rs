//! Each rule of the referee, broken once; and a story that breaks none.

#![expect(clippy::expect_used, reason = "a test's helpers fail the test")]

use arena_bots::protocol::{
    Hit, Kill, Message, Obstacle, Over, OverReason, Place, PlayerState, Shot, Standing, State,
    Welcome,
};
use arena_bots::referee::Referee;

#[test]
fn an_honest_match_passes() {
    let mut referee = seated();
    for message in [
        state(7, |_| {}),
        Message::Hit(hit(|_| {})),
        Message::Kill(Kill { shooter: 0, victim: 1, tick: 8 }),
        roster(|players| (players[0].kills, players[1].deaths) = (1, 1)),
        state(8, |state| kill_second(&mut state.players[1])),
        Message::Over(Over { reason: OverReason::Score, winner: Some(0), tick: 8 }),
    ] {
        assert_eq!(referee.judge(&message), Ok(()));
    }
}

#[test]
fn what_a_state_may_not_say_is_noticed() {
    refuses("ticks increase", &state(6, |_| {}));
    refuses("the order of slots", &state(7, |state| state.players.reverse()));
    refuses("are the roster's", &state(7, |state| state.players.truncate(1)));
    refuses("slot 1 is in the arena", &state(7, |state| state.players[1].at.x = 1590.0));
    refuses("a boulder is in the arena", &state(7, |state| state.boulders[0].y = 10.0));
    refuses("no boulder is lost", &state(7, |state| state.boulders.clear()));
    refuses("shot 9 is in the arena", &state(7, |state| state.shots[0].at.y = 899.0));
    refuses("an id of their own", &state(7, |state| state.shots.push(state.shots[0].clone())));
    refuses("slot 4 is in the roster", &state(7, |state| state.shots[0].owner = 4));
    refuses("the living have health", &state(7, |state| state.players[0].health = 0));
    refuses("the dead wait", &state(7, |state| state.players[0].alive = false));
    refuses("an aim is 1 long", &state(7, |state| state.players[0].aim.x = 0.5));
    refuses("moves at most", &state(7, |state| state.players[0].at.x += 300.0));
}

#[test]
fn what_the_other_messages_may_not_say_is_noticed() {
    refuses("nobody hits itself", &Message::Hit(hit(|hit| hit.victim = hit.shooter)));
    refuses("slot 3 is in the roster", &Message::Hit(hit(|hit| hit.shooter = 3)));
    refuses("a hit hurts", &Message::Hit(hit(|hit| hit.health = 100)));
    refuses("a hit at", &Message::Hit(hit(|hit| hit.at.x = 1700.0)));
    refuses("nobody kills itself", &Message::Kill(Kill { shooter: 1, victim: 1, tick: 7 }));
    refuses("that were announced", &roster(|players| players[0].kills = 1));
    refuses("once", &roster(|players| players[1].player = players[0].player));
    refuses("has a name", &roster(|players| players[1].name.clear()));
    refuses("slots are below 16", &roster(|players| players[1].slot = 16));
    refuses("says the same", &Message::Welcome(Welcome { slot: 1, ..welcome() }));
}

#[test]
fn nothing_follows_the_end() {
    let mut referee = seated();
    let over = Message::Over(Over { reason: OverReason::Time, winner: None, tick: 6 });
    assert_eq!(referee.judge(&over), Ok(()));
    let after = referee.judge(&state(7, |_| {})).unwrap_err();
    assert_eq!(after.to_string(), "nothing follows the end of the match");
}

#[test]
fn who_comes_back_is_judged_by_what_it_knows() {
    let mut referee = Referee::default();
    assert_eq!(referee.judge(&state(5, |_| {})), Ok(()), "no welcome yet");
    assert!(referee.arena().is_none());
    assert!(referee.judge(&state(5, |_| {})).is_err(), "but ticks increase even so");
}

fn refuses(rule: &str, message: &Message) {
    let violation = seated().judge(message).expect_err(rule).to_string();
    assert!(violation.contains(rule), "{violation}");
}

// One who has seen the welcome, the roster and the state of tick 6.
fn seated() -> Referee {
    let mut referee = Referee::default();
    for message in [Message::Welcome(welcome()), roster(|_| {}), state(6, |_| {})] {
        assert_eq!(referee.judge(&message), Ok(()));
    }
    referee
}

fn welcome() -> Welcome {
    let at = Place { x: 800.0, y: 450.0 };
    Welcome {
        slot: 0,
        tick_hz: 30,
        width: 1600,
        height: 900,
        score_limit: 20,
        obstacles: vec![Obstacle { at, half: Place::default(), round: 60.0 }],
        boulder_radii: vec![20.0],
    }
}

fn roster(change: impl Fn(&mut Vec<Standing>)) -> Message {
    let standing = |slot: u8, name: &str| Standing {
        slot,
        player: u32::from(slot) + 1,
        kills: 0,
        deaths: 0,
        name: name.into(),
    };
    let mut players = vec![standing(0, "Ada"), standing(1, "Bob")];
    change(&mut players);
    Message::Roster(players)
}

fn state(tick: u32, change: impl Fn(&mut State)) -> Message {
    let shot = Shot { id: 9, owner: 1, ricocheted: false, at: Place { x: 600.0, y: 100.0 } };
    let mut state = State {
        tick,
        seconds_left: None,
        players: vec![player(0, 100.0), player(1, 500.0)],
        boulders: vec![Place { x: 300.0, y: 300.0 }],
        shots: vec![shot],
    };
    change(&mut state);
    Message::State(state)
}

fn player(slot: u8, x: f32) -> PlayerState {
    PlayerState {
        slot,
        alive: true,
        shielded: false,
        health: 100,
        respawn: 0,
        at: Place { x, y: 200.0 },
        aim: Place { x: 1.0, y: 0.0 },
        sequence: 0,
    }
}

fn kill_second(player: &mut PlayerState) {
    (player.alive, player.health, player.respawn) = (false, 0, 20);
}

fn hit(change: impl Fn(&mut Hit)) -> Hit {
    let mut hit = Hit { shooter: 0, victim: 1, health: 0, at: Place { x: 490.0, y: 200.0 } };
    change(&mut hit);
    hit
}
