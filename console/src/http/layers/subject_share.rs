//! Keeps a part of the requests at work for everybody else: one subject with many slow requests is
//! refused more of them, and the others are not.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::Credential;
use crate::{app::App, http::error::ApiError};

pub(super) async fn limit(State(app): State<App>, request: Request, next: Next) -> Response {
    let Some(Credential::Api(principal)) = request.extensions().get::<Credential>() else {
        return next.run(request).await;
    };
    let Some(_place) = app.requests.take(principal.subject.clone()) else {
        return ApiError::Busy("the server works on as many of your requests as it may")
            .into_response();
    };
    next.run(request).await
}
