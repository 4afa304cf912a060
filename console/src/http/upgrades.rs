//! `/matches/{match}/upgrade`: a running match, taken over to another version of its game.

use axum::{
    Json,
    extract::{Request, State},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    body,
    caller::Caller,
    error::{ApiResult, Problem},
    matches::{MatchAnswer, whole_answer},
    modules::parse_version,
    path::Path,
};
use crate::{
    app::App,
    upgrade::{self, Upgraded},
};

/// An upgrade to be done.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct NewUpgrade {
    /// A schedulable one of the match's game.
    version: String,
}

/// The match, and from where on the new version runs it.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct UpgradeAnswer {
    #[serde(flatten)]
    found: MatchAnswer,
    /// The first tick that the new version runs.
    first_tick: i64,
}

/// Takes a running match over to another version, between two ticks, by what the one saves and the
/// other loads. A failure leaves it as it is, and a 409 says why. It asks for who may start one.
#[utoipa::path(
    post, path = "/matches/{match}/upgrade", tag = "matches", params(("match" = String, Path)),
    request_body = NewUpgrade,
    responses(
        (status = 200, body = UpgradeAnswer),
        (status = "4XX", body = Problem),
        (status = "5XX", body = Problem),
    ),
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> ApiResult<Json<UpgradeAnswer>> {
    let (found, permit) = caller.match_to_run(&app, &id).await?;
    let NewUpgrade { version } = body::json(request, app.small_body()).await?;
    let version = parse_version("Version", &version)?;
    let upgraded = upgrade::upgrade(&app, &permit, caller.actor, found, version).await?;
    let Upgraded { found, first_tick } = upgraded;
    Ok(Json(UpgradeAnswer { found: whole_answer(&app, found).await?, first_tick }))
}
