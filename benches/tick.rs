//! What a tick costs beside the sim's own work: matches of a sim that does nothing, against a bare
//! call that arms fuel and deadline, reads the fuel back, and reads the clock twice.

use std::{
    hint::black_box,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use lattice_host::Guest;
use lattice_policies::Policy;
use lattice_surface::Phase;
use wasmtime::InstancePre;

use crate::{
    bare::{self, BareGuest, State},
    clocks, modules,
    stats::{Arm, compare},
    subject::Subject,
};

const ROUNDS: usize = 7;
const TICK_HZ: u16 = 240;
/// Matches that one worker keeps up with, with time to sleep between ticks.
const MATCHES: u32 = 1_000;
/// Matches that are more than one worker keeps up with, so that it never sleeps.
const CROWD: u32 = 9_000;
/// How long the fleet is watched in a round.
const WATCHED: Duration = Duration::from_millis(1_500);
/// Ticks of the bare peers in a round.
const BARE_TICKS: u32 = 2_000_000;

pub(crate) fn measure() {
    fleet("matches at 240 Hz on one worker that sleeps between ticks", MATCHES);
    fleet("matches at 240 Hz on one worker that never sleeps", CROWD);
    hot();
}

/// Both sides go round as many stores, so that they miss the caches alike.
fn fleet(what: &str, matches: u32) {
    let policy = Policy::default();
    let wasm = wat::parse_str(modules::NOTHING).unwrap();
    let engine = bare::engine(&policy, matches);
    let pre = bare::prepare(&bare::linker(&engine), &wasm);
    let title = format!("an empty tick: {matches} {what}; process CPU time a tick");
    let bare = Arm::new("bare wasmtime call, clock read twice", || {
        bare_ticks(&pre, &policy, matches as usize)
    });
    let scheduled =
        Arm::new("the fleet", || scheduled_ticks(&pre, &policy, matches, &wasm)).aim(3.0);
    compare(&title, ROUNDS, vec![bare, scheduled]);
}

fn bare_ticks(pre: &InstancePre<State>, policy: &Policy, matches: usize) -> f64 {
    let mut guests: Vec<_> = (0..matches).map(|_| BareGuest::new(pre, policy)).collect();
    for guest in &mut guests {
        assert_eq!(guest.init(), 0);
    }
    let turns = BARE_TICKS as usize / matches;
    let seconds = clocks::cpu(|| {
        for turn in 0..turns {
            for guest in &mut guests {
                timed_tick(guest, turn as i64);
            }
        }
    });
    seconds / (turns * matches) as f64
}

fn timed_tick(guest: &mut BareGuest, tick: i64) {
    let began = Instant::now();
    black_box(guest.tick(tick));
    black_box(began.elapsed());
}

fn scheduled_ticks(pre: &InstancePre<State>, policy: &Policy, matches: u32, wasm: &[u8]) -> f64 {
    let mut subject = Subject::new(policy, matches);
    let program = subject.program(wasm);
    subject.assert_same_code(pre.module());
    for _ in 0..matches {
        subject.start(&program, TICK_HZ);
    }
    // When every match has had some ticks, the starter has nothing left to do.
    while subject.ticks().1 < 3 {
        thread::sleep(Duration::from_millis(10));
    }
    let before = subject.ticks().0;
    let seconds = clocks::cpu(|| thread::sleep(WATCHED));
    seconds / (subject.ticks().0 - before) as f64
}

/// One guest, ticked again and again: what the surface and the guest's own wrapper cost.
fn hot() {
    let policy = Policy::default();
    let wasm = wat::parse_str(modules::NOTHING).unwrap();
    let engine = bare::engine(&policy, 1);
    let mut bare = BareGuest::new(&bare::prepare(&bare::linker(&engine), &wasm), &policy);
    let subject = Subject::new(&policy, 1);
    let mut guest = Guest::new(&subject.program(&wasm), Arc::from([]), Arc::default()).unwrap();
    guest.init(7, TICK_HZ).unwrap();
    let per_tick = |seconds: f64| seconds / f64::from(BARE_TICKS);
    let bare = Arm::new("bare wasmtime call, clock read twice", || {
        per_tick(clocks::cpu(|| {
            for tick in 0..BARE_TICKS {
                timed_tick(&mut bare, tick.into());
            }
        }))
    });
    let ours = Arm::new("the host's guest, without the scheduler", || {
        per_tick(clocks::cpu(|| {
            for tick in 0..BARE_TICKS {
                guest.surface().begin(Phase::Tick);
                black_box(guest.tick(tick.into(), false).unwrap());
            }
        }))
    });
    compare("an empty tick of one guest, again and again", ROUNDS, vec![bare, ours]);
}
