//! A match as it stood between two ticks, made again from its log and its snapshots. Decides nothing
//! about who may ask, and changes nothing.

use std::sync::Arc;

use lattice_host::{
    Program, Snapshot,
    replay::{ReplayError, Stretch},
};
use lattice_store::{LogExtent, Match};
use lattice_surface::{Event, InputLog, LogPart, LoggedCall, LoggedEnd, LoggedEnding};
use semver::Version;
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    app::{App, blocking},
    history,
    http::error::{ApiError, ApiResult},
    launch,
    replay::{self, GivenUp},
};

/// What is known of a match. It holds a replay's place, so that only as many logs are in memory.
pub(crate) struct Past {
    pub(crate) found: Match,
    pub(crate) log: Arc<InputLog>,
    /// The last tick that the state before can be had of.
    latest: i64,
    place: Arc<OwnedSemaphorePermit>,
}

/// A match as it stands before a tick, and what runs it then.
pub(crate) struct Moment {
    pub(crate) version: Version,
    pub(crate) program: Program,
    pub(crate) snapshot: Arc<Snapshot>,
}

impl Past {
    /// Reads what is written of a match.
    pub(crate) async fn of(app: &App, found: Match) -> ApiResult<Self> {
        let place = Arc::new(replay::place(app)?);
        let known = known(app, &found).await?;
        let log = Arc::new(history::log(app, &found).await?);
        // What came in before the mark was written before it, or cut by then.
        let known = known.filter(|_| log.end.is_none());
        let known = if is_cut(app, &found).await? { None } else { known };
        let last = log.inputs.last().map_or(0, |inputs| inputs.tick + 1);
        let latest = log.end.as_ref().map_or_else(|| last.max(known.unwrap_or(0)), end_tick);
        Ok(Self { found, log, latest, place })
    }

    /// The last tick that the state before can be had of: where the match ended, or as far as it is
    /// written by now.
    pub(crate) fn latest(&self) -> i64 {
        self.latest
    }

    /// The last tick that a fork can go on with: one whose sim has finished, or was shut down, has
    /// none left.
    pub(crate) fn latest_fork(&self) -> i64 {
        let is_over = |end: &LoggedEnd| match &end.ending {
            LoggedEnding::Finished | LoggedEnding::Stopped | LoggedEnding::ShutDown => true,
            LoggedEnding::Faulted { call, .. } => *call == LoggedCall::Shutdown,
            LoggedEnding::Cut { .. } => false,
        };
        self.latest - i64::from(self.log.end.as_ref().is_some_and(is_over))
    }

    /// The tick in which the sim was told to stop, if it was.
    pub(crate) fn stop_tick(&self) -> Option<i64> {
        let is_stop = |event: &Event| matches!(event, Event::Stop { .. });
        let asked = self.log.inputs.iter().find(|inputs| inputs.events.iter().any(is_stop));
        asked.map(|inputs| inputs.tick)
    }

    /// The match as it stood before tick `at`. Breaks off when nobody waits for it any more.
    /// `before` may be an earlier moment, to go on from.
    pub(crate) async fn moment(
        &self,
        app: &App,
        at: i64,
        before: Option<&Moment>,
    ) -> ApiResult<Moment> {
        let number = self.part(at)?;
        let part = self.log.parts()[number];
        let build = history::build(app, &self.found, part.module()).await?;
        let (logged, here) = (part.fingerprint(), app.fleet.fingerprint_of(build.packaging));
        if logged != here {
            return Err(replay::refused(ReplayError::OtherEngine { logged, here }));
        }
        let program = launch::program(app, &build).await?;
        if !program.can_snapshot() {
            return Err(replay::refused(ReplayError::NotKept));
        }
        let before = before.map(|moment| Arc::clone(&moment.snapshot));
        let from = match before.filter(|before| is_of(&part, before)) {
            Some(before) => Some(before),
            None => self.newest(app, &part, at).await?.map(Arc::new),
        };
        let snapshot = self.run(app, (number, &program), from, at).await?;
        Ok(Moment { version: build.version, program, snapshot: Arc::new(snapshot) })
    }

    /// The number of the log's part that a match before that tick goes on in.
    fn part(&self, at: i64) -> ApiResult<usize> {
        let parts = self.log.parts();
        let first = parts.first().map_or(0, LogPart::first_tick);
        let latest = self.latest;
        let found = parts.iter().rposition(|part| part.has(at)).filter(|_| at <= latest);
        found.ok_or_else(|| {
            ApiError::Conflict(match (latest < first, self.log.end.is_some()) {
                (true, _) => "the match never came to a tick: its `init` faulted".to_owned(),
                (_, true) => format!("the match ran from tick {first} to tick {latest}, not {at}"),
                (_, false) => format!(
                    "tick {at} is not known: the match began with tick {first}, and is written up \
                     to tick {latest} by now"
                ),
            })
        })
    }

    /// The newest snapshot of that part that is not of a later tick; `None` if it begins with `init`
    /// and there is none.
    async fn newest(&self, app: &App, part: &LogPart<'_>, at: i64) -> ApiResult<Option<Snapshot>> {
        let newest = history::snapshot(app, &self.found.id, part.module(), at).await?;
        match newest.filter(|snapshot| is_of(part, snapshot)) {
            Some(newest) => Ok(Some(newest)),
            None => replay::base(app, &self.found, part).await,
        }
    }

    async fn run(
        &self,
        app: &App,
        (number, program): (usize, &Program),
        from: Option<Arc<Snapshot>>,
        at: i64,
    ) -> ApiResult<Snapshot> {
        let given_up = GivenUp::default();
        let watch = given_up.watch();
        let (fleet, program) = (app.fleet.clone(), program.clone());
        let (log, place) = (Arc::clone(&self.log), Arc::clone(&self.place));
        let state = blocking(move || {
            let _place = place;
            let stretch = Stretch { part: log.parts()[number], from: from.as_deref() };
            fleet.state_at(&program, stretch, at, watch)
        });
        state.await?.map_err(replay::refused)
    }
}

fn is_of(part: &LogPart<'_>, snapshot: &Snapshot) -> bool {
    part.has(snapshot.tick) && part.module() == snapshot.module
}

/// The tick that was to run next when the match ended; -1 if its `init` faulted.
fn end_tick(end: &LoggedEnd) -> i64 {
    match &end.ending {
        LoggedEnding::Faulted { call: LoggedCall::Init, .. } => -1,
        _ => end.ticks,
    }
}

/// The tick that runs next, as far as is written. The mark may be ahead of a match that runs.
async fn known(app: &App, found: &Match) -> ApiResult<Option<i64>> {
    let id = found.id.clone();
    let next = app.store(move |store| store.next_tick(&id)).await?;
    let live = app.fleet.live(&found.id).map(|live| live.status().ticks);
    Ok(next.map(|next| live.map_or(next, |live| live.min(next))))
}

async fn is_cut(app: &App, found: &Match) -> ApiResult<bool> {
    let id = found.id.clone();
    let now = app.store(move |store| store.match_by_id(&id)).await?;
    Ok(now.is_some_and(|now| now.log == Some(LogExtent::Cut)))
}
