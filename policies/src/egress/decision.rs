//! The decision on one request, and the permit that proves a yes.
//! The order: what is malformed is refused before the list is asked.

use std::net::IpAddr;

use super::{
    Entry, FetchLimits, HeaderLines, Method, Origin, Rules,
    destination::{self, AddressRefusal, Destination},
    headers::{self, Headers},
    refusal::{Cause, Refusal},
    url::{self, Target},
};

/// A request as a guest words it.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub method: Method,
    pub url: &'a [u8],
    pub headers: HeaderLines<'a>,
    pub body: &'a [u8],
}

/// Proof that the rules allow a request, which it holds in checked parts.
///
/// Nothing outside this file makes one, and it is no `Clone`: one yes is good for one request.
///
/// ```compile_fail,E0451
/// # use lattice_policies::egress::{EgressPermit, Method};
/// let forged = EgressPermit { method: Method::Get };
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct EgressPermit {
    entry: Entry,
    limits: FetchLimits,
    method: Method,
    path_and_query: String,
    headers: Headers,
    body: Vec<u8>,
}

/// Permits a request, or says why not.
pub fn decide(rules: &Rules, request: &Request<'_>) -> Result<EgressPermit, Refusal> {
    let Target { origin, path_and_query } =
        url::parse(request.url).map_err(|error| Refusal::new(error, None))?;
    let headers = match headers::parse(request.headers) {
        Ok(headers) => headers,
        Err(error) => return Err(Refusal::new(error, Some(origin))),
    };
    let entry = listed(rules, origin, request.body)?.clone();
    let body = request.body.to_vec();
    let (limits, method) = (*rules.limits(), request.method);
    Ok(EgressPermit { entry, limits, method, path_and_query, headers, body })
}

/// The entry under which a request may leave.
fn listed<'a>(rules: &'a Rules, origin: Origin, body: &[u8]) -> Result<&'a Entry, Refusal> {
    let most = rules.limits().request_body_bytes;
    if body.len() > most as usize {
        return Err(Refusal::new(Cause::Body { most }, Some(origin)));
    }
    let empty = rules.entries().is_empty();
    let cause = if empty { Cause::EmptyList } else { Cause::NotListed };
    rules.entry(&origin).ok_or_else(|| Refusal::new(cause, Some(origin)))
}

impl EgressPermit {
    /// Where to: the entry's own scheme, host and port, from which Host and SNI are made.
    pub fn origin(&self) -> &Origin {
        &self.entry.origin
    }

    pub fn method(&self) -> Method {
        self.method
    }

    /// In ASCII, starts with `/`, without a fragment.
    pub fn path_and_query(&self) -> &str {
        &self.path_and_query
    }

    /// Names in lower case, values of visible ASCII and inner spaces, in the guest's order.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers.list
    }

    /// Whether the guest's Accept-Encoding was left out of the headers.
    pub fn stripped(&self) -> bool {
        self.headers.stripped
    }

    pub fn body(&self) -> &[u8] {
        &self.body
    }

    pub fn limits(&self) -> &FetchLimits {
        &self.limits
    }

    /// The address that the URL names, which needs no lookup.
    pub fn literal(&self) -> Option<IpAddr> {
        self.entry.origin.host.literal()
    }

    /// The same request under rules that may have changed while it waited.
    pub fn renew(self, rules: &Rules) -> Result<Self, Refusal> {
        let entry = listed(rules, self.entry.origin, &self.body)?.clone();
        Ok(Self { entry, limits: *rules.limits(), ..self })
    }

    /// Proof that a name's addresses may be dialled: all of them, or none. For a [`literal`] they
    /// are that one address.
    ///
    /// [`literal`]: Self::literal
    pub fn vet(&self, answers: &[IpAddr]) -> Result<Destination, AddressRefusal> {
        destination::vet(&self.entry, answers)
    }
}
