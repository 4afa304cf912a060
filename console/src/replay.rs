//! A match again, from the input log that was kept of it: finds what it ran, runs it, and says
//! whether it was the same. Decides nothing about who may ask.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use lattice_host::{
    Program,
    replay::{ReplayError, Replayed},
};
use lattice_policies::{Sha256, roles::Permit};
use lattice_store::{LogExtent, Match, StoreError};
use lattice_surface::{InputLog, Record, Records};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    app::{App, blocking},
    http::error::{ApiError, ApiResult},
    launch,
};

const NO_PLACE: &str = "all places for replays are taken";

/// What a replay came to, and how long it took.
pub(crate) struct Outcome {
    pub(crate) replayed: Replayed,
    pub(crate) took: Duration,
}

/// Runs a match again, up to tick `to` or as far as its log goes. Breaks off when nobody waits for
/// it any more.
pub(crate) async fn replay(
    app: &App,
    _permit: &Permit,
    found: Match,
    to: Option<i64>,
) -> ApiResult<Outcome> {
    // It comes before the log, so that only as many logs are in memory as are replayed.
    let place = place(app)?;
    let log = read(app, &found).await?;
    let program = program(app, &found).await?;
    run(app, place, program, log, to).await
}

/// A place among the replays, if there is one.
pub(crate) fn place(app: &App) -> ApiResult<OwnedSemaphorePermit> {
    let place = Arc::clone(&app.replays).try_acquire_owned();
    place.map_err(|_| ApiError::Busy(NO_PLACE))
}

/// Runs a log on a thread of its own, which has the place until it is done. Breaks off when nobody
/// waits for it any more.
pub(crate) async fn run(
    app: &App,
    place: OwnedSemaphorePermit,
    program: Program,
    log: InputLog,
    to: Option<i64>,
) -> ApiResult<Outcome> {
    let given_up = GivenUp::default();
    let is_given_up = Arc::clone(&given_up.0);
    let app = app.clone();
    blocking(move || run_here(&app, place, &program, &log, to, &is_given_up)).await?
}

/// The input log's bytes, as far as they are written.
pub(crate) async fn bytes(app: &App, found: &Match) -> ApiResult<Vec<u8>> {
    if extent(app, found).is_none() {
        let none = "the match has no input log: the policy that it ran under keeps none (`match.log = \"off\"`)";
        return Err(ApiError::Conflict(none.to_owned()));
    }
    let id = found.id.clone();
    match app.store(move |store| store.inputs(&id)).await {
        Ok(bytes) => Ok(bytes.unwrap_or_default()),
        Err(ApiError::Store(StoreError::Corrupt(why))) => Err(ApiError::BadLog(why)),
        Err(error) => Err(error),
    }
}

/// How much of a match its input log holds; `None` where none is kept. Of a match that has just
/// begun, nothing is written yet.
pub(crate) fn extent(app: &App, found: &Match) -> Option<LogExtent> {
    let is_kept = app.policy.matches.log != lattice_policies::policy::LogMode::Off;
    let is_begun = is_kept && !found.state.has_ended();
    found.log.or(is_begun.then_some(LogExtent::Whole))
}

/// The transcript's hash at a match's end, if its log has its end. A damaged log has none; who
/// reads it or replays it is told.
pub(crate) async fn transcript(app: &App, found: &Match) -> ApiResult<Option<Sha256>> {
    if found.log != Some(LogExtent::Whole) || !found.state.has_ended() {
        return Ok(None);
    }
    let id = found.id.clone();
    app.store(move |store| match store.last_inputs(&id) {
        Err(StoreError::Corrupt(_)) => Ok(None),
        last => Ok(last?.and_then(|bytes| match Records::new(&bytes).last() {
            Some(Ok(Record::End(end))) => Some(end.transcript),
            _ => None,
        })),
    })
    .await
}

async fn read(app: &App, found: &Match) -> ApiResult<InputLog> {
    let bytes = bytes(app, found).await?;
    if bytes.is_empty() {
        let none = "nothing of the match's input log is written";
        return Err(ApiError::Conflict(none.to_owned()));
    }
    let log = blocking(move || InputLog::read(&bytes)).await?;
    let log = log.map_err(|error| ApiError::BadLog(format!("match {}: {error}", found.id)))?;
    if log.header.module != found.sha256 {
        let why = format!("match {}: it is of the module {}", found.id, log.header.module);
        return Err(ApiError::BadLog(why));
    }
    Ok(log)
}

/// What the match ran, whether or not its build may start matches today.
async fn program(app: &App, found: &Match) -> ApiResult<Program> {
    let (game, version) = (found.game.clone(), found.version.clone());
    let build = app.store(move |store| store.build(&game, &version)).await?;
    launch::program(app, &build.ok_or(ApiError::NotFound("build"))?).await
}

fn run_here(
    app: &App,
    _place: OwnedSemaphorePermit,
    program: &Program,
    log: &InputLog,
    to: Option<i64>,
    is_given_up: &AtomicBool,
) -> ApiResult<Outcome> {
    let began = Instant::now();
    let watch = |_: lattice_host::replay::ReplayedTick<'_>| {
        if is_given_up.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let replayed = app.fleet.replay(program, log, to, watch).map_err(refused)?;
    Ok(Outcome { replayed, took: began.elapsed() })
}

fn refused(error: ReplayError) -> ApiError {
    match error {
        ReplayError::OtherModule { .. } | ReplayError::OtherEngine { .. } => {
            ApiError::Conflict(error.to_string())
        }
        ReplayError::Busy => ApiError::Busy(NO_PLACE),
        ReplayError::Host(_) => ApiError::internal(error),
    }
}

/// Breaks a replay off when the request that waits for it is dropped.
#[derive(Default)]
struct GivenUp(Arc<AtomicBool>);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
