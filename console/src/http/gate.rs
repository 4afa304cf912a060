//! `/games/{game}/gate` and `/games/{game}/modules/{version}/transcript`: whether a game's builds
//! need a native transcript before matches start from them, and the transcript of one.

use axum::{
    Json,
    extract::{Request, State},
};
use lattice_policies::roles::Action;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    body,
    caller::Caller,
    error::{ApiResult, Problem},
    games::GameAnswer,
    modules::{BuildAnswer, build, transfer},
    path::Path,
};
use crate::{
    app::App,
    gate::{self, RECORDING_BYTES},
};

/// A game's gate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct NewGate {
    /// Whether matches start only from builds that were verified against a native transcript.
    native_transcript: bool,
}

/// Shuts or opens a game's gate, for the builds that are there as for those to come.
#[utoipa::path(
    put, path = "/games/{game}/gate", tag = "games",
    params(("game" = String, Path)), request_body = NewGate,
    responses((status = 200, body = GameAnswer), (status = "4XX", body = Problem)),
)]
pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(game): Path<String>,
    request: Request,
) -> ApiResult<Json<GameAnswer>> {
    let (game, _permit) = caller.game(&app, &game, |owner| Action::ChangeModule { owner }).await?;
    let NewGate { native_transcript } = body::json(request, app.small_body()).await?;
    let changed =
        app.store(move |store| store.set_native_gate(&caller.actor, &game.id, native_transcript));
    Ok(Json(changed.await?.into()))
}

/// Takes a recording of what the build's native program played, as `lattice verify --record` makes
/// it, and replays it on the build's module: if they are the same, the gate is open to the build. A
/// 409 has the first `Difference`.
#[utoipa::path(
    put, path = "/games/{game}/modules/{version}/transcript", tag = "modules",
    params(("game" = String, Path), ("version" = String, Path)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, body = BuildAnswer),
        (status = "4XX", body = Problem),
        (status = "5XX", body = Problem),
    ),
)]
pub(crate) async fn transcript(
    State(app): State<App>,
    caller: Caller,
    Path((game, version)): Path<(String, String)>,
    request: Request,
) -> ApiResult<Json<BuildAnswer>> {
    let (game, permit) = caller.game(&app, &game, |owner| Action::UploadModule { owner }).await?;
    let build = build(&app, &game, &version).await?;
    let place = transfer(&app, &caller)?;
    // `curl -T` names no type.
    let found = body::content_type(request.headers()).unwrap_or(TYPE.into());
    if found != TYPE {
        return Err(body::wrong_type(&found, TYPE).into());
    }
    let recording = body::bytes(request, RECORDING_BYTES).await?;
    let verified = gate::judge(&app, &permit, caller.actor, place, build, recording);
    Ok(Json(verified.await?.into()))
}

const TYPE: &str = "application/octet-stream";
