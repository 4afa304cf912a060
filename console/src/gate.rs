//! The native gate: a recording of what a build's native twin played is replayed on the build's
//! module. If the two said the same, the build may start matches in a game that demands it.
//!
//! Owns what a recording must be. Never decides who may send one.

use bytes::Bytes;
use lattice_host::replay::{Difference, Extent};
use lattice_policies::{Sha256, policy::MatchLimits, roles::Permit};
use lattice_store::{Actor, AuditEntry, ModuleBuild};
use lattice_surface::{BadLog, Event, InputLog, LoggedEnd, LoggedEnding};
use lattice_twin::{FromSnapshot, check_playable};
use serde_json::{Value, json};
use thiserror::Error;

use crate::{
    app::{App, blocking},
    http::error::ApiResult,
    launch, replay,
    share::Place,
};

/// Ticks that a recording has at least: a shorter one says little of the build.
const LEAST_TICKS: i64 = 60;
/// The longest recording, in bytes: a match of a quarter of an hour with sixteen players.
pub(crate) const RECORDING_BYTES: usize = 16 << 20;

/// Why bytes are no recording that could open a gate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum BadRecording {
    #[error("the recording is no input log: {0}")]
    NoLog(#[from] BadLog),
    #[error("the recording is of the module {recorded}, and the build is {built}")]
    OtherModule { recorded: Sha256, built: Sha256 },
    #[error(
        "this is the log of a match in the sandbox: `lattice verify --record` makes a recording of the native program"
    )]
    Sandbox,
    #[error(transparent)]
    FromSnapshot(#[from] FromSnapshot),
    #[error("the recording is of no match that could be started here: {0}")]
    NoMatch(&'static str),
    #[error("the recording has no end: the native program did not play to the end of the match")]
    NoEnd,
    #[error("the recording has {ticks} ticks, and at least {LEAST_TICKS} are needed")]
    Short { ticks: i64 },
    #[error("no player joins in the recording, and at least one is needed")]
    NoPlayer,
    #[error(
        "the sim says nothing in the recording, so there is nothing to compare: let it send something, or export `lattice_sim_hash`"
    )]
    Silent,
}

/// How a module is not what its native twin was recorded to be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the module is not what was recorded natively: {difference}{}", self.hint())]
pub(crate) struct NotTheTwin {
    pub(crate) difference: Difference,
    /// Whether the native program had the console's limits.
    is_same_policy: bool,
}

impl NotTheTwin {
    fn hint(&self) -> &'static str {
        if self.is_same_policy {
            ""
        } else {
            "; it was recorded under another policy than the console's"
        }
    }
}

/// Holds a recording against the build's module, and opens the game's gate to the build if they
/// are the same. Breaks off when nobody waits for it any more.
pub(crate) async fn judge(
    app: &App,
    _permit: &Permit,
    actor: Actor,
    transfer: Place<String>,
    build: ModuleBuild,
    recording: Bytes,
) -> ApiResult<ModuleBuild> {
    let place = replay::place(app)?;
    let engine = app.fleet.fingerprint_of(build.packaging);
    let limits = app.policy.matches.clone();
    let built = build.sha256;
    let read = blocking(move || {
        let _held_with_the_bytes = transfer;
        read(&recording, built, engine, &limits).map(|log| (Sha256::of(&recording), log))
    });
    let (hash, Recording { log, policy }) = read.await??;
    let ticks = log.end.as_ref().map_or(0, |end| end.ticks);
    let detail =
        json!({ "Recording": hash.to_string(), "Sha256": built.to_string(), "Ticks": ticks });
    let program = launch::program(app, &build).await?;
    match replay::run_given(app, place, program, log).await?.replayed.extent {
        Extent::End => {
            let (game, version) = (build.game, build.version);
            app.store(move |store| store.set_verified(&actor, &game, &version, detail)).await
        }
        Extent::Partial => Err(BadRecording::NoEnd.into()),
        Extent::Differs(difference) => {
            record_difference(app, actor, &build, detail, &difference).await?;
            let is_same_policy = policy == app.policy_id;
            Err(NotTheTwin { difference, is_same_policy }.into())
        }
    }
}

async fn record_difference(
    app: &App,
    actor: Actor,
    build: &ModuleBuild,
    mut detail: Value,
    difference: &Difference,
) -> ApiResult<()> {
    let (game, version) = (build.game.clone(), build.version.to_string());
    detail["Difference"] = difference.to_string().into();
    app.store(move |store| {
        let (action, outcome) = ("module.verify", "differs");
        let entry = AuditEntry { action, game: Some(&game), target: &version, outcome, detail };
        store.record(&actor, &entry)
    })
    .await
}

/// A recording that can be replayed.
struct Recording {
    /// As if this engine had written it.
    log: InputLog,
    /// The fingerprint of the policy whose limits the native program had.
    policy: Sha256,
}

fn read(
    bytes: &[u8],
    built: Sha256,
    engine: Sha256,
    limits: &MatchLimits,
) -> Result<Recording, BadRecording> {
    let mut log = InputLog::read(bytes)?;
    let header = &log.header;
    if header.module != built {
        return Err(BadRecording::OtherModule { recorded: header.module, built });
    }
    if header.fingerprint == engine {
        return Err(BadRecording::Sandbox);
    }
    check_playable(&log)?;
    check_match(&log, limits)?;
    check_extent(&log)?;
    let policy = std::mem::replace(&mut log.header.fingerprint, engine);
    Ok(Recording { log, policy })
}

/// Whether a match could be started so.
fn check_match(log: &InputLog, limits: &MatchLimits) -> Result<(), BadRecording> {
    let checks = [
        (
            !(1..=240).contains(&log.header.tick_hz),
            "its ticks a second do not lie between 1 and 240",
        ),
        (
            log.header.config.len() > limits.config_bytes as usize,
            "its config is longer than a match's",
        ),
    ];
    let found = checks.into_iter().find(|(is_wrong, _)| *is_wrong);
    found.map_or(Ok(()), |(_, why)| Err(BadRecording::NoMatch(why)))
}

/// Whether there is enough of it: a gate that an empty recording opens would be none.
fn check_extent(log: &InputLog) -> Result<(), BadRecording> {
    let end = log.end.as_ref().filter(|end| is_native(end)).ok_or(BadRecording::NoEnd)?;
    if end.ticks < LEAST_TICKS {
        return Err(BadRecording::Short { ticks: end.ticks });
    }
    let mut events = log.inputs.iter().flat_map(|inputs| &inputs.events);
    if !events.any(|event| matches!(event, Event::Join { .. })) {
        return Err(BadRecording::NoPlayer);
    }
    if log.inputs.iter().all(|inputs| inputs.transcript == end.transcript) {
        return Err(BadRecording::Silent);
    }
    Ok(())
}

/// Whether a native program can end so: of the faults it knows the sim's own alone.
fn is_native(end: &LoggedEnd) -> bool {
    match &end.ending {
        LoggedEnding::Finished | LoggedEnding::ShutDown | LoggedEnding::Stopped => true,
        LoggedEnding::Faulted { kind, .. } => kind == "SIM",
        LoggedEnding::Cut { .. } => false,
    }
}
