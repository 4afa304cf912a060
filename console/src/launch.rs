//! Brings a match up: picks the build, checks its bytes anew, compiles it, writes the match down
//! and has it scheduled.

use std::sync::Arc;

use lattice_host::{ApplyError, CompileError, MatchSpec, Origin, Program, Snapshot};
use lattice_policies::{
    GameId,
    admission::{self, Admitted},
    roles::Permit,
};
use lattice_store::{Actor, Fork, Game, Match, MatchEnd, MatchState, ModuleBuild, NewMatch};
use semver::Version;
use serde_json::json;

use crate::{
    app::{App, blocking, to_its_end},
    egress,
    http::error::{ApiError, ApiResult},
    reports, secrets,
    share::Place,
    tier,
};

/// What is asked of a new match.
pub(crate) struct Order {
    /// `None` for the highest schedulable version that is no pre-release.
    pub(crate) version: Option<Version>,
    pub(crate) tick_hz: u16,
    pub(crate) seed: u64,
    pub(crate) config: Vec<u8>,
}

/// A match that is about to start: what runs, and from where.
pub(crate) struct Start {
    pub(crate) game: GameId,
    pub(crate) version: Version,
    pub(crate) program: Program,
    pub(crate) tick_hz: u16,
    pub(crate) seed: u64,
    pub(crate) config: Arc<[u8]>,
    /// What it goes on from, if it does not begin with `init`.
    pub(crate) fork: Option<(Fork, Arc<Snapshot>)>,
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
    let place = place(app, &game.id)?;
    let app = app.clone();
    to_its_end(async move {
        let Order { version, tick_hz, seed, config } = order;
        let build = pick(&app, &game.id, version).await?;
        let program = program(&app, &build).await?;
        egress::bring_in(&app, &game.id).await?;
        let (game, version, config) = (build.game, build.version, config.into());
        let start = Start { game, version, program, tick_hz, seed, config, fork: None };
        self::start(&app, actor, place, start).await
    })
    .await
}

/// A place for a match of that game, if one is free.
pub(crate) fn place(app: &App, game: &GameId) -> ApiResult<Place<GameId>> {
    let place = app.match_places.take(game.clone());
    place.ok_or(ApiError::Busy("all places for matches, or the game's, are taken"))
}

/// Writes the match down, with what it goes on from, and schedules it.
pub(crate) async fn start(
    app: &App,
    actor: Actor,
    place: Place<GameId>,
    start: Start,
) -> ApiResult<Match> {
    let (fork, base) = start.fork.unzip();
    let new = NewMatch {
        id: secrets::match_id(),
        game: start.game,
        version: start.version,
        sha256: start.program.sha256(),
        tick_hz: start.tick_hz,
        seed: start.seed,
        config: start.config.to_vec(),
        fork,
    };
    let spec = MatchSpec {
        id: new.id.clone(),
        game: new.game.clone(),
        program: start.program,
        tick_hz: new.tick_hz,
        seed: new.seed,
        config: start.config,
        origin: base.clone().map_or(Origin::Init, Origin::Fork),
    };
    let made = app.store(move |store| store.insert_match(&actor, &new)).await?;
    if let Err(error) = keep_base(app, &made, base).await {
        give_up(app, &made, &error).await?;
        return Err(error);
    }
    if let Err(error) = app.schedule.run(&app.fleet, place, spec) {
        give_up(app, &made, &error).await?;
        return Err(ApiError::Busy(busy(error)));
    }
    stop_if_asked(app, &made).await?;
    Ok(made)
}

/// Keeps what the match's log begins with: nothing could run it again without.
async fn keep_base(app: &App, made: &Match, base: Option<Arc<Snapshot>>) -> ApiResult<()> {
    let Some(base) = base else { return Ok(()) };
    let id = made.id.clone();
    app.store(move |store| reports::keep(store, &id, &base, true)).await
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

async fn pick(app: &App, game: &GameId, version: Option<Version>) -> ApiResult<ModuleBuild> {
    if let Some(version) = version {
        return schedulable(app, game, version).await;
    }
    let id = game.clone();
    let latest = app.store(move |store| store.latest_schedulable(&id)).await?;
    let none =
        "the game has no schedulable build that is no pre-release: upload one, or name a `Version`";
    latest.ok_or_else(|| ApiError::Conflict(none.to_owned()))
}

/// The game's build of that version, if it may run.
pub(crate) async fn schedulable(
    app: &App,
    game: &GameId,
    version: Version,
) -> ApiResult<ModuleBuild> {
    let id = game.clone();
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
    tier::require(app.fleet.native_tier(), build.packaging).map_err(ApiError::NativeTier)?;
    let (fleet, admitted) = (app.fleet.clone(), admitted(app, build).await?);
    let compiled = blocking(move || fleet.compile(&admitted)).await?;
    compiled.map_err(|error| match error {
        CompileError::Busy { .. } => ApiError::Busy("too many modules wait for the compiler"),
        CompileError::Tier(why) => ApiError::NativeTier(why),
        error => ApiError::internal(error),
    })
}

/// The turn comes before the bytes, so that only as many modules are in memory as are scanned, and
/// ends with the scan: the compiler has a limit of its own.
async fn admitted(app: &App, build: &ModuleBuild) -> ApiResult<Admitted> {
    let sha256 = build.sha256;
    let _turn = app.scans.acquire().await.map_err(ApiError::internal)?;
    let bytes = app.store(move |store| store.module(sha256)).await?;
    let bytes = bytes.ok_or_else(|| ApiError::internal("a build without its bytes"))?;
    let (packaging, policy) = (build.packaging, app.policy.clone());
    let admitted = blocking(move || admission::scan(packaging, bytes, &policy)).await?;
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
async fn give_up(app: &App, made: &Match, error: &impl ToString) -> ApiResult<()> {
    let id = made.id.clone();
    let end = MatchEnd {
        state: MatchState::Faulted,
        ticks: 0,
        fault: Some(json!({ "Kind": "HOST", "Detail": error.to_string() })),
        result: None,
        figures: None,
        isolation: None,
        proof: None,
    };
    app.store(move |store| store.end_match(&id, &end, None)).await.map(drop)
}

fn busy(error: ApplyError) -> &'static str {
    match error {
        ApplyError::Full { .. } => "all match slots, or all cells, are taken",
        ApplyError::Busy => "too many matches are starting",
        ApplyError::HostStopping => "the server is going down",
    }
}
