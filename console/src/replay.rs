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
    Program, RestoreError, Snapshot,
    replay::{Difference, Extent, ReplayError, Replayed, ReplayedTick, Stretch},
};
use lattice_policies::{Sha256, roles::Permit};
use lattice_store::{LogExtent, Match, StoreError};
use lattice_surface::{InputLog, LogPart, Record, Records};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    app::{App, blocking},
    history,
    http::error::{ApiError, ApiResult},
    launch,
};

const NO_PLACE: &str = "all places for replays are taken";

/// What a replay came to, and how long it took.
pub(crate) struct Outcome {
    /// Of all parts that were run; the last one's end.
    pub(crate) replayed: Replayed,
    /// The parts that were not run.
    pub(crate) skipped: Vec<Skipped>,
    pub(crate) took: Duration,
}

/// A part of a log that another engine or policy has run, so that this one can't.
pub(crate) struct Skipped {
    /// Its first tick.
    pub(crate) from: i64,
    /// The first tick of the next part.
    pub(crate) until: Option<i64>,
    pub(crate) engine: Sha256,
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
    let log = history::log(app, &found).await?;
    let pieces = pieces(app, &found, &log, to.unwrap_or(i64::MAX)).await?;
    run(app, place, log, pieces, to).await
}

/// A place among the replays, if there is one.
pub(crate) fn place(app: &App) -> ApiResult<OwnedSemaphorePermit> {
    let place = Arc::clone(&app.replays).try_acquire_owned();
    place.map_err(|_| ApiError::Busy(NO_PLACE))
}

/// Runs the match of a log that is not the console's own, from `init` on. Breaks off when nobody
/// waits for it any more.
pub(crate) async fn run_given(
    app: &App,
    place: OwnedSemaphorePermit,
    program: Program,
    log: InputLog,
) -> ApiResult<Outcome> {
    let whole = Piece { at: 0, program, base: None };
    run(app, place, log, (vec![whole], Vec::new()), None).await
}

/// Runs the pieces on a thread of its own, which has the place until it is done.
async fn run(
    app: &App,
    place: OwnedSemaphorePermit,
    log: InputLog,
    pieces: (Vec<Piece>, Vec<Skipped>),
    to: Option<i64>,
) -> ApiResult<Outcome> {
    let given_up = GivenUp::default();
    let watch = given_up.watch();
    let app = app.clone();
    blocking(move || run_here(&app, place, &log, pieces, to, watch)).await?
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

/// One part of a log, with what it needs to be run again.
struct Piece {
    /// Its place in the log.
    at: usize,
    program: Program,
    /// What it begins with, if that is not `init`.
    base: Option<Snapshot>,
}

/// The parts that this engine can run, and where the others lie.
async fn pieces(
    app: &App,
    found: &Match,
    log: &InputLog,
    to: i64,
) -> ApiResult<(Vec<Piece>, Vec<Skipped>)> {
    let (mut pieces, mut skipped) = (Vec::new(), Vec::new());
    for (at, part) in log.parts().iter().enumerate() {
        if part.first_tick() > to {
            break;
        }
        let build = history::build(app, found, part.module()).await?;
        if part.fingerprint() != app.fleet.fingerprint_of(build.packaging) {
            let (from, until, engine) = (part.first_tick(), part.until, part.fingerprint());
            skipped.push(Skipped { from, until, engine });
            continue;
        }
        let program = launch::program(app, &build).await?;
        let base = base(app, found, part).await?;
        pieces.push(Piece { at, program, base });
    }
    Ok((pieces, skipped))
}

/// What a part begins with, if that is not `init`.
pub(crate) async fn base(
    app: &App,
    found: &Match,
    part: &LogPart<'_>,
) -> ApiResult<Option<Snapshot>> {
    let Some(start) = part.start else { return Ok(None) };
    let snapshot = history::snapshot(app, &found.id, part.module(), start.tick).await?;
    let snapshot = snapshot.filter(|snapshot| snapshot.state() == start.state);
    let missing = || {
        let (id, tick) = (&found.id, start.tick);
        ApiError::BadLog(format!("match {id}: the state that tick {tick} began with is missing"))
    };
    snapshot.ok_or_else(missing).map(Some)
}

/// Runs the pieces one after the other, up to the first that is not what was logged.
fn run_here(
    app: &App,
    _place: OwnedSemaphorePermit,
    log: &InputLog,
    (pieces, skipped): (Vec<Piece>, Vec<Skipped>),
    to: Option<i64>,
    mut watch: impl FnMut(ReplayedTick<'_>) -> ControlFlow<()> + Send,
) -> ApiResult<Outcome> {
    let began = Instant::now();
    let parts = log.parts();
    let mut last = None;
    for piece in pieces {
        let stretch = Stretch { part: parts[piece.at], from: piece.base.as_ref() };
        let replayed =
            app.fleet.replay(&piece.program, stretch, to, &mut watch).map_err(refused)?;
        let (replayed, goes_on) = join(replayed, &parts[piece.at..]);
        last = Some(replayed);
        if !goes_on {
            break;
        }
    }
    let replayed = last.ok_or_else(|| ApiError::Conflict(other_engine(&skipped)))?;
    Ok(Outcome { replayed, skipped, took: began.elapsed() })
}

/// Whether the replay of the first of those parts came to where the next one begins; there, it has
/// to have said all that the next one goes on from.
fn join(mut replayed: Replayed, parts: &[LogPart<'_>]) -> (Replayed, bool) {
    let next = parts.get(1).and_then(|next| next.start);
    let differs = matches!(replayed.extent, Extent::Differs(_));
    let Some(next) = next.filter(|next| !differs && replayed.ticks >= next.tick) else {
        return (replayed, false);
    };
    if next.transcript == replayed.transcript {
        return (replayed, true);
    }
    let (logged, tick) = (next.transcript, next.tick - 1);
    let difference = Difference::Transcript { tick, logged, replayed: replayed.transcript };
    replayed.extent = Extent::Differs(difference);
    (replayed, false)
}

fn other_engine(skipped: &[Skipped]) -> String {
    let engine = skipped.first().map(|skipped| skipped.engine.to_string()).unwrap_or_default();
    format!(
        "the input log was written under another engine or policy ({engine}), where fuel and limits \
         may end a tick elsewhere: it needs that one to be replayed"
    )
}

pub(crate) fn refused(error: ReplayError) -> ApiError {
    match error {
        ReplayError::OtherModule { .. }
        | ReplayError::OtherEngine { .. }
        | ReplayError::Elsewhere { .. }
        | ReplayError::NoSnapshot { .. }
        | ReplayError::NotKept
        | ReplayError::Differs(_)
        | ReplayError::Ended { .. } => ApiError::Conflict(error.to_string()),
        ReplayError::Busy => ApiError::Busy(NO_PLACE),
        ReplayError::Restore(RestoreError::Snapshot(error)) => ApiError::BadLog(error.to_string()),
        ReplayError::Restore(RestoreError::Host(_)) | ReplayError::Host(_) => {
            ApiError::internal(error)
        }
    }
}

/// Breaks a replay off when the request that waits for it is dropped.
#[derive(Default)]
pub(crate) struct GivenUp(Arc<AtomicBool>);

impl GivenUp {
    /// What the replay looks at.
    pub(crate) fn watch(&self) -> impl FnMut(ReplayedTick<'_>) -> ControlFlow<()> + Send + use<> {
        let is_given_up = Arc::clone(&self.0);
        move |_| {
            if is_given_up.load(Ordering::Relaxed) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }
    }
}

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use lattice_surface::{MatchHeader, Segment};

    use super::*;

    /// A log whose second part begins before tick 10, after that transcript.
    fn log(transcript: Sha256) -> InputLog {
        let [module, fingerprint, state] = [&b"m"[..], b"f", b"s"].map(Sha256::of);
        let config = Arc::from([]);
        let header =
            MatchHeader { module, fingerprint, tick_hz: 60, seed: 1, hash_every: 60, config };
        let other = Sha256::of(b"other module");
        let segment = Segment { tick: 10, module: other, fingerprint, state, transcript };
        InputLog { header, segments: vec![segment], inputs: Vec::new(), end: None }
    }

    fn replayed(ticks: i64) -> Replayed {
        let (transcript, extent) = (Sha256::of(b"said"), Extent::Partial);
        Replayed { ticks, transcript, fuel: 0, state: None, result: None, extent }
    }

    #[test]
    fn a_part_goes_over_into_the_next_if_it_said_what_that_one_goes_on_from() {
        let same = log(Sha256::of(b"said"));
        assert_eq!(join(replayed(10), &same.parts()), (replayed(10), true));
        assert_eq!(join(replayed(9), &same.parts()), (replayed(9), false), "not that far");
        assert_eq!(join(replayed(12), &same.parts()[1..]), (replayed(12), false), "no next one");

        let logged = Sha256::of(b"said otherwise");
        let (other, goes_on) = join(replayed(10), &log(logged).parts());
        let difference = Difference::Transcript { tick: 9, logged, replayed: Sha256::of(b"said") };
        assert_eq!((other.extent, goes_on), (Extent::Differs(difference), false));
    }
}
