//! `/metrics`, on the admin listener alone: figures tell more than a stranger should know.

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing,
};
use http::header;

use super::error::{ApiError, ApiResult};
use crate::app::{App, blocking};

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/metrics", routing::get(metrics))
        .method_not_allowed_fallback(async || ApiError::NoSuchMethod)
        .fallback(async || ApiError::NoSuchPath)
}

/// All figures in Prometheus' text format.
async fn metrics(State(app): State<App>) -> ApiResult<Response> {
    const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    let render = move || app.metrics.render(&app.fleet.figures(), &app.fleet.egress().figures());
    let page = blocking(render).await?;
    let page = page.map_err(ApiError::internal)?;
    Ok(([(header::CONTENT_TYPE, TYPE)], page).into_response())
}
