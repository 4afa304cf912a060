//! Matches that fetch: one game floods, and neither its own ticks nor those of others, nor others'
//! fetches, wait for it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use lattice_host::{Action, MatchSpec, MatchStatus};
use lattice_policies::{
    GameId, MatchId,
    egress::{EgressPolicy, Entry, GameEgress, Rules},
};
use support::{TestHost, sim};

/// A sim that asks `times` times in each tick, and pulls what has come.
fn asking(to: SocketAddr, times: u32) -> String {
    let url = format!("http://{to}/");
    let module = sim(
        &format!(r#"(data (i32.const 64) "{url}")"#),
        &format!(
            "(local $asked i32)
             (loop $more (br_if $more
               (i32.gt_s (call $next (i32.const 1024) (i32.const 60000)) (i32.const 0))))
             (loop $ask
               (drop (call $request (i32.const 0) (i32.const 64) (i32.const {}) (i32.const 0)
                 (i32.const 0) (i32.const 0) (i32.const 0)))
               (local.set $asked (i32.add (local.get $asked) (i32.const 1)))
               (br_if $ask (i32.lt_u (local.get $asked) (i32.const {times}))))
             i32.const 0",
            url.len()
        ),
    );
    let imports = r#"(module
  (import "env" "lattice_ms_http_request"
    (func $request (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "lattice_ms_event_next" (func $next (param i32 i32) (result i32)))"#;
    module.replacen("(module", imports, 1)
}

/// A peer that takes connections; what it does with each is told by `act`.
fn peer(act: fn(TcpStream, &mut Vec<TcpStream>)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut held = Vec::new();
        listener.incoming().for_each(|stream| act(stream.unwrap(), &mut held));
    });
    address
}

fn silent() -> SocketAddr {
    peer(|stream, held| held.push(stream))
}

fn answering() -> SocketAddr {
    peer(|mut stream, _| {
        let _ = stream.read(&mut [0; 1_024]);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
    })
}

fn start(host: &TestHost, number: u8, wat: &str, to: Option<SocketAddr>) -> MatchId {
    let game = GameId::from_random([number; 10]);
    let entry = |to| {
        let entry: Entry = format!("http://{to}").parse().unwrap();
        Entry { allow_private: true, ..entry }
    };
    let allow = to.map(entry).into_iter().collect();
    let own = GameEgress { allow, requests_per_second: Some(1_000), ..GameEgress::default() };
    host.fleet.egress().set(&game, 1, Rules::new(&EgressPolicy::default(), &own).unwrap());
    let spec = MatchSpec { game, ..host.spec(&host.program(wat), 60) };
    let id = spec.id.clone();
    host.fleet.apply(Action::Start(spec)).unwrap();
    host.told.start_of(&id);
    id
}

fn status(host: &TestHost, id: &MatchId) -> MatchStatus {
    host.fleet.live(id).expect("it runs").status()
}

#[test]
fn a_flood_makes_no_tick_late_and_no_other_game_wait() {
    let host = TestHost::new();
    let (hung, served) = (silent(), answering());
    let flood = start(&host, 1, &asking(hung, 100), Some(hung));
    let other = start(&host, 2, &asking(served, 1), Some(served));
    let quiet = start(&host, 3, &sim("", "i32.const 0"), None);
    let is_done = || {
        let ran = |id| status(&host, id).ticks >= 240;
        ran(&flood) && ran(&other) && ran(&quiet) && status(&host, &other).fetches_sent > 100
    };
    while !is_done() {
        thread::sleep(Duration::from_millis(20));
    }
    let [flood, other, quiet] = [flood, other, quiet].map(|id| status(&host, &id));
    // The match's own count stops it: what it asks for beside is refused at once.
    assert_eq!((flood.fetches_sent, flood.fetches_in_flight), (8, 8), "{flood:?}");
    assert!(flood.fetches_refused >= 100 * 200, "{flood:?}");
    // A machine that is busy drops periods of all alike, the one that never fetches too.
    for fetching in [&flood, &other] {
        assert!(fetching.dropped_periods <= quiet.dropped_periods + 5, "{fetching:?} {quiet:?}");
    }
}
