//! What it costs to log what comes into a match, and how much faster than it was played a match is
//! replayed: arena with 16 players at 30 ticks a second.

use std::{ops::ControlFlow, sync::Arc, time::Instant};

use lattice_host::{
    Guest, Program,
    replay::{Extent, Stretch},
};
use lattice_policies::Policy;
use lattice_surface::{InputLog, LoggedEnd, LoggedEnding, MatchHeader, Phase, Record, TickInputs};

use crate::{
    native::Compiled,
    script::Script,
    sims,
    stats::{Arm, compare, row},
    subject::Subject,
};

const ROUNDS: usize = 5;
/// Five minutes.
const TICKS: usize = 9_000;

pub(crate) fn measure() {
    let script = sims::arena(TICKS);
    let compiled = Compiled::new(sims::ARENA);
    let subject = Subject::new(&Policy::default(), 1);
    let program = subject.program(&compiled.wasm);
    let ticks = script.ticks.len() as f64;
    let played = Arm::new("a tick that is not logged", || play(&program, &script, None) / ticks);
    let logged = Arm::new("a tick that is logged", || {
        play(&program, &script, Some(&mut Vec::new())) / ticks
    })
    .aim(1.1);
    compare("arena with 16 players, the input log", ROUNDS, vec![played, logged]);

    let mut bytes = Vec::new();
    play(&program, &script, Some(&mut bytes));
    let log = InputLog::read(&bytes).unwrap();
    let seconds = replay(&subject, &program, &log);
    let real = ticks / f64::from(script.tick_hz);
    row(
        "its replay, 5 minutes",
        seconds,
        &format!("{:.0} times real time  aim: 200", real / seconds),
    );
    let player_hours = 16.0 * real / 3_600.0;
    let (whole, packed) = (bytes.len() as f64, packed(&log, script.tick_hz.into()) as f64);
    println!(
        "  log: {:.0} KB a player-hour as it is kept, {:.0} KB before it is compressed",
        packed / player_hours / 1e3,
        whole / player_hours / 1e3
    );
}

/// Bytes of the log as it is kept: in blocks of LZ4, each with the records of a second.
fn packed(log: &InputLog, tick_hz: i64) -> usize {
    let seconds = log.inputs.chunk_by(|one, next| one.tick / tick_hz == next.tick / tick_hz);
    let block = |inputs: &[TickInputs]| {
        let mut bytes = Vec::new();
        for inputs in inputs {
            Record::Inputs(inputs.clone()).encode(&mut bytes);
        }
        lz4_flex::block::compress(&bytes).len()
    };
    seconds.map(block).sum()
}

/// Plays the match in a guest; the seconds that it takes, and the log that it leaves.
pub(crate) fn play(program: &Program, script: &Script, mut log: Option<&mut Vec<u8>>) -> f64 {
    let mut guest = Guest::new(program, Arc::clone(&script.config), Arc::default()).unwrap();
    if let Some(log) = log.as_deref_mut() {
        header(program, script).encode(log);
    }
    guest.init(script.seed, script.tick_hz).unwrap();
    let began = Instant::now();
    for (tick, events) in (0..).zip(&script.ticks) {
        guest.surface().begin(Phase::Tick);
        for event in events {
            guest.surface().push(event.clone()).unwrap();
        }
        assert_eq!(guest.tick(tick, false), Ok(false));
        guest.surface().log().drain();
        if let (Some(log), false) = (log.as_deref_mut(), events.is_empty()) {
            let (events, codes) = (events.clone(), Vec::new());
            let transcript = guest.surface().transcript();
            Record::Inputs(TickInputs { tick, events, codes, transcript }).encode(log);
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    if let Some(log) = log {
        let transcript = guest.surface().transcript();
        let (ticks, ending) = (script.ticks.len() as i64, LoggedEnding::Stopped);
        Record::End(LoggedEnd { ticks, ending, transcript }).encode(log);
    }
    seconds
}

fn header(program: &Program, script: &Script) -> Record {
    Record::Header(MatchHeader {
        module: program.sha256(),
        fingerprint: program.fingerprint(),
        tick_hz: script.tick_hz,
        seed: script.seed,
        hash_every: 0,
        config: Arc::clone(&script.config),
    })
}

/// Seconds of a replay of the whole log, which must be the same match.
fn replay(subject: &Subject, program: &Program, log: &InputLog) -> f64 {
    let began = Instant::now();
    let stretch = Stretch { part: log.parts()[0], from: None };
    let replayed = subject.fleet.replay(program, stretch, None, |_| ControlFlow::Continue(()));
    let seconds = began.elapsed().as_secs_f64();
    assert_eq!(replayed.unwrap().extent, Extent::End);
    seconds
}
