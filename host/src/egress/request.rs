//! The request as it is sent, built from the permit's checked parts alone.

use bytes::Bytes;
use http::{
    Request, Uri,
    header::{ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, HOST, USER_AGENT},
    request::Builder,
};
use http_body_util::Full;
use lattice_policies::{
    GameId,
    egress::{EgressPermit, Method, Origin},
};

use super::{dial::Protocol, failure::Failure};

/// Names the game to the peer; the guest can't set it.
const GAME: &str = "x-lattice-game";
/// Unless the guest says otherwise.
const AGENT: &str = "lattice-managed";

/// The request that a permit allows, for a connection that serves no other.
pub(super) fn build(
    permit: &EgressPermit,
    game: &GameId,
    protocol: Protocol,
) -> Result<Request<Full<Bytes>>, Failure> {
    let words = |error: http::Error| Failure::Http(error.to_string());
    let request = Request::builder().method(permit.method().as_str());
    let request = target(request, permit, protocol).map_err(words)?;
    let request = permit
        .headers()
        .iter()
        .fold(request, |request, (name, value)| request.header(name, value))
        .header(GAME, game.as_str())
        .header(ACCEPT_ENCODING, "identity");
    let request = agent(length(request, permit), permit);
    request.body(Full::new(Bytes::copy_from_slice(permit.body()))).map_err(words)
}

/// HTTP/1.1 has the path in its first line and the host in a header (RFC 9112, section 3.2),
/// HTTP/2 has both in pseudo-headers that are made of the whole URI (RFC 9113, section 8.3.1).
fn target(
    request: Builder,
    permit: &EgressPermit,
    protocol: Protocol,
) -> Result<Builder, http::Error> {
    let (origin, path) = (permit.origin(), permit.path_and_query());
    let uri = Uri::builder().path_and_query(path);
    Ok(match protocol {
        Protocol::Http1 => {
            request.uri(uri.build()?).header(HOST, authority(origin)).header(CONNECTION, "close")
        }
        Protocol::Http2 => {
            let uri = uri.scheme(origin.scheme.as_str()).authority(authority(origin));
            request.uri(uri.build()?)
        }
    })
}

/// The host, and the port where it is not the scheme's own (RFC 9110, section 4.2.3).
fn authority(origin: &Origin) -> String {
    if origin.port == origin.scheme.default_port() {
        origin.host.to_string()
    } else {
        format!("{}:{}", origin.host, origin.port)
    }
}

/// The library says how long a body is; that there is none, where one is usual, has to be said
/// here (RFC 9110, section 8.6).
fn length(request: Builder, permit: &EgressPermit) -> Builder {
    let is_usual = matches!(permit.method(), Method::Post | Method::Put | Method::Patch);
    if is_usual && permit.body().is_empty() { request.header(CONTENT_LENGTH, 0) } else { request }
}

fn agent(request: Builder, permit: &EgressPermit) -> Builder {
    if permit.headers().iter().any(|(name, _)| *name == USER_AGENT.as_str()) {
        request
    } else {
        request.header(USER_AGENT, AGENT)
    }
}
