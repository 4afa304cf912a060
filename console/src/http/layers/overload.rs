//! What the concurrency limit cannot take is shed at once with a 503, not queued.

use axum::response::{IntoResponse, Response};
use tower::{BoxError, load_shed::error::Overloaded};

use crate::http::error::ApiError;

pub(super) async fn answer(error: BoxError) -> Response {
    if error.is::<Overloaded>() {
        return ApiError::Busy("the server works on as many requests as it can").into_response();
    }
    ApiError::internal(error).into_response()
}
