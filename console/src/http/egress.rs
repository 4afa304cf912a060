//! `/games/{game}/egress`: what a game may fetch from the web, and within which limits.
//! Reads no policy itself and words no answer: see `given` and `answer`.

mod answer;
mod given;

use axum::{
    Json,
    extract::{Request, State},
};
use lattice_policies::roles::Action;

use self::{answer::EgressAnswer, given::NewEgress};
use super::{
    body,
    caller::Caller,
    error::{ApiError, ApiResult, Problem},
    path::Path,
};
use crate::{app::App, egress};

/// The largest body of a change: a full list of entries with the longest hosts.
const BODY_BYTES: usize = 128 << 10;

/// Shows what a game may fetch from the web.
#[utoipa::path(
    get, path = "/games/{game}/egress", tag = "egress", params(("game" = String, Path)),
    responses((status = 200, body = EgressAnswer), (status = "4XX", body = Problem)),
)]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(game): Path<String>,
) -> ApiResult<Json<EgressAnswer>> {
    let (game, _permit) = caller.game(&app, &game, |owner| Action::ReadEgress { owner }).await?;
    let holding = egress::holding(&app, &game.id).await?;
    let holding = holding.map_err(|unfit| ApiError::Conflict(unfit.to_string()))?;
    Ok(Json(EgressAnswer::new(&app, &game.id, holding)))
}

/// Replaces what a game may fetch from the web. It holds for the next request, in running matches
/// too. The `Reasons` of a 400 name everything that is wrong.
#[utoipa::path(
    put, path = "/games/{game}/egress", tag = "egress",
    params(("game" = String, Path)), request_body = NewEgress,
    responses((status = 200, body = EgressAnswer), (status = "4XX", body = Problem)),
)]
pub(crate) async fn put(
    State(app): State<App>,
    caller: Caller,
    Path(game): Path<String>,
    request: Request,
) -> ApiResult<Json<EgressAnswer>> {
    let (game, permit) = caller.game(&app, &game, |_| Action::ChangeEgress).await?;
    let asked: NewEgress = body::json(request, BODY_BYTES).await?;
    let (own, rules) = asked.read(&app.policy.egress).map_err(ApiError::Values)?;
    let changed = egress::change(&app, &permit, caller.actor, game.id.clone(), own, rules).await?;
    Ok(Json(EgressAnswer::new(&app, &game.id, changed)))
}
