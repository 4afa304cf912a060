//! `/games/{game}/modules/{version}/receipt` and `/matches/{match}/receipt`: what the host signed.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;
use lattice_policies::roles::Action;

use super::{
    caller::Caller,
    error::{ApiError, ApiResult, Problem},
    modules::parse_version,
    path::Path,
};
use crate::{app::App, receipt::MEDIA_TYPE};

/// Gives a build's receipt: a DSSE envelope with an in-toto statement, signed by a key of `/keys`.
#[utoipa::path(
    get, path = "/games/{game}/modules/{version}/receipt", tag = "modules",
    params(("game" = String, Path), ("version" = String, Path)),
    responses(
        (status = 200, body = Object, content_type = "application/vnd.dsse.envelope.v1+json"),
        (status = "4XX", body = Problem),
    ),
)]
pub(crate) async fn of_build(
    State(app): State<App>,
    caller: Caller,
    Path((game, version)): Path<(String, String)>,
) -> ApiResult<Response> {
    let (game, _permit) = caller.game(&app, &game, |owner| Action::ReadGame { owner }).await?;
    let version = parse_version("version", &version)?;
    answer(app.store(move |store| store.build_receipt(&game.id, &version)).await?)
}

/// Gives a match's receipt, once it has ended. One that was lost, or never ran, has none.
#[utoipa::path(
    get, path = "/matches/{match}/receipt", tag = "matches", params(("match" = String, Path)),
    responses(
        (status = 200, body = Object, content_type = "application/vnd.dsse.envelope.v1+json"),
        (status = "4XX", body = Problem),
    ),
)]
pub(crate) async fn of_match(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let (found, _permit) =
        caller.match_of_game(&app, &id, |owner| Action::ReadMatch { owner }).await?;
    if !found.state.has_ended() {
        let why = "the match has not ended, and its receipt is made when it does";
        return Err(ApiError::Conflict(why.to_owned()));
    }
    answer(app.store(move |store| store.match_receipt(&found.id)).await?)
}

fn answer(receipt: Option<String>) -> ApiResult<Response> {
    let receipt = receipt.ok_or(ApiError::NotFound("receipt"))?;
    let headers = [(header::CONTENT_TYPE, MEDIA_TYPE), (header::X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok((headers, receipt).into_response())
}
