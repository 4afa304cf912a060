//! What a name comes to decides what is dialled: every answer is vetted, for every fetch.

use std::sync::Arc;

use lattice_policies::{
    Code,
    egress::{EgressPolicy, FetchLimits},
};
use tokio::sync::Notify;

use crate::{
    network::{Answer, addresses},
    peer::Peer,
    world::{HOST, PLAIN, World, assert_code, assert_ended, assert_failed, rules, times},
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

#[test]
fn an_answer_with_one_bad_address_is_refused_whole() {
    let peer = Peer::answering(OK);
    let world = World::plain(&peer);
    for (answer, why) in [
        ("127.0.0.1", "loopback"),
        ("169.254.169.254", "metadata"),
        ("93.184.216.34,127.0.0.1", "127.0.0.1 (loopback"),
        ("10.0.0.5,93.184.216.34", "private"),
        ("::ffff:10.0.0.1", "IPv4-mapped"),
        ("64:ff9b::a9fe:a9fe", "NAT64"),
        ("fd00:ec2::254", "metadata"),
    ] {
        world.network.answer(HOST, [addresses(answer)]);
        let outcome = world.fetch(PLAIN);
        assert_failed(&world, &outcome, "address", why);
    }
    world.network.answer(HOST, [Answer::Addresses(Vec::new())]);
    assert_failed(&world, &world.fetch(PLAIN), "address", "has no address");
    assert_eq!(world.network.dialled(), []);
    assert_eq!(peer.connections(), 0);
}

#[test]
fn a_name_that_changes_its_mind_is_vetted_again() {
    let peer = Peer::answering(OK);
    let world = World::plain(&peer);
    world.network.answer(HOST, [addresses("93.184.216.34"), addresses("127.0.0.1")]);
    assert_eq!(world.fetch(PLAIN).status, 200);
    assert_ended(&world, "ok", "");
    assert_failed(&world, &world.fetch(PLAIN), "address", "loopback");
    assert_eq!(world.network.looked_up(), [HOST, HOST], "once a fetch");
    assert_eq!(world.network.dialled(), ["93.184.216.34:80".parse().unwrap()]);
    assert_eq!(peer.connections(), 1);
}

#[test]
fn an_unknown_name_and_a_refused_connection_look_alike_to_the_guest() {
    let peer = Peer::answering(OK);
    let world = World::plain(&peer);
    world.network.answer(HOST, [Answer::NoSuchName]);
    let unknown = world.fetch(PLAIN);
    assert_failed(&world, &unknown, "lookup", "no such name");

    let nobody = { std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap() };
    world.network.lead_to(nobody);
    world.network.answer(HOST, [addresses("93.184.216.34,93.184.216.35")]);
    let closed = world.fetch(PLAIN);
    assert_failed(&world, &closed, "connect", "93.184.216.35:80: Connection refused");
    assert_eq!(unknown, closed);
    let dialled = ["93.184.216.34:80", "93.184.216.35:80"].map(|address| address.parse().unwrap());
    assert_eq!(world.network.dialled(), dialled, "each once, in their order");
}

#[test]
fn a_few_addresses_are_tried_and_no_more() {
    let peer = Peer::answering(OK);
    let world = World::plain(&peer);
    let nobody = { std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap() };
    world.network.lead_to(nobody);
    let many: Vec<_> = (1..100).map(|last| format!("93.184.216.{last}")).collect();
    world.network.answer(HOST, [addresses(&many.join(","))]);
    assert_failed(&world, &world.fetch(PLAIN), "connect", "93.184.216.4:80");
    assert_eq!(world.network.dialled().len(), 4);
}

#[test]
fn a_connection_that_does_not_come_is_given_up() {
    let world = World::new(EgressPolicy::default(), Vec::new(), 8);
    world.allow(&["http://api.example.com:80"], times(1_000, 60_000, 60_000));
    world.network.answer(HOST, [addresses("93.184.216.34,93.184.216.35")]);
    assert_code(&world.fetch(PLAIN), Code::HttpTimeout);
    assert_ended(&world, "timeout", "lookup, connection and TLS took over 1000 ms");
    assert_eq!(world.network.dialled().len(), 2, "the first one left time for the second");
}

#[test]
fn a_lookup_that_hangs_keeps_its_places_until_it_ends() {
    let peer = Peer::answering(OK);
    let limits = FetchLimits { in_flight: 1, ..times(50, 60_000, 60_000) };
    let world = World::with_limits(&peer, limits);
    let let_go = Arc::new(Notify::new());
    let hangs = Answer::Hangs(Arc::clone(&let_go));
    world.network.answer(HOST, [hangs, addresses("93.184.216.34")]);
    assert_code(&world.fetch(PLAIN), Code::HttpTimeout);
    assert_ended(&world, "timeout", "");

    let patient = FetchLimits { in_flight: 1, ..FetchLimits::default() };
    world.egress.set(world.gate.game(), 2, rules(&["http://api.example.com:80"], patient));
    let next = world.get(PLAIN);
    let figures = world.figures();
    assert_eq!((figures.in_flight, figures.waiting), (1, 1), "the lookup holds the one place");
    assert_eq!(world.network.looked_up().len(), 1);
    let_go.notify_one();
    assert_eq!(next.outcome().status, 200);
}

#[test]
fn a_bug_in_a_lookup_is_a_failed_fetch() {
    let peer = Peer::answering(OK);
    let world = World::plain(&peer);
    world.network.answer(HOST, [Answer::Panics, addresses("93.184.216.34")]);
    assert_failed(&world, &world.fetch(PLAIN), "lookup", "panic");
    assert_eq!(world.fetch(PLAIN).status, 200, "and the next one is none the worse");
}

#[test]
fn a_bug_in_the_fetcher_is_a_failed_fetch() {
    let peer = Peer::answering(OK);
    let world = World::plain(&peer);
    world.network.break_connections(true);
    assert_failed(&world, &world.fetch(PLAIN), "fault", "a panic");
    world.network.break_connections(false);
    assert_eq!(world.fetch(PLAIN).status, 200, "and the next one is none the worse");
    assert_eq!(world.figures().in_flight, 0);
}

#[test]
fn an_address_in_the_url_is_vetted_and_never_looked_up() {
    let peer = Peer::answering(OK);
    let world = World::plain(&peer);
    world.allow(&["http://127.0.0.1:9000", "http://93.184.216.34:80"], FetchLimits::default());
    assert_eq!(world.fetch("http://93.184.216.34/").status, 200);
    assert_ended(&world, "ok", "");
    let listed = world.fetch("http://127.0.0.1:9000/");
    assert_failed(&world, &listed, "address", "allow_private");
    assert!(world.network.looked_up().is_empty());
    assert_eq!(peer.connections(), 1);
}
