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
/// Nothing outside this file makes one, not even out of another:
///
/// ```compile_fail,E0451
/// # use lattice_policies::egress::EgressPermit;
/// fn forge(permit: EgressPermit) -> EgressPermit {
///     EgressPermit { ..permit }
/// }
/// ```
///
/// It is no `Clone` either: one yes is good for one request.
///
/// ```compile_fail,E0599
/// # use lattice_policies::egress::EgressPermit;
/// fn twice(permit: EgressPermit) -> (EgressPermit, EgressPermit) {
///     (permit.clone(), permit)
/// }
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
    match rules.entry(&origin) {
        Some(entry) => Ok(entry),
        None => Err(Refusal::new(not_listed(rules, &origin), Some(origin))),
    }
}

fn not_listed(rules: &Rules, origin: &Origin) -> Cause {
    if rules.entries().is_empty() {
        return Cause::EmptyList;
    }
    Cause::NotListed { same_host: rules.same_host(origin).map(|entry| entry.origin.clone()) }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Code,
        egress::{EgressPolicy, GameEgress},
    };

    fn rules(allow: &[&str]) -> Rules {
        let allow = allow.iter().map(|text| text.parse().unwrap()).collect();
        let game = GameEgress { allow, request_body_bytes: Some(4), ..GameEgress::default() };
        Rules::new(&EgressPolicy::default(), &game).unwrap()
    }

    fn post<'a>(url: &'a str, headers: &'a str, body: &'a str) -> Request<'a> {
        let headers = HeaderLines::Block(headers.as_bytes());
        Request { method: Method::Post, url: url.as_bytes(), headers, body: body.as_bytes() }
    }

    #[test]
    fn a_listed_request_becomes_a_permit_in_parts() {
        let request =
            post("HTTPS://H.example/a?b=1#c", "X-Score: 9\nAccept-Encoding: br\n", "body");
        let permit = decide(&rules(&["h.example:443"]), &request).unwrap();
        assert_eq!(permit.origin().to_string(), "https://h.example:443");
        assert_eq!((permit.method(), permit.path_and_query()), (Method::Post, "/a?b=1"));
        assert_eq!(permit.headers(), [("x-score".to_owned(), "9".to_owned())]);
        assert_eq!((permit.body(), permit.stripped()), (&b"body"[..], true));
        assert_eq!((permit.limits().request_body_bytes, permit.literal()), (4, None));
    }

    #[test]
    fn what_is_not_listed_is_refused_with_what_was_asked_for() {
        let request = post("https://user.example/secret?key=1", "", "");
        let refusal = decide(&rules(&["h.example:443"]), &request).unwrap_err();
        assert_eq!(refusal.code(), Code::HttpNotAllowed);
        assert_eq!(refusal.origin().unwrap().to_string(), "https://user.example:443");
        let shown = refusal.to_string();
        assert_eq!(shown, "https://user.example:443: no entry of the allow-list is exactly this");
        let request = post("http://h.example/", "", "");
        let shown = decide(&rules(&["h.example:443"]), &request).unwrap_err().to_string();
        assert!(shown.ends_with("exactly this, though https://h.example:443 is listed"), "{shown}");
        let refusal = decide(&Rules::deny_all(), &request).unwrap_err();
        assert_eq!(refusal.cause(), &Cause::EmptyList);
    }

    #[test]
    fn what_is_malformed_is_refused_before_the_list_is_asked() {
        for (request, shown) in [
            (post("https://h.example/\u{1b}[2J", "", ""), "the URL has `\\u{1b}`"),
            (post("ftp://h.example/", "", ""), "the URL does not start with https:// or http://"),
            (
                post("https://h.example/", "Host: x", ""),
                "https://h.example:443: the header host is",
            ),
            (post("https://h.example/", "", "12345"), "the body is longer than 4 bytes"),
        ] {
            for rules in [rules(&[]), rules(&["h.example:443"])] {
                let refusal = decide(&rules, &request).unwrap_err();
                assert_eq!(refusal.code(), Code::HttpBadRequest);
                assert!(refusal.to_string().contains(shown), "{refusal}");
            }
        }
    }

    #[test]
    fn equal_refusals_are_equal_whatever_else_was_asked() {
        let rules = rules(&["h.example:443"]);
        let refuse = |url| decide(&rules, &post(url, "", "")).unwrap_err();
        assert_eq!(refuse("https://evil.test/a?b"), refuse("https://EVIL.test:443/c#d"));
        assert_ne!(refuse("https://evil.test/"), refuse("https://evil.test:444/"));
        assert_eq!(refuse("https://h.example/a b"), refuse("https://other.example/ "));
    }

    #[test]
    fn a_permit_is_renewed_under_the_rules_of_now() {
        let permit = || {
            let request = post("https://h.example/", "", "body");
            decide(&rules(&["h.example:443"]), &request).unwrap()
        };
        let fewer = Rules::new(&EgressPolicy::default(), &GameEgress::default()).unwrap();
        assert_eq!(permit().renew(&fewer).unwrap_err().code(), Code::HttpNotAllowed);
        let mut other = rules(&["h.example:443", "i.example:443"]);
        assert_eq!(permit().renew(&other).unwrap(), permit());
        let slower = GameEgress {
            allow: vec![Entry { allow_private: true, ..other.entries()[0].clone() }],
            whole_ms: Some(1),
            ..GameEgress::default()
        };
        other = Rules::new(&EgressPolicy::default(), &slower).unwrap();
        let renewed = permit().renew(&other).unwrap();
        assert_eq!(renewed.limits().whole_ms, 1);
        let loopback = ["127.0.0.1".parse().unwrap()];
        assert!(renewed.vet(&loopback).is_ok());
        assert!(permit().vet(&loopback).is_err());
        let smaller = GameEgress { request_body_bytes: Some(3), ..slower };
        let smaller = Rules::new(&EgressPolicy::default(), &smaller).unwrap();
        assert_eq!(permit().renew(&smaller).unwrap_err().cause(), &Cause::Body { most: 3 });
    }

    #[test]
    fn an_address_in_the_url_needs_no_lookup() {
        let rules = rules(&["http://127.0.0.1:9000"]);
        let permit = decide(&rules, &post("http://127.0.0.1:9000/", "", "")).unwrap();
        let literal = permit.literal().unwrap();
        assert_eq!(literal.to_string(), "127.0.0.1");
        assert!(permit.vet(&[literal]).is_err(), "the entry does not allow private addresses");
    }
}
