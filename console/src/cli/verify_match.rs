//! The match over which `lattice verify` compares: played on the module, from a log or with made-up
//! players, of whom a log is written. Knows no native program.

use std::{fs, ops::ControlFlow, path::Path};

use lattice_policies::Policy;
use lattice_surface::{InputLog, MatchHeader, TickInputs};
use lattice_twin::{
    Called, Course, Entry, Extent, MadeUp, Recording, check_playable, play, replay,
};

use super::{CliError, verify_sandbox::Sandbox};

/// What the module did.
pub(super) struct Transcript {
    pub(super) entries: Vec<Entry>,
    /// The tick and kind of the fault that only the sandbox has, if it ended the match.
    pub(super) fault: Option<(i64, String)>,
}

/// Plays the module's match of a log again, which may be a recording of the native program.
pub(super) fn logged(
    sandbox: &Sandbox,
    path: &Path,
    policy: &Policy,
) -> Result<Transcript, CliError> {
    let bytes = fs::read(path).map_err(CliError::unreadable(path))?;
    let named = |error: &str| CliError::failed(format!("{}: {error}", path.display()));
    let log = InputLog::read(&bytes).map_err(|error| named(&error.to_string()))?;
    check_playable(&log).map_err(|error| named(&error.to_string()))?;
    if log.header.module != sandbox.module() {
        return Err(named(&format!("the log is of the module {}", log.header.module)));
    }
    let is_native = log.header.fingerprint == policy.fingerprint();
    if !is_native && log.header.fingerprint != sandbox.fingerprint() {
        return Err(named("the log was written under another engine or policy"));
    }
    let mut entries = Vec::new();
    let mut sim = sandbox.sim(log.header.config.clone())?;
    let extent = replay(&mut sim, &log, &mut |called| keep(&mut entries, called));
    if let Some(tick) = first_other(&entries, &log).filter(|_| !is_native) {
        return Err(named(&format!("at tick {tick} the module says other things than in the log")));
    }
    let fault = match extent {
        Extent::BeforeFault { tick, kind } => Some((tick, kind)),
        Extent::Through | Extent::Ended => None,
    };
    Ok(Transcript { entries, fault })
}

/// The first tick whose hash in the log is another one.
fn first_other(entries: &[Entry], log: &InputLog) -> Option<i64> {
    let is_other = |logged: &&TickInputs| {
        let played = entries.binary_search_by_key(&logged.tick, |entry| entry.tick);
        played.is_ok_and(|at| entries[at].transcript != logged.transcript)
    };
    log.inputs.iter().find(is_other).map(|inputs| inputs.tick)
}

/// Plays a match with made-up players, and writes down what came into it.
pub(super) fn made_up(
    sandbox: &Sandbox,
    match_: MadeUp,
    config: Option<&Path>,
    to: &Path,
) -> Result<Transcript, CliError> {
    let config = match config {
        Some(path) => fs::read(path).map_err(CliError::unreadable(path))?,
        None => Vec::new(),
    };
    let header = MatchHeader {
        module: sandbox.module(),
        fingerprint: sandbox.fingerprint(),
        tick_hz: match_.tick_hz,
        seed: match_.seed,
        hash_every: match_.hash_every,
        config: config.into(),
    };
    let mut entries = Vec::new();
    let mut sim = sandbox.sim(header.config.clone())?;
    let mut recording = Recording::new(header);
    let (inputs, end) = play(&mut sim, match_, &mut |called| {
        recording.note(called);
        keep(&mut entries, called)
    });
    fs::write(to, recording.encode(&inputs, Some(&end))).map_err(CliError::unreadable(to))?;
    let fault = entries.pop_if(|last| sandbox_fault(last).is_some());
    let fault = fault.as_ref().and_then(sandbox_fault);
    Ok(Transcript { entries, fault })
}

fn keep(entries: &mut Vec<Entry>, called: &Called<'_>) -> ControlFlow<()> {
    entries.push(Entry::from(called));
    ControlFlow::Continue(())
}

/// A fault that no native program can have: only the sim's own one comes there too.
fn sandbox_fault(entry: &Entry) -> Option<(i64, String)> {
    match &entry.course {
        Course::Faulted(kind) if kind != "SIM" => Some((entry.tick, kind.clone())),
        _ => None,
    }
}
