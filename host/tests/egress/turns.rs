//! Whose turn it is: what those who wait get when others give up, when the limits change, and
//! when the host itself has no room.

use std::{thread, time::Duration};

use lattice_host::egress::FetchRecord;
use lattice_policies::{
    Code,
    egress::{EgressPolicy, FetchLimits},
};

use crate::{
    peer::{HANG, Peer},
    world::{PLAIN, Sent, World, assert_code, rules, times},
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
const ENTRY: &str = "http://api.example.com:80";

fn send(world: &World, count: usize) -> Vec<Sent> {
    (0..count).map(|_| world.get(PLAIN)).collect()
}

/// Waits until so many fetches hold a place, and so many wait.
fn await_figures(world: &World, in_flight: u64, waiting: u64) {
    const LOOK: Duration = Duration::from_millis(5);
    for _ in 0..HANG.as_millis() / LOOK.as_millis() {
        let figures = world.figures();
        if (figures.in_flight, figures.waiting) == (in_flight, waiting) {
            return;
        }
        thread::sleep(LOOK);
    }
    panic!("{:?} never became {in_flight} in flight and {waiting} waiting", world.figures());
}

#[test]
fn those_who_wait_for_a_token_get_it_though_others_give_up() {
    let peer = Peer::answering(OK);
    let limits = FetchLimits { requests_per_second: 20, burst: 1, ..FetchLimits::default() };
    let world = World::with_limits(&peer, limits);
    for _ in 0..10 {
        let gone = send(&world, 4);
        let last = world.get(PLAIN);
        // A match that ends drops all that it asked for at once.
        drop(gone);
        assert_eq!(last.outcome().status, 200);
    }
}

#[test]
fn fewer_places_hold_for_what_waits() {
    let peer = Peer::silent();
    let limits = FetchLimits { in_flight: 3, ..times(2_000, 60_000, 120_000) };
    let world = World::with_limits(&peer, limits);
    let mut hung = send(&world, 3);
    let _waiting = send(&world, 2);
    peer.await_requests(3);
    let fewer = FetchLimits { in_flight: 1, ..limits };
    world.egress.set(world.gate.game(), 2, rules(&[ENTRY], fewer));
    hung.pop();
    await_figures(&world, 2, 2);
    hung.pop();
    await_figures(&world, 1, 2);
    hung.pop();
    await_figures(&world, 1, 1);
    peer.await_requests(4);
}

#[test]
fn what_waits_too_long_for_the_audit_is_refused_and_counted() {
    let peer = Peer::answering(OK);
    let world = World::new(EgressPolicy::default(), Vec::new(), 1);
    world.network.lead_to(peer.address);
    world.allow(&[ENTRY], times(2_000, 2_000, 200));
    assert_eq!(world.fetch(PLAIN).status, 200);
    assert_code(&world.fetch(PLAIN), Code::HttpRateLimited);
    await_figures(&world, 0, 0);
    assert_eq!(peer.connections(), 1, "it never left");
    world.record();
    let records = world.end();
    let [FetchRecord::Refused { code, count, reason, .. }] = &records[..] else {
        panic!("{records:?}")
    };
    assert_eq!((*code, *count), (Code::HttpRateLimited, 1));
    assert!(reason.contains("host too busy"), "{reason}");
}

#[test]
fn a_record_keeps_the_beginning_of_a_long_path() {
    let peer = Peer::answering(OK);
    let world = World::plain(&peer);
    let path = "/p".repeat(2_000);
    assert_eq!(world.fetch(&format!("http://api.example.com{path}?q")).status, 200);
    let record = world.record();
    let FetchRecord::Fetch { url, .. } = &record else { panic!("{record:?}") };
    assert_eq!(*url, format!("{ENTRY}{}...?...", "/p".repeat(128)));
}
