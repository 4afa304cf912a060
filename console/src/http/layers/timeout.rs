//! Ends a request that takes too long to be answered, its body's arrival included.

use std::time::Duration;

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::{app::App, http::error::ApiError};

pub(super) async fn cut(State(app): State<App>, request: Request, next: Next) -> Response {
    let most = Duration::from_millis(app.config.request_timeout_ms);
    match tokio::time::timeout(most, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::TimedOut(most).into_response(),
    }
}
