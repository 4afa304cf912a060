//! Which host and port a request is for, as its client names them.

use axum::extract::Request;
use http::{header, uri::Authority};

/// The target's own authority, which HTTP/2 has for every request, and else the header `Host`.
pub(super) fn authority(request: &Request) -> Option<Authority> {
    let named = || request.headers().get(header::HOST)?.to_str().ok()?.parse().ok();
    request.uri().authority().cloned().or_else(named)
}
