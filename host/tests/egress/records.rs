//! What the audit gets: everything about a fetch but its contents, and nothing leaves without it.

use lattice_host::egress::{Ending, FetchRecord};
use lattice_policies::{
    Code,
    egress::{EgressPolicy, FetchLimits, Method},
};
use lattice_surface::Refused;

use crate::{
    peer::Peer,
    world::{HOST, PLAIN, World, game, match_id, rules, submit},
};

const OK: &str = "HTTP/1.1 200 OK\r\nX-Reply: confidential\r\nContent-Length: 6\r\n\r\nhidden";

#[test]
fn a_record_says_everything_but_what_was_said() {
    let peer = Peer::answering(OK);
    let world = World::plain(&peer);
    let url = "http://api.example.com/score?key=sesame#part";
    let headers = "Authorization: Bearer sesame\n";
    let permit = world.decide(Method::Put, url, headers, b"sesame").unwrap();
    submit(&world.gate, 42, permit).outcome();
    let record = world.record();
    for secret in ["sesame", "hidden", "confidential", "Bearer", "part"] {
        assert!(!format!("{record:?}").contains(secret), "{record:?}");
    }
    let request = peer.requests()[0].clone();
    let FetchRecord::Fetch { sent_bytes, received_bytes, waited_ms, took_ms, .. } = record else {
        panic!("{record:?}")
    };
    assert_eq!(sent_bytes as usize, request.head.len() + request.body.len());
    assert_eq!(received_bytes as usize, OK.len());
    let expected = FetchRecord::Fetch {
        game: game(1),
        match_id: match_id(),
        tick: 7,
        id: 42,
        method: "PUT",
        url: "http://api.example.com:80/score?...".to_owned(),
        outcome: "ok",
        status: Some(200),
        detail: String::new(),
        address: Some("93.184.216.34:80".parse().unwrap()),
        sent_bytes,
        received_bytes,
        waited_ms,
        took_ms,
    };
    assert_eq!(record, expected);
}

#[test]
fn a_response_that_was_cut_is_recorded_with_its_status() {
    let peer = Peer::answering("HTTP/1.1 418 Teapot\r\nContent-Length: 99999999\r\n\r\n");
    let world = World::plain(&peer);
    world.fetch(PLAIN);
    let record = world.record();
    let FetchRecord::Fetch { status, outcome, address, .. } = record else { panic!("{record:?}") };
    assert_eq!((status, outcome), (Some(418), "limit"));
    assert!(address.is_some());
}

#[test]
fn nothing_leaves_while_the_audit_is_full() {
    let peer = Peer::answering(OK);
    let world = World::new(EgressPolicy::default(), Vec::new(), 1);
    world.network.lead_to(peer.address);
    world.allow(&["http://api.example.com:80"], FetchLimits::default());
    world.get(PLAIN).outcome();
    let held = world.get(PLAIN);
    peer.await_requests(1);
    assert!(!held.has_ended());
    assert_eq!(world.network.looked_up(), [HOST], "not even a lookup");
    // The first record is taken, and there is room for the second.
    world.record();
    assert_eq!(held.outcome().status, 200);
    world.record();
}

#[test]
fn a_closed_audit_lets_nothing_out() {
    let peer = Peer::answering(OK);
    let world = World::plain(&peer);
    world.close_audit();
    assert_eq!(world.fetch(PLAIN).status, Code::HttpFailed.value());
    assert_eq!(peer.connections(), 0);
}

/// A record of refusals: from the first tick to the last.
fn refused(
    code: Code,
    reason: &str,
    count: u64,
    (first_tick, last_tick): (i64, i64),
    of_one_match: bool,
) -> FetchRecord {
    let match_id = of_one_match.then(match_id);
    let (game, reason) = (game(1), reason.to_owned());
    FetchRecord::Refused { game, match_id, first_tick, last_tick, code, reason, count }
}

#[test]
fn equal_refusals_are_one_record() {
    let peer = Peer::answering(OK);
    let world = World::plain(&peer);
    let refusal = world.decide(Method::Get, "https://evil.test/?secret", "", b"").unwrap_err();
    let code = refusal.code();
    for (tick, count) in [(3, 5), (4, 1), (9, 2)] {
        let denied = Refused { code, refusal: Some(refusal.clone()), count };
        let too_many = Refused { code: Code::HttpTooMany, refusal: None, count: 1 };
        world.gate.refused(&match_id(), tick, [denied, too_many]);
    }
    assert_eq!(world.figures().refused, 11);
    let denied = refused(code, &refusal.to_string(), 8, (3, 9), true);
    let words = "the match has too many requests in flight";
    assert_eq!(world.end(), [denied, refused(Code::HttpTooMany, words, 3, (3, 9), true)]);
    assert!(refusal.to_string().starts_with("https://evil.test:443: "), "and says what it was");
}

#[test]
fn a_flood_of_different_refusals_is_few_records() {
    let peer = Peer::answering(OK);
    let world = World::plain(&peer);
    for number in 0..1_000 {
        let url = format!("https://host-{number}.evil.test/");
        let refusal = world.decide(Method::Get, &url, "", b"").unwrap_err();
        let denied = Refused { code: refusal.code(), refusal: Some(refusal), count: 1 };
        world.gate.refused(&match_id(), number, [denied]);
    }
    let records = world.end();
    let words = "beside 16 other kinds of refusals";
    assert_eq!(records.len(), 17);
    assert_eq!(records[16], refused(Code::HttpNotAllowed, words, 984, (16, 999), false));
}

#[test]
fn figures_count_how_fetches_ended() {
    let peer = Peer::answering(OK);
    let world = World::plain(&peer);
    world.fetch(PLAIN);
    world.network.answer(HOST, [crate::network::Answer::NoSuchName]);
    world.fetch(PLAIN);
    world.fetch(PLAIN);
    let counted: Vec<_> = world.figures().endings().filter(|(_, count)| *count > 0).collect();
    assert_eq!(counted, [("ok", 1), ("lookup", 2)]);
    assert_eq!(Ending::NAMES[Ending::Fault as usize], "fault");
}

#[test]
fn an_older_revision_of_the_rules_changes_nothing() {
    let peer = Peer::answering(OK);
    let world = World::plain(&peer);
    let rules = |entry: &str| rules(&[entry], FetchLimits::default());
    world.egress.set(world.gate.game(), 3, rules("three.test:443"));
    world.egress.set(world.gate.game(), 2, rules("two.test:443"));
    assert!(world.decide(Method::Get, "https://three.test/", "", b"").is_ok());
    assert!(world.decide(Method::Get, "https://two.test/", "", b"").is_err());
    assert!(
        world.egress.game(&game(2)).rules().get().entries().is_empty(),
        "another game has none"
    );
}
