//! Turns a handler's panic into a 500, so that a mistake of ours ends one request and no more.

use std::any::Any;

use axum::response::{IntoResponse, Response};

use crate::http::error::ApiError;

#[expect(clippy::needless_pass_by_value, reason = "the layer hands the panic over")]
pub(super) fn answer(panic: Box<dyn Any + Send>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a text");
    ApiError::internal(format_args!("a handler panicked: {text}")).into_response()
}
