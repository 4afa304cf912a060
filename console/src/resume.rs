//! Brings back, at the start, the matches that the process before this one left: each at the tick
//! that it had, from its snapshot and its log. One that can't come back is lost, and the audit says
//! why.

use std::{sync::Arc, time::Duration};

use lattice_host::{ApplyError, MatchSpec, MatchState as Live, Origin, Program, Resume, Snapshot};
use lattice_policies::MatchId;
use lattice_store::{Actor, LogExtent, Match, MatchState, NewSegment, SegmentWhy};
use lattice_surface::InputLog;

use crate::{
    app::{App, Stage},
    egress, history,
    http::error::{ApiError, ApiResult},
    launch, reports,
};

/// Matches that are on their way back at once: each holds its log in memory.
const AT_ONCE: usize = 8;
const PAUSE: Duration = Duration::from_millis(5);

/// What became of the matches that were left.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Resumed {
    pub(crate) back: usize,
    pub(crate) lost: usize,
}

/// Schedules all that the last process left; ends early if the server is going down. Each runs its
/// log again on a thread of the fleet's, and one that can't is told as lost by then.
pub(crate) async fn resume_all(app: &App) -> ApiResult<Resumed> {
    let (mut resumed, mut on_their_way) = (Resumed::default(), Vec::new());
    for left in app.store(lattice_store::Store::unended).await? {
        if *app.stage.borrow() == Stage::Stopping {
            break;
        }
        wait_for_room(app, &mut on_their_way).await;
        match resume(app, &left).await {
            Ok(()) => {
                resumed.back += 1;
                on_their_way.push(left.id);
            }
            // The database's trouble is not the match's, nor is a tier that is off: it stays for a
            // next start.
            Err(error @ (ApiError::Store(_) | ApiError::NativeTier(_))) => {
                tracing::error!(id = %left.id, %error, "a match is not brought back now");
            }
            Err(error) => {
                resumed.lost += 1;
                let (id, why) = (left.id.clone(), error.to_string());
                tracing::warn!(%id, why, "a match can't be brought back");
                app.store(move |store| store.lose(&id, &why)).await?;
            }
        }
    }
    Ok(resumed)
}

async fn wait_for_room(app: &App, on_their_way: &mut Vec<MatchId>) {
    while on_their_way.len() >= AT_ONCE {
        on_their_way.retain(|id| is_on_its_way(app, id));
        if on_their_way.len() >= AT_ONCE {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

fn is_on_its_way(app: &App, id: &MatchId) -> bool {
    app.fleet.live(id).is_some_and(|live| live.status().state == Live::Starting)
}

/// Schedules one match where it was left.
async fn resume(app: &App, left: &Match) -> ApiResult<()> {
    if left.log == Some(LogExtent::Cut) {
        return Err(conflict("its input log was cut, so that what came in later is not known"));
    }
    let place = launch::place(app, &left.game)?;
    let (origin, program) = origin(app, left).await?;
    egress::bring_in(app, &left.game).await?;
    let id = left.id.clone();
    let config = app.store(move |store| store.match_config(&id)).await?.unwrap_or_default();
    let spec = MatchSpec {
        id: left.id.clone(),
        game: left.game.clone(),
        program,
        tick_hz: left.tick_hz,
        seed: left.seed,
        config: config.into(),
        origin,
    };
    match app.schedule.run(&app.fleet, place, spec) {
        Ok(()) => launch::stop_if_asked(app, left).await,
        Err(ApplyError::HostStopping) => Ok(()),
        Err(error) => Err(conflict(&error.to_string())),
    }
}

/// From where the match goes on, and what runs it.
async fn origin(app: &App, left: &Match) -> ApiResult<(Origin, Program)> {
    if left.log.is_none() && left.state == MatchState::Starting {
        // Its log is written before the word that it runs.
        let (_, program) = history::program(app, left, left.sha256).await?;
        return Ok((Origin::Init, program));
    }
    let log = history::log(app, left).await?;
    let module = log.segments.last().map_or(log.header.module, |segment| segment.module);
    let (_, program) = history::program(app, left, module).await?;
    let resume = standing(app, left, log).await?;
    settle_engine(app, left, &resume, &program).await?;
    Ok((Origin::Log(Arc::new(resume)), program))
}

/// Where the match stands: what is marked of it, and the newest snapshot in the log's last part. Each
/// is written by itself, so that any of them may be what a crash left last.
async fn standing(app: &App, left: &Match, log: InputLog) -> ApiResult<Resume> {
    let id = left.id.clone();
    let (next, kept) = app
        .store(move |store| {
            let kept = store.snapshots(&id)?.last().map_or(0, |snapshot| snapshot.tick);
            Ok((store.next_tick(&id)?.unwrap_or(0), kept))
        })
        .await?;
    let parts = log.parts();
    let module = parts.last().map_or(log.header.module, lattice_surface::LogPart::module);
    let newest = history::snapshot(app, &left.id, module, i64::MAX).await?;
    let is_of_last_part =
        |snapshot: &Snapshot| parts.last().is_some_and(|part| part.has(snapshot.tick));
    let snapshot = newest.filter(is_of_last_part);
    Ok(Resume { log, snapshot, at: next.max(kept) })
}

/// Where another engine or policy than this one ran the match, it goes on in a new segment of its
/// log, which keeps the state that it begins with.
async fn settle_engine(
    app: &App,
    left: &Match,
    resume: &Resume,
    program: &Program,
) -> ApiResult<()> {
    let (log, at) = (&resume.log, resume.next());
    let ran = log.parts().last().map(lattice_surface::LogPart::fingerprint);
    if ran == Some(program.fingerprint()) || log.end.is_some() {
        return Ok(());
    }
    let Some(base) = resume.snapshot.clone().filter(|snapshot| snapshot.tick == at) else {
        return Err(conflict(
            "another engine or policy ran it, so that its log can't be run again here, and it was \
             not left in order: there is no snapshot of its last tick",
        ));
    };
    let (id, sha256) = (left.id.clone(), program.sha256());
    let (version, _) = history::program(app, left, sha256).await?;
    let segment = NewSegment { match_id: id, tick: at, version, sha256, why: SegmentWhy::Engine };
    app.store(move |store| {
        reports::keep(store, &segment.match_id, &base, true)?;
        store.add_segment(&Actor::system(), &segment)
    })
    .await
}

fn conflict(why: &str) -> ApiError {
    ApiError::Conflict(why.to_owned())
}
