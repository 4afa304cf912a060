//! Takes a running match over to another version of its game: finds the build, has the fleet do it,
//! and keeps what the match's log needs for it. Decides nothing about who may ask.

use std::sync::Arc;

use lattice_host::{MatchSpec, Origin, Program, Snapshot, UpgradeError};
use lattice_policies::{isolation::Isolation, policy::LogMode, roles::Permit};
use lattice_store::{Actor, Match, NewSegment, SegmentWhy, Store, StoreError};
use semver::Version;

use crate::{
    app::{App, blocking, to_its_end},
    http::error::{ApiError, ApiResult},
    launch,
    reports::keep,
};

/// A match that was upgraded.
pub(crate) struct Upgraded {
    pub(crate) found: Match,
    /// The first tick that the new version runs.
    pub(crate) first_tick: i64,
}

/// Takes the match over to that version, or leaves it as it is. Whether or not the client waits for
/// that, it is done to its end.
pub(crate) async fn upgrade(
    app: &App,
    _permit: &Permit,
    actor: Actor,
    found: Match,
    version: Version,
) -> ApiResult<Upgraded> {
    let app = app.clone();
    to_its_end(async move {
        let build = launch::schedulable(&app, &found.game, version).await?;
        let program = launch::program(&app, &build).await?;
        let spec = spec(&app, &found, program).await?;
        let (first_tick, isolation) = switch(&app, actor, spec, build.version).await?;
        let id = found.id.clone();
        app.store(move |store| store.set_isolation(&id, isolation.as_ref())).await?;
        let id = found.id;
        let found = app.store(move |store| store.match_by_id(&id)).await?;
        Ok(Upgraded { found: found.ok_or(ApiError::NotFound("match"))?, first_tick })
    })
    .await
}

/// The match as it was started, but for what runs it.
async fn spec(app: &App, found: &Match, program: Program) -> ApiResult<MatchSpec> {
    let id = found.id.clone();
    let config = app.store(move |store| store.match_config(&id)).await?;
    Ok(MatchSpec {
        id: found.id.clone(),
        game: found.game.clone(),
        program,
        tick_hz: found.tick_hz,
        seed: found.seed,
        config: Arc::from(config.unwrap_or_default()),
        origin: Origin::Init,
    })
}

/// Gives the first tick that the new version runs, and the barriers around it.
async fn switch(
    app: &App,
    actor: Actor,
    spec: MatchSpec,
    version: Version,
) -> ApiResult<(i64, Option<Isolation>)> {
    let app = app.clone();
    let upgraded = blocking(move || {
        let is_logged = app.policy.matches.log != LogMode::Off;
        let mut unkept = None;
        let upgraded = app.fleet.upgrade(&spec, |snapshot| {
            let kept = begin_segment(&app.store, &actor, &spec, version, snapshot, is_logged);
            kept.map_err(|error| {
                let why = error.to_string();
                unkept = Some(error);
                why
            })
        });
        upgraded.map_err(|error| unkept.map_or_else(|| refused(error), ApiError::Store))
    });
    upgraded.await?.map(|upgraded| (upgraded.snapshot.tick, upgraded.isolation))
}

/// Keeps what the new segment of the log begins with, and then who runs it. The log's record of it
/// comes last: if the process ends before, the match goes on as it was, and nobody looks for what
/// is kept here.
fn begin_segment(
    store: &Store,
    actor: &Actor,
    spec: &MatchSpec,
    version: Version,
    snapshot: &Snapshot,
    is_logged: bool,
) -> Result<(), StoreError> {
    if is_logged {
        keep(store, &spec.id, snapshot, true)?;
    }
    let (match_id, tick, sha256) = (spec.id.clone(), snapshot.tick, spec.program.sha256());
    let why = SegmentWhy::Upgrade;
    store.add_segment(actor, &NewSegment { match_id, tick, version, sha256, why })
}

fn refused(error: UpgradeError) -> ApiError {
    match error {
        UpgradeError::Busy => ApiError::Busy("all places for replays and upgrades are taken"),
        UpgradeError::Host(_) | UpgradeError::Restore(_) => ApiError::internal(error),
        error => ApiError::Conflict(format!("the match goes on as it was: {error}")),
    }
}
