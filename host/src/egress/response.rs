//! The response as the sim gets it: checked, without what concerns the connection alone, and
//! never longer than the limits. Nothing is followed, decoded or remembered.

use bytes::{BufMut, Bytes, BytesMut};
use http::{
    HeaderMap, HeaderName, Response, StatusCode,
    header::{
        CONNECTION, CONTENT_LENGTH, PROXY_AUTHENTICATE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
    },
    response::Parts,
};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use lattice_policies::egress::FetchLimits;

use super::{
    exchange::failure,
    failure::{Failure, Limit},
    gate::FetchOutcome,
    record::Trace,
};

/// Headers for the next hop, beside those that `connection` names (RFC 9110, section 7.6.1).
const HOP_BY_HOP: [HeaderName; 8] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    HeaderName::from_static("proxy-connection"),
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Reads a response to its end.
pub(super) async fn read(
    response: Response<Incoming>,
    limits: &FetchLimits,
    trace: &mut Trace,
) -> Result<FetchOutcome, Failure> {
    let (head, body) = response.into_parts();
    trace.status = Some(head.status.as_u16());
    check(&head, limits)?;
    let body = collect(body, limits, trace).await?;
    Ok(FetchOutcome { status: head.status.as_u16().into(), headers: lines(&head.headers), body })
}

fn check(head: &Parts, limits: &FetchLimits) -> Result<(), Failure> {
    let bad = |words: &str| Err(Failure::Http(words.to_owned()));
    let bytes: usize = head.headers.iter().map(|(name, value)| line_bytes(name, value)).sum();
    let codings: Vec<_> = head.headers.get_all(TRANSFER_ENCODING).iter().collect();
    if head.status == StatusCode::SWITCHING_PROTOCOLS {
        return bad("the peer wants to speak another protocol");
    }
    if head.headers.len() > limits.response_headers as usize
        || bytes > limits.response_header_bytes as usize
    {
        return Err(Failure::large_head(limits));
    }
    if !codings.is_empty() && head.headers.contains_key(CONTENT_LENGTH) {
        return bad("the response has a length and a transfer coding");
    }
    if codings.len() > 1
        || codings.iter().any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"chunked"))
    {
        return bad("the response has a transfer coding that nobody asked for");
    }
    Ok(())
}

/// The body, cut off as soon as it is over the limit. What follows it is dropped.
async fn collect(
    mut body: Incoming,
    limits: &FetchLimits,
    trace: &Trace,
) -> Result<Bytes, Failure> {
    let most = limits.response_body_bytes as usize;
    let over = || Failure::Limit(Limit::Body(limits.response_body_bytes));
    if body.size_hint().lower() > most as u64 {
        return Err(over());
    }
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| failure(&error, limits, &trace.meter))?;
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > most - bytes.len() {
            return Err(over());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// The lines that the sim gets.
fn lines(headers: &HeaderMap) -> Bytes {
    let named = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let named: Vec<&str> = named.flat_map(|value| value.split(',')).map(str::trim).collect();
    let is_hop = |name: &HeaderName| {
        HOP_BY_HOP.contains(name) || named.iter().any(|hop| hop.eq_ignore_ascii_case(name.as_str()))
    };
    let mut lines = BytesMut::new();
    for (name, value) in headers.iter().filter(|(name, _)| !is_hop(name)) {
        lines.put(name.as_str().as_bytes());
        lines.put(&b": "[..]);
        lines.put(value.as_bytes());
        lines.put(&b"\n"[..]);
    }
    lines.freeze()
}

/// As HTTP/1.1 writes it.
fn line_bytes(name: &HeaderName, value: &http::HeaderValue) -> usize {
    name.as_str().len() + ": ".len() + value.len() + "\r\n".len()
}
