//! Limits the rate of requests with one token, wherever they come from.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::Credential;
use crate::{app::App, http::error::ApiError};

pub(super) async fn limit(State(app): State<App>, request: Request, next: Next) -> Response {
    let token = match request.extensions().get::<Credential>() {
        Some(Credential::Api(principal)) => Some(&principal.token),
        _ => None,
    };
    match token.map_or(Ok(()), |token| app.token_rate.take(token)) {
        Ok(()) => next.run(request).await,
        Err(wait) => ApiError::TooFast("this token", wait).into_response(),
    }
}
