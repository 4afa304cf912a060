//! Refuses a body that no request could need: by its declared length before a byte is read, and
//! by count where no length, or a false one, was declared.

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::Limited;

use crate::{
    app::App,
    http::{
        body::{BodyError, content_length},
        error::ApiError,
    },
};

pub(super) async fn cut(State(app): State<App>, request: Request, next: Next) -> Response {
    let limit = app.largest_body();
    if content_length(request.headers()).is_some_and(|length| length > limit as u64) {
        return ApiError::from(BodyError::TooLarge { limit }).into_response();
    }
    next.run(request.map(|body| Body::new(Limited::new(body, limit)))).await
}
