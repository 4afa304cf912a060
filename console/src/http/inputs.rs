//! `/matches/{match}/inputs` and `/matches/{match}/replay`: what came into a match, and the match
//! again from it.

use axum::{
    Json,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use http::header;
use lattice_host::replay::{Difference, Extent};
use lattice_policies::roles::Action;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    body,
    caller::Caller,
    error::{ApiError, ApiResult, Problem},
    modules::{in_pieces, transfer},
    path::Path,
};
use crate::{
    app::App,
    history,
    replay::{self, Outcome, Skipped},
};

/// A replay to be run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct NewReplay {
    /// The last tick that is run; by default the last one that the log knows of.
    #[schema(minimum = 0)]
    to: Option<i64>,
}

/// What a replay came to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ReplayAnswer {
    r#match: String,
    /// Ticks that were run and count.
    ticks: i64,
    /// The transcript's hash after them.
    transcript: String,
    /// Whether all that was run is what the log says.
    same: bool,
    /// Whether the match was run to its end, and ended in the same way.
    whole: bool,
    /// The first place where it is not what the log says.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<DifferenceAnswer>,
    /// The parts that another engine or policy has run, and that only it can run again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<SkippedAnswer>,
    /// Used over all of it.
    fuel: u64,
    /// The time that it took.
    microseconds: u64,
    ticks_per_second: u64,
}

/// Ticks that a replay left out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SkippedAnswer {
    from: i64,
    /// The first tick that is none of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
    /// Names the engine and policy that ran them.
    engine: String,
}

impl From<Skipped> for SkippedAnswer {
    fn from(skipped: Skipped) -> Self {
        let Skipped { from, until, engine } = skipped;
        Self { from, until, engine: engine.to_string() }
    }
}

/// Where a replay is not the match that was logged.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DifferenceAnswer {
    /// `transcript`: what the sim said up to this tick; `requests`: how many web fetches it asked
    /// for; `ending`: whether, and how, the call ended the match.
    kind: &'static str,
    /// -1 for `init`.
    tick: i64,
    logged: String,
    replayed: String,
}

/// Gives a match's input log: of a match that runs, as far as it is written.
#[utoipa::path(
    get, path = "/matches/{match}/inputs", tag = "matches", params(("match" = String, Path)),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = "4XX", body = Problem),
        (status = "5XX", body = Problem),
    ),
)]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Response> {
    let (found, _permit) =
        caller.match_of_game(&app, &id, |owner| Action::ReadMatch { owner }).await?;
    let place = transfer(&app, &caller)?;
    let bytes = history::log_bytes(&app, &found).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, bytes.len().to_string()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    Ok((headers, in_pieces(bytes.into(), place)).into_response())
}

/// Runs a match again from its input log, and says whether it is the same. It uses the machine as
/// a match does, so it asks for who may start one.
#[utoipa::path(
    post, path = "/matches/{match}/replay", tag = "matches", params(("match" = String, Path)),
    request_body = NewReplay,
    responses(
        (status = 200, body = ReplayAnswer),
        (status = "4XX", body = Problem),
        (status = "5XX", body = Problem),
    ),
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> ApiResult<Json<ReplayAnswer>> {
    let (found, permit) = caller.match_to_run(&app, &id).await?;
    let NewReplay { to } = body::json(request, app.small_body()).await?;
    if to.is_some_and(|to| to < 0) {
        return Err(ApiError::value("To", "a tick is a whole number from 0 on"));
    }
    let id = found.id.to_string();
    Ok(Json(answer(id, replay::replay(&app, &permit, found, to).await?)))
}

fn answer(r#match: String, outcome: Outcome) -> ReplayAnswer {
    let Outcome { replayed, skipped, took } = outcome;
    let microseconds = took.as_micros() as u64;
    let ticks_per_second = replayed.ticks as f64 / took.as_secs_f64().max(1e-6);
    let (whole, difference) = match replayed.extent {
        Extent::End => (skipped.is_empty(), None),
        Extent::Partial => (false, None),
        Extent::Differs(difference) => (false, Some(difference.into())),
    };
    ReplayAnswer {
        r#match,
        ticks: replayed.ticks,
        transcript: replayed.transcript.to_string(),
        same: difference.is_none(),
        whole,
        difference,
        skipped: skipped.into_iter().map(SkippedAnswer::from).collect(),
        fuel: replayed.fuel,
        microseconds,
        ticks_per_second: ticks_per_second as u64,
    }
}

impl From<Difference> for DifferenceAnswer {
    fn from(difference: Difference) -> Self {
        let (kind, tick, logged, replayed) = match difference {
            Difference::Transcript { tick, logged, replayed } => {
                ("transcript", tick, logged.to_string(), replayed.to_string())
            }
            Difference::Requests { tick, logged, replayed } => {
                ("requests", tick, logged.to_string(), replayed.to_string())
            }
            Difference::Ending { tick, logged, replayed } => ("ending", tick, logged, replayed),
        };
        Self { kind, tick, logged, replayed }
    }
}
