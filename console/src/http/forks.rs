//! `/matches/{match}/forks`: a new match from where another one stood.

use axum::{
    Json,
    extract::{Request, State},
};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{
    body,
    caller::Caller,
    error::{ApiError, ApiResult, Problem},
    matches::{self, MatchAnswer},
    path::Path,
};
use crate::{app::App, fork::fork};

/// A fork to be started.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct NewFork {
    /// The fork's first tick: it begins as the match stood before that one. By default the latest
    /// that is known of the match, and of one that was told to stop, the one in which it was.
    #[schema(minimum = 0)]
    at: Option<i64>,
}

/// Starts a match that goes on from where this one stood before a tick. Its players are not in the
/// fork: there they are away, and leave when their time to come back is over.
#[utoipa::path(
    post, path = "/matches/{match}/forks", tag = "matches", params(("match" = String, Path)),
    request_body = NewFork,
    responses(
        (status = 201, body = MatchAnswer),
        (status = "4XX", body = Problem),
        (status = "5XX", body = Problem),
    ),
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> ApiResult<(StatusCode, Json<MatchAnswer>)> {
    let (found, permit) = caller.match_to_run(&app, &id).await?;
    let NewFork { at } = body::json(request, app.small_body()).await?;
    if at.is_some_and(|at| at < 0) {
        return Err(ApiError::value("At", "a tick is a whole number from 0 on"));
    }
    let made = fork(&app, &permit, caller.actor, found, at).await?;
    Ok((StatusCode::CREATED, Json(matches::answer(&app, made))))
}
