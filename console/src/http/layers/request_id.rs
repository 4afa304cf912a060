//! Gives each request an id of ours, which the answer, the log and the audit carry.
//! An id that a client sends is not taken: it could be anything.

use axum::{extract::Request, middleware::Next, response::Response};
use http::{HeaderName, HeaderValue};

use crate::secrets;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// A request's id: 16 hexadecimal digits.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

pub(super) async fn assign(mut request: Request, next: Next) -> Response {
    let id = RequestId(secrets::request_id());
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::try_from(id.0) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}
