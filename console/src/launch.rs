//! Brings a match up: picks the build, checks its bytes anew, compiles it, writes the match down
//! and has it scheduled.

use std::sync::Arc;

use lattice_host::{ApplyError, CompileError, MatchSpec, Origin, Program};
use lattice_policies::{
    GameId,
    admission::{self, Admitted},
    roles::Permit,
};
use lattice_store::{Actor, Game, Match, MatchEnd, MatchState, ModuleBuild, NewMatch};
use semver::Version;
use serde_json::json;

use crate::{
    app::{App, blocking, to_its_end},
    egress,
    http::error::{ApiError, ApiResult},
    secrets,
    share::Place,
};

/// What is asked of a new match.
pub(crate) struct Order {
    /// `None` for the highest schedulable version that is no pre-release.
    pub(crate) version: Option<Version>,
    pub(crate) tick_hz: u16,
    pub(crate) seed: u64,
    pub(crate) config: Vec<u8>,
}

/// Starts a match of the game. It is `starting` when this returns; what becomes of it is reported.
/// Whether or not the client waits for that, the match is either started or not there.
pub(crate) async fn launch(
    app: &App,
    _permit: &Permit,
    actor: Actor,
    game: Game,
    order: Order,
) -> ApiResult<Match> {
    let place = app.match_places.take(game.id.clone());
    let place = place.ok_or(ApiError::Busy("all places for matches, or the game's, are taken"))?;
    let app = app.clone();
    to_its_end(async move {
        let build = pick(&app, &game, order.version.clone()).await?;
        let program = program(&app, &build).await?;
        egress::bring_in(&app, &game.id).await?;
        start(&app, actor, place, build, program, order).await
    })
    .await
}

/// Writes the match down and schedules it.
async fn start(
    app: &App,
    actor: Actor,
    place: Place<GameId>,
    build: ModuleBuild,
    program: Program,
    order: Order,
) -> ApiResult<Match> {
    let new = NewMatch {
        id: secrets::match_id(),
        game: build.game,
        version: build.version,
        sha256: build.sha256,
        tick_hz: order.tick_hz,
        seed: order.seed,
        config: order.config,
        fork: None,
    };
    let spec = MatchSpec {
        id: new.id.clone(),
        game: new.game.clone(),
        program,
        tick_hz: new.tick_hz,
        seed: new.seed,
        config: Arc::from(new.config.as_slice()),
        origin: Origin::Init,
    };
    let made = app.store(move |store| store.insert_match(&actor, &new)).await?;
    match app.schedule.run(&app.fleet, place, spec) {
        Ok(()) => stop_if_asked(app, &made).await.map(|()| made),
        Err(error) => Err(give_up(app, &made, error).await),
    }
}

/// Who asked the match to stop after it was written down and before it was scheduled found nothing
/// that could be stopped.
pub(crate) async fn stop_if_asked(app: &App, made: &Match) -> ApiResult<()> {
    let id = made.id.clone();
    let found = app.store(move |store| store.match_by_id(&id)).await?;
    if found.is_some_and(|found| found.state == MatchState::Stopping) {
        app.schedule.stop(&app.fleet, &made.id).map_err(ApiError::internal)?;
    }
    Ok(())
}

async fn pick(app: &App, game: &Game, version: Option<Version>) -> ApiResult<ModuleBuild> {
    let id = game.id.clone();
    let Some(version) = version else {
        let latest = app.store(move |store| store.latest_schedulable(&id)).await?;
        let none = "the game has no schedulable build that is no pre-release: upload one, or name a `Version`";
        return latest.ok_or_else(|| ApiError::Conflict(none.to_owned()));
    };
    let build = app.store(move |store| store.build(&id, &version)).await?;
    let build = build.ok_or(ApiError::NotFound("build"))?;
    match build.obstacle() {
        None => Ok(build),
        Some(why) => Err(ApiError::Conflict(format!(
            "build {} is not schedulable: it is {why}",
            build.version
        ))),
    }
}

/// The build's program. Its bytes are hashed and scanned again: what runs is what was admitted.
pub(crate) async fn program(app: &App, build: &ModuleBuild) -> ApiResult<Program> {
    let (fleet, admitted) = (app.fleet.clone(), admitted(app, build).await?);
    let compiled = blocking(move || fleet.compile(&admitted)).await?;
    compiled.map_err(|error| match error {
        CompileError::Busy { .. } => ApiError::Busy("too many modules wait for the compiler"),
        error => ApiError::internal(error),
    })
}

/// The turn comes before the bytes, so that only as many modules are in memory as are scanned, and
/// ends with the scan: the compiler has a limit of its own.
async fn admitted(app: &App, build: &ModuleBuild) -> ApiResult<Admitted> {
    let sha256 = build.sha256;
    let _turn = app.scans.acquire().await.map_err(ApiError::internal)?;
    let wasm = app.store(move |store| store.wasm(sha256)).await?;
    let wasm = wasm.ok_or_else(|| ApiError::internal("a build without its bytes"))?;
    let limits = app.policy.admission.clone();
    let admitted = blocking(move || admission::scan(wasm, &limits)).await?;
    let admitted = admitted.map_err(|rejection| {
        ApiError::Conflict(format!("today's scan refuses the build: {}", first(&rejection)))
    })?;
    if admitted.sha256() != sha256 {
        return Err(ApiError::internal(format_args!("the bytes of {sha256} were altered")));
    }
    Ok(admitted)
}

fn first(rejection: &admission::Rejection) -> String {
    rejection.reasons.first().map_or_else(String::new, ToString::to_string)
}

/// Writes down that a match that was promised never ran.
async fn give_up(app: &App, made: &Match, error: ApplyError) -> ApiError {
    let id = made.id.clone();
    let end = MatchEnd {
        state: MatchState::Faulted,
        ticks: 0,
        fault: Some(json!({ "Kind": "HOST", "Detail": error.to_string() })),
        result: None,
        figures: None,
        proof: None,
    };
    let ended = app.store(move |store| store.end_match(&id, &end, None)).await;
    let busy = match error {
        ApplyError::Full { .. } => "all match slots are taken",
        ApplyError::Busy => "too many matches are starting",
        ApplyError::HostStopping => "the server is going down",
    };
    ended.map_or_else(|error| error, |_| ApiError::Busy(busy))
}
