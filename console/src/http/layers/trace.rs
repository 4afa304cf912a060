//! One span a request and one line when it is answered. The query is left out of both, and so are
//! headers: a secret must not reach a log by a client's mistake.

use std::time::Instant;

use axum::{extract::Request, middleware::Next, response::Response};
use tracing::{Instrument, field, info_span};

use super::RequestId;

pub(super) async fn request(request: Request, next: Next) -> Response {
    let id = request.extensions().get::<RequestId>().map_or("", |id| id.0.as_str());
    let method = request.method();
    let path = request.uri().path();
    let span = info_span!("request", id, %method, path = field::debug(path));
    async {
        let began = Instant::now();
        let response = next.run(request).await;
        let status = response.status().as_u16();
        tracing::info!(status, ms = began.elapsed().as_millis() as u64, "answered");
        response
    }
    .instrument(span)
    .await
}
