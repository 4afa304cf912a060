//! Who the peer has to be, proved by its certificate: there is no way around it.

use std::{io::Write, sync::Arc};

use lattice_host::egress::{Egress, EgressError, EgressSettings};
use lattice_policies::{
    Code,
    egress::{EgressPolicy, FetchLimits},
};
use tempfile::NamedTempFile;
use tokio::sync::mpsc;
use tokio_rustls::rustls::ServerConfig;

use crate::{
    certificates::{Authority, only_tls12, self_signed_server},
    network::FakeNetwork,
    peer::Peer,
    world::{ADDRESS, HOST, SECURE, World, assert_code, assert_ended, assert_failed, times},
};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

fn peer(config: Arc<ServerConfig>) -> Peer {
    Peer::tls(config, |stream, _| stream.write_all(OK).unwrap_or_default())
}

#[test]
fn a_peer_with_a_certificate_for_its_name_is_believed() {
    let authority = Authority::new();
    for config in [
        authority.server(&[HOST], &[]),
        authority.server(&[HOST], &["http/1.1"]),
        only_tls12(&[HOST], &authority),
    ] {
        let peer = peer(config);
        let world = World::tls(&peer, &authority);
        let outcome = world.fetch("https://API.example.com/a?b");
        assert_eq!((outcome.status, &outcome.body[..]), (200, &b"hi"[..]));
        let [request] = &peer.requests()[..] else { panic!("one request") };
        assert_eq!(request.sni.as_deref(), Some(HOST));
        assert_eq!(request.header("host"), [HOST]);
        assert_eq!(request.line(), "GET /a?b HTTP/1.1");
        assert_eq!(world.network.dialled(), [format!("{ADDRESS}:443").parse().unwrap()]);
    }
}

/// A peer that shows this certificate gets no request.
#[track_caller]
fn assert_not_believed(authority: &Authority, config: Arc<ServerConfig>, why: &str) {
    let peer = peer(config);
    let world = World::tls(&peer, authority);
    let outcome = world.fetch(SECURE);
    assert_failed(&world, &outcome, "tls", why);
    peer.await_closed(1);
    assert_eq!(peer.requests().len(), 0, "not a byte of the request was sent");
    assert_eq!(peer.connections(), 1, "and nobody tried again");
}

#[test]
fn a_peer_with_another_certificate_is_not_believed() {
    let authority = Authority::new();
    let other = authority.server(&["example.com", "*.api.example.com", ADDRESS], &[]);
    assert_not_believed(&authority, other, "not valid for name");
    assert_not_believed(&authority, authority.expired_server(&[HOST]), "expired");
    assert_not_believed(&authority, self_signed_server(&[HOST]), "invalid peer certificate");
    let stranger = Authority::new();
    assert_not_believed(&authority, stranger.server(&[HOST], &[]), "invalid peer certificate");
}

#[test]
fn a_peer_that_speaks_no_tls_is_left() {
    let authority = Authority::new();
    let plain = Peer::acting(|_, _| panic!("a greeting of TLS is no request"));
    let world = World::tls(&plain, &authority);
    world.allow(&["api.example.com:443"], times(500, 60_000, 60_000));
    assert_code(&world.fetch(SECURE), Code::HttpTimeout);
    assert_ended(&world, "timeout", "lookup, connection and TLS took over 500 ms");
    plain.await_closed(1);
}

#[test]
fn an_address_is_checked_as_an_address_and_named_to_nobody() {
    let authority = Authority::new();
    let peer = peer(authority.server(&[ADDRESS], &[]));
    let world = World::tls(&peer, &authority);
    world.allow(&["93.184.216.34:443"], FetchLimits::default());
    assert_eq!(world.fetch("https://93.184.216.34/").status, 200);
    assert_eq!(peer.requests()[0].sni, None);
    assert_eq!(peer.requests()[0].header("host"), [ADDRESS]);
    assert!(world.network.looked_up().is_empty());

    // One for a name alone does not do.
    let named = Peer::tls(authority.server(&[HOST], &[]), |_, _| {});
    world.network.lead_to(named.address);
    assert_code(&world.fetch("https://93.184.216.34/"), Code::HttpFailed);
    named.await_closed(1);
    assert_eq!(named.requests().len(), 0);
}

#[test]
fn a_body_that_ends_without_a_word_of_tls_may_have_been_cut() {
    let authority = Authority::new();
    let peer = Peer::tls(authority.server(&[HOST], &[]), |stream, _| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\nhalf").unwrap();
        stream.flush().unwrap();
        stream.close();
    });
    let world = World::tls(&peer, &authority);
    let outcome = world.fetch(SECURE);
    assert_failed(&world, &outcome, "http", "");
}

#[test]
fn roots_that_cannot_be_used_are_named_at_the_start() {
    let mut empty = NamedTempFile::new().unwrap();
    writeln!(empty, "# no certificate").unwrap();
    let mut broken = NamedTempFile::new().unwrap();
    writeln!(broken, "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----").unwrap();
    let missing = empty.path().with_extension("missing");
    for path in [empty.path(), broken.path(), &missing] {
        let (records, _) = mpsc::channel(1);
        let network = Arc::new(FakeNetwork::default());
        let (policy, roots) = (EgressPolicy::default(), vec![path.to_owned()]);
        match Egress::start(EgressSettings { policy, roots, records, network }) {
            Err(EgressError::Roots { path: named, .. }) => assert_eq!(named, path),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("{path:?} was taken"),
        }
    }
}
