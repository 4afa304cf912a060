//! What is kept of a match, read back to be run again: its log, its snapshots, and the programs that
//! ran it. Runs nothing itself, and decides nothing about who may ask.

use std::sync::Arc;

use lattice_host::{PAGE_BYTES, Program, Snapshot};
use lattice_policies::{MatchId, Sha256, policy::LogMode};
use lattice_store::{LogExtent, Match, ModuleBuild, StoreError, StoredSnapshot};
use lattice_surface::InputLog;
use semver::Version;

use crate::{
    app::{App, blocking},
    http::error::{ApiError, ApiResult},
    launch,
};

/// The input log's bytes, as far as they are written.
pub(crate) async fn log_bytes(app: &App, found: &Match) -> ApiResult<Vec<u8>> {
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
    let is_kept = app.policy.matches.log != LogMode::Off;
    let is_begun = is_kept && !found.state.has_ended();
    found.log.or(is_begun.then_some(LogExtent::Whole))
}

/// The input log, as far as it is written.
pub(crate) async fn log(app: &App, found: &Match) -> ApiResult<InputLog> {
    let bytes = log_bytes(app, found).await?;
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

/// The newest snapshot of a match that is whole, of that module, and of that tick or before it, if
/// there is one. Of another module, in the same stretch of the log, is one of an upgrade that never
/// came. One that is damaged is told, and passed over: an older one, or the log alone, does as well.
pub(crate) async fn snapshot(
    app: &App,
    id: &MatchId,
    module: Sha256,
    at_or_before: i64,
) -> ApiResult<Option<Snapshot>> {
    let of = id.clone();
    let rows = app.store(move |store| store.snapshots(&of)).await?;
    for row in rows.iter().rev().filter(|row| row.tick <= at_or_before) {
        match newest(app, id, row.tick).await {
            Ok(Some(snapshot)) if snapshot.module == module => return Ok(Some(snapshot)),
            Ok(_) => {}
            Err(ApiError::BadLog(why)) => tracing::error!(%id, why, "a snapshot is damaged"),
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

async fn newest(app: &App, id: &MatchId, at_or_before: i64) -> ApiResult<Option<Snapshot>> {
    let of = id.clone();
    match app.store(move |store| store.snapshot(&of, at_or_before)).await {
        Ok(None) => Ok(None),
        Ok(Some(stored)) => blocking(move || read(&stored)).await?.map(Some),
        Err(ApiError::Store(StoreError::Corrupt(why))) => Err(ApiError::BadLog(why)),
        Err(error) => Err(error),
    }
}

fn read(stored: &StoredSnapshot) -> ApiResult<Snapshot> {
    let page = |hash| {
        let bytes = stored.pages.get(&hash)?;
        (bytes.len() == PAGE_BYTES).then(|| Arc::from(bytes.as_slice()))
    };
    let snapshot = Snapshot::read(&stored.head, page);
    let snapshot = snapshot.map_err(|error| ApiError::BadLog(error.to_string()))?;
    if snapshot.state() == stored.state {
        return Ok(snapshot);
    }
    Err(ApiError::BadLog(format!("its snapshot of tick {} is not as it was written", stored.tick)))
}

/// The version of the match's game that had that module, and its program, whether or not it may
/// start matches today.
pub(crate) async fn program(
    app: &App,
    found: &Match,
    module: Sha256,
) -> ApiResult<(Version, Program)> {
    let build = build(app, found, module).await?;
    let program = launch::program(app, &build).await?;
    Ok((build.version, program))
}

/// The build of the match's game that had that module.
pub(crate) async fn build(app: &App, found: &Match, module: Sha256) -> ApiResult<ModuleBuild> {
    let version = version(app, found, module).await?;
    let game = found.game.clone();
    let build = app.store(move |store| store.build(&game, &version)).await?;
    build.ok_or(ApiError::NotFound("build"))
}

async fn version(app: &App, found: &Match, module: Sha256) -> ApiResult<Version> {
    if module == found.sha256 {
        return Ok(found.version.clone());
    }
    let id = found.id.clone();
    let segments = app.store(move |store| store.segments(&id)).await?;
    let segment = segments.into_iter().find(|segment| segment.sha256 == module);
    let none = || format!("match {}: no segment of it is known to be of {module}", found.id);
    segment.map(|segment| segment.version).ok_or_else(|| ApiError::BadLog(none()))
}
