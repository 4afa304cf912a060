//! What a fetch meets before any packet: rules made of entries, and a lookup's answers.

use std::net::IpAddr;

use lattice_policies::{
    Code,
    egress::{
        EgressPermit, EgressPolicy, GameEgress, HeaderLines, Method, Refusal, Request, Rules,
        decide,
    },
};

/// The rules of a game that may reach these.
pub(crate) fn rules<'a>(entries: impl IntoIterator<Item = &'a str>) -> Rules {
    let allow = entries.into_iter().map(|entry| entry.parse().unwrap()).collect();
    let game = GameEgress { allow, ..GameEgress::default() };
    Rules::new(&EgressPolicy::default(), &game).unwrap()
}

/// A request without a body.
pub(crate) fn request<'a>(url: &'a [u8], headers: HeaderLines<'a>) -> Request<'a> {
    Request { method: Method::Get, url, headers, body: b"" }
}

/// What becomes of a plain GET.
pub(crate) fn get(rules: &Rules, url: &str) -> Result<EgressPermit, Refusal> {
    decide(rules, &request(url.as_bytes(), HeaderLines::Block(b"")))
}

/// Whether a permitted request reaches anything, given what a lookup of its name answers.
pub(crate) fn reaches(permit: &EgressPermit, lookup: &[IpAddr]) -> bool {
    let literal = permit.literal().map(|address| [address]);
    permit.vet(literal.as_ref().map_or(lookup, |literal| literal)).is_ok()
}

/// The code of a plain GET that must be refused.
pub(crate) fn refusal(rules: &Rules, url: &str) -> Code {
    match get(rules, url) {
        Ok(permit) => panic!("{url} is permitted: {permit:?}"),
        Err(refusal) => refusal.code(),
    }
}
