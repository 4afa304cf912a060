//! `/healthz` and `/readyz`: is the process alive, and should it be sent work.

use axum::{
    Json,
    extract::State,
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::{App, Stage},
    tier::TierAnswer,
};

/// How the server is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Health {
    /// `ok`, `starting` or `stopping`.
    status: &'static str,
}

/// How the server is, and what it runs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Readiness {
    #[serde(flatten)]
    health: Health,
    native_tier: TierAnswer,
}

/// Answers as long as the process does.
#[utoipa::path(
    get, path = "/healthz", tag = "health", security(()),
    responses((status = 200, body = Health)),
)]
pub(crate) async fn alive() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Answers 503 while the server starts and while it stops.
#[utoipa::path(
    get, path = "/readyz", tag = "health", security(()),
    responses((status = 200, body = Readiness), (status = 503, body = Readiness)),
)]
pub(crate) async fn ready(State(app): State<App>) -> Response {
    let (code, status) = match *app.stage.borrow() {
        Stage::Starting => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
        Stage::Ready => (StatusCode::OK, "ok"),
        Stage::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "stopping"),
    };
    let native_tier = app.fleet.native_tier().into();
    (code, Json(Readiness { health: Health { status }, native_tier })).into_response()
}
