//! Many fetches at once: the bounded queue, the bucket, the places, and games that do not notice
//! each other. Shown by what must have happened before what, never by a clock.

use lattice_policies::{
    Code,
    egress::{EgressPolicy, FetchLimits, Method},
};

use crate::{
    peer::Peer,
    world::{PLAIN, Sent, World, assert_code, assert_ended, game, rules, submit},
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
const ENTRY: &str = "http://api.example.com:80";

/// Limits under which nothing is over for its time.
fn patient() -> FetchLimits {
    FetchLimits { headers_ms: 60_000, whole_ms: 120_000, ..FetchLimits::default() }
}

fn send(world: &World, count: usize) -> Vec<Sent> {
    (0..count).map(|_| world.get(PLAIN)).collect()
}

#[test]
fn what_is_over_the_queue_is_refused_at_once() {
    let peer = Peer::silent();
    let world = World::with_limits(&peer, FetchLimits { in_flight: 2, queue: 3, ..patient() });
    let hung = send(&world, 2);
    let waiting = send(&world, 3);
    let refused = world.get(PLAIN);
    assert_code(&refused.outcome(), Code::HttpRateLimited);
    peer.await_requests(2);
    let figures = world.figures();
    assert_eq!((figures.in_flight, figures.waiting, figures.refused), (2, 3, 1));

    // A place that is given back goes to the first in line.
    drop(hung);
    peer.await_requests(4);
    let figures = world.figures();
    assert_eq!((figures.in_flight, figures.waiting), (2, 1));
    drop(waiting);
    let records = world.end();
    assert_eq!(records.len(), 6, "five fetches, and what was refused: {records:?}");
}

#[test]
fn a_drained_bucket_holds_back_what_is_allowed_and_nothing_that_is_denied() {
    let peer = Peer::answering(OK);
    let limits = FetchLimits { requests_per_second: 1, burst: 2, ..patient() };
    let world = World::with_limits(&peer, limits);
    // Denials take no token: after many of them, both are still there.
    for _ in 0..50 {
        let refusal = world.decide(Method::Get, "https://evil.test/", "", b"").unwrap_err();
        assert_eq!(refusal.code(), Code::HttpNotAllowed);
    }
    let burst = send(&world, 2);
    assert_eq!(world.figures().waiting, 0, "both tokens were there");
    let late = world.get(PLAIN);
    assert_eq!(world.figures().waiting, 1, "and then none");
    // A denial waits for no token.
    assert!(world.decide(Method::Get, "https://evil.test/", "", b"").is_err());
    assert!(burst.iter().all(|sent| sent.outcome().status == 200));
    assert_eq!(late.outcome().status, 200, "its token came");
    assert_eq!(peer.connections(), 3);
}

#[test]
fn a_flood_of_one_game_delays_no_other() {
    let hung = Peer::silent();
    let world = World::with_limits(&hung, patient());
    let flood = send(&world, 41);
    hung.await_requests(8);
    assert_code(&flood[40].outcome(), Code::HttpRateLimited);
    let figures = world.figures();
    assert_eq!((figures.in_flight, figures.waiting), (8, 32));

    let peer = Peer::answering(OK);
    world.network.lead_to(peer.address);
    let other = world.egress.game(&game(2));
    world.egress.set(&game(2), 1, rules(&[ENTRY], patient()));
    for id in 1..=20 {
        let permit = world.decide(Method::Get, PLAIN, "", b"").unwrap();
        assert_eq!(submit(&other, id, permit).outcome().status, 200);
    }
    let figures = world.figures();
    assert_eq!((figures.in_flight, figures.waiting), (8, 32), "the flood has not moved");
    assert!(flood[..40].iter().all(|sent| !sent.has_ended()));
}

#[test]
fn all_games_together_have_the_hosts_places() {
    let peer = Peer::silent();
    let policy = EgressPolicy { host_in_flight: 3, ..EgressPolicy::default() };
    let world = World::new(policy, Vec::new(), 64);
    world.network.lead_to(peer.address);
    world.allow(&[ENTRY], patient());
    let other = world.egress.game(&game(2));
    world.egress.set(&game(2), 1, rules(&[ENTRY], patient()));
    let first = send(&world, 2);
    peer.await_requests(2);
    let more: Vec<_> = (1..=2)
        .map(|id| {
            let permit = world.decide(Method::Get, PLAIN, "", b"").unwrap();
            submit(&other, id, permit)
        })
        .collect();
    peer.await_requests(3);
    assert_eq!(world.figures().in_flight, 4, "each game has let its fetches through");
    assert_eq!(world.network.looked_up().len(), 3, "and the host three of them");
    drop(first);
    peer.await_requests(4);
    assert!(more.iter().all(|sent| !sent.has_ended()));
}

#[test]
fn rules_that_change_while_a_fetch_waits_hold_for_it() {
    let peer = Peer::silent();
    let world = World::with_limits(&peer, FetchLimits { in_flight: 1, ..patient() });
    let first = world.get(PLAIN);
    let second = world.get(PLAIN);
    peer.await_requests(1);
    let one = FetchLimits { in_flight: 1, ..patient() };
    world.egress.set(world.gate.game(), 2, rules(&["api.example.com:443"], one));
    drop(first);
    assert_code(&second.outcome(), Code::HttpNotAllowed);
    assert_ended(&world, "cancelled", "");
    assert_ended(&world, "revoked", "http://api.example.com:80: no entry");
    assert_eq!(peer.connections(), 1);
    assert_eq!(world.network.looked_up().len(), 1, "the second was not even looked up");
}

#[test]
fn a_change_of_the_limits_holds_at_once() {
    let peer = Peer::silent();
    let world = World::with_limits(&peer, FetchLimits { in_flight: 1, queue: 1, ..patient() });
    let set = |revision, limits| {
        world.egress.set(world.gate.game(), revision, rules(&[ENTRY], limits));
    };
    let mut open = send(&world, 2);
    assert_code(&world.get(PLAIN).outcome(), Code::HttpRateLimited);
    // More places: the one in line comes, and so does the next.
    set(2, FetchLimits { in_flight: 3, queue: 2, ..patient() });
    open.push(world.get(PLAIN));
    peer.await_requests(3);
    assert_eq!(world.figures().in_flight, 3);
    // Fewer: what is in flight stays, and its places are not given again until one is left.
    set(3, FetchLimits { in_flight: 1, queue: 2, ..patient() });
    open.extend(send(&world, 2));
    assert_code(&world.get(PLAIN).outcome(), Code::HttpRateLimited);
    assert_eq!(world.figures().waiting, 2);
}

#[test]
fn a_change_of_the_rate_does_not_fill_the_bucket() {
    let peer = Peer::answering(OK);
    let slow = FetchLimits { requests_per_second: 1, burst: 1, ..patient() };
    let world = World::with_limits(&peer, slow);
    assert_eq!(world.fetch(PLAIN).status, 200);
    let larger = FetchLimits { requests_per_second: 1, burst: 1_000, ..patient() };
    world.egress.set(world.gate.game(), 2, rules(&[ENTRY], larger));
    let next = world.get(PLAIN);
    assert_eq!(world.figures().waiting, 1, "it waits for a token all the same");
    assert_eq!(next.outcome().status, 200);
}

#[test]
fn a_host_that_goes_down_answers_at_once() {
    let peer = Peer::answering(OK);
    let world = World::plain(&peer);
    world.egress.shut_down(crate::peer::HANG);
    assert_code(&world.fetch(PLAIN), Code::HttpFailed);
    assert_eq!(peer.connections(), 0);
    assert_eq!(world.end(), []);
}
