//! A match that is gone takes its fetches with it: the connection is closed, the sim is told
//! nothing, and the audit everything.

use lattice_host::egress::FetchRecord;
use lattice_policies::egress::FetchLimits;

use crate::{
    certificates::Authority,
    h2_frames,
    peer::Peer,
    world::{PLAIN, SECURE, World, assert_ended},
};

#[test]
fn a_dropped_handle_closes_the_connection() {
    let peer = Peer::silent();
    let world = World::plain(&peer);
    let sent = world.get(PLAIN);
    peer.await_requests(1);
    let outcome = sent.cancel();
    peer.await_closed(1);
    let record = world.record();
    let FetchRecord::Fetch { outcome: ending, status, address, .. } = record else {
        panic!("{record:?}")
    };
    assert_eq!((ending, status), ("cancelled", None));
    assert!(address.is_some(), "what was done is recorded");
    assert!(outcome.recv().is_err(), "the sim is told nothing");
}

#[test]
fn so_it_does_in_the_middle_of_a_body_and_over_http2() {
    let peer = Peer::answering("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf");
    let world = World::plain(&peer);
    let sent = world.get(PLAIN);
    peer.await_requests(1);
    sent.cancel();
    peer.await_closed(1);

    let authority = Authority::new();
    let peer = h2_frames::peer(&authority, |_| Ok(()));
    let world = World::tls(&peer, &authority);
    let sent = world.get(SECURE);
    peer.await_requests(1);
    sent.cancel();
    peer.await_closed(1);
    assert_ended(&world, "cancelled", "the match is gone");
}

#[test]
fn a_fetch_in_line_is_cancelled_before_anything_leaves() {
    let peer = Peer::silent();
    let world = World::with_limits(&peer, FetchLimits { in_flight: 1, ..FetchLimits::default() });
    let first = world.get(PLAIN);
    peer.await_requests(1);
    let second = world.get(PLAIN);
    second.cancel();
    assert_ended(&world, "cancelled", "");
    assert_eq!(world.figures().waiting, 0);
    first.cancel();
    assert_ended(&world, "cancelled", "");
    assert_eq!(world.network.looked_up().len(), 1);
    assert_eq!(peer.connections(), 1);
}

#[test]
fn a_handle_that_outlives_its_fetch_does_nothing() {
    let peer = Peer::answering("HTTP/1.1 204 No Content\r\n\r\n");
    let world = World::plain(&peer);
    let sent = world.get(PLAIN);
    assert_eq!(sent.outcome().status, 204);
    sent.cancel();
    let endings: Vec<_> = world.end().iter().map(ending).collect();
    assert_eq!(endings, ["ok"]);
}

#[test]
fn the_end_of_the_host_cancels_what_is_left_and_records_it() {
    let peer = Peer::silent();
    let world = World::with_limits(&peer, FetchLimits { in_flight: 1, ..FetchLimits::default() });
    let sent = [world.get(PLAIN), world.get(PLAIN)];
    peer.await_requests(1);
    let endings: Vec<_> = world.end().iter().map(ending).collect();
    assert_eq!(endings, ["cancelled", "cancelled"]);
    peer.await_closed(1);
    assert!(sent.iter().all(|sent| !sent.has_ended()));
}

fn ending(record: &FetchRecord) -> &'static str {
    match record {
        FetchRecord::Fetch { outcome, .. } => outcome,
        record @ FetchRecord::Refused { .. } => panic!("{record:?}"),
    }
}
