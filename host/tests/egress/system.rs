//! The machine's own resolver and network, as far as loopback.

use std::sync::Arc;

use lattice_host::egress::{Egress, EgressSettings, Network, SystemNetwork};
use lattice_policies::{
    Code,
    egress::{EgressPolicy, Entry, GameEgress, HeaderLines, Method, Request, Rules, decide},
};
use tokio::sync::mpsc;

use crate::{
    peer::Peer,
    world::{game, submit},
};

#[test]
fn a_name_of_this_machine_is_reached_only_by_an_entry_that_allows_private_addresses() {
    let peer = Peer::answering("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    let (records, _audit) = mpsc::channel(8);
    let (policy, network) = (EgressPolicy::default(), Arc::new(SystemNetwork));
    let settings = EgressSettings { policy, roots: Vec::new(), records, network };
    let egress = Egress::start(settings).unwrap();
    let gate = egress.game(&game(1));
    let url = format!("http://localhost:{}/", peer.address.port());
    let fetch = |revision, allow_private| {
        let entry: Entry = url.trim_end_matches('/').parse().unwrap();
        let allow = vec![Entry { allow_private, ..entry }];
        let own = GameEgress { allow, ..GameEgress::default() };
        let rules = Rules::new(&EgressPolicy::default(), &own).unwrap();
        egress.set(&game(1), revision, rules.clone());
        let headers = HeaderLines::Block(b"");
        let request = Request { method: Method::Get, url: url.as_bytes(), headers, body: b"" };
        submit(&gate, 1, decide(&rules, &request).unwrap()).outcome()
    };
    assert_eq!(fetch(1, false).status, Code::HttpFailed.value());
    assert_eq!(peer.connections(), 0);
    assert_eq!(fetch(2, true).body, "hi");
    assert_eq!(peer.requests()[0].header("host"), [url[7..].trim_end_matches('/')]);
}

#[test]
fn a_name_that_nobody_has_is_an_error() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // A label of 64 letters is no name to any resolver.
    let lookup = SystemNetwork.resolve("a".repeat(64));
    assert!(runtime.block_on(lookup).is_err());
}
