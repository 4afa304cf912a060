//! The table of cases, end to end: each verdict holds, and what is denied reaches no socket.

use std::{
    io::Write,
    net::TcpListener,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use lattice_policies::{
    Code,
    egress::{EgressPolicy, FetchLimits, Method},
};

use crate::{
    certificates::{Authority, self_signed_server},
    h2_frames,
    network::addresses,
    peer::{Peer, Stream},
    table::{Case, answers, cases, row},
    world::{SECURE, World, rules, submit},
};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
/// The hosts of the table that may ever be reached.
const HOSTS: [&str; 2] = ["api.example.com", "xn--bcher-kva.example"];

/// A world for a row whose peer acts so.
fn world(case: &Case, authority: &Authority, peer: &Peer) -> World {
    let roots = vec![authority.file.path().to_owned()];
    let world = World::new(EgressPolicy::default(), roots, 64);
    let allow: Vec<&str> = case.allow.iter().map(String::as_str).collect();
    world.allow(&allow, FetchLimits::default());
    world.network.lead_to(peer.address);
    if let Some((name, words)) = case.dns.split_once('=') {
        world.network.answer(name, answers(words));
    }
    world
}

/// Sends the row's request; what the guest gets is a status or a code.
fn ask(world: &World, case: &Case) -> i32 {
    let Some(method) = Method::named(&case.method) else { return Code::HttpBadRequest.value() };
    match world.decide(method, &case.url, &case.headers, b"") {
        Err(refusal) => refusal.code().value(),
        Ok(permit) => submit(&world.gate, 1, permit).outcome().status,
    }
}

fn answering(authority: &Authority, response: &'static [u8]) -> Peer {
    let config = authority.server(&HOSTS, &[]);
    Peer::tls(config, move |stream, _| stream.write_all(response).unwrap_or_default())
}

#[test]
fn what_is_denied_reaches_no_socket_and_what_is_allowed_arrives() {
    let authority = Authority::new();
    let mut seen = [0; 4];
    for case in &cases() {
        let peer = answering(&authority, OK);
        let world = world(case, &authority, &peer);
        match case.verdict.as_str() {
            // Has a test of its own, as those of the limits have.
            "DENY" if case.kind == "conn" => {}
            "DENY" => {
                seen[0] += 1;
                assert!(ask(&world, case) < 0, "{case:?}");
                assert_eq!(peer.connections(), 0, "{case:?}");
                assert_eq!(world.network.dialled(), [], "{case:?}");
            }
            "ALLOW" | "STRIP" => {
                seen[1] += 1;
                assert_eq!(ask(&world, case), 200, "{case:?}");
                assert_arrived(case, &world, &peer);
            }
            "DENY-2ND" => {
                seen[2] += 1;
                assert_eq!(ask(&world, case), 200, "{case:?}");
                assert_eq!(ask(&world, case), Code::HttpFailed.value(), "{case:?}");
                assert_eq!(peer.connections(), 1, "{case:?}");
            }
            "NO-FOLLOW" | "LIMIT" => seen[3] += 1,
            verdict => panic!("a verdict that is not known: {verdict}"),
        }
    }
    assert!(seen.iter().all(|count| *count > 0), "{seen:?}");
}

/// The one request is as the row words it, and went to the one address that was looked up.
#[track_caller]
fn assert_arrived(case: &Case, world: &World, peer: &Peer) {
    let (_, rest) = case.url.split_once("://").unwrap();
    let (authority, path) = rest.split_once('/').unwrap();
    let host = authority.split(':').next().unwrap().to_lowercase();
    let [request] = &peer.requests()[..] else { panic!("{case:?}") };
    assert_eq!(request.line(), format!("{} /{path} HTTP/1.1", case.method), "{case:?}");
    assert_eq!(request.header("host"), [&host], "{case:?}");
    assert_eq!(request.sni.as_deref(), Some(&host[..]), "{case:?}");
    assert_eq!(request.header("accept-encoding"), ["identity"], "{case:?}");
    let kept = if case.verdict == "STRIP" { "" } else { case.headers.trim_end() };
    for line in kept.lines() {
        let (name, value) = line.split_once(": ").unwrap();
        assert_eq!(request.header(&name.to_lowercase()), [value], "{case:?}");
    }
    let (_, address) = case.dns.split_once('=').unwrap();
    let dialled = format!("{address}:443").parse().unwrap();
    assert_eq!(world.network.dialled(), [dialled], "{case:?}");
    assert_eq!(world.network.looked_up(), [host], "{case:?}");
}

#[test]
fn a_redirect_is_not_followed() {
    let authority = Authority::new();
    let case = row("E110", "redirect");
    let peer = answering(
        &authority,
        b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n",
    );
    let world = world(&case, &authority, &peer);
    assert_eq!(ask(&world, &case), 302);
    peer.await_closed(1);
    assert_eq!((peer.connections(), world.network.dialled().len()), (1, 1));
}

#[test]
fn a_certificate_that_is_not_good_for_the_host_ends_it() {
    let authority = Authority::new();
    let case = row("E151", "tls");
    for config in [
        authority.server(&["example.com"], &[]),
        authority.expired_server(&HOSTS),
        self_signed_server(&HOSTS),
    ] {
        let peer = Peer::tls(config, |_, _| {});
        let world = world(&case, &authority, &peer);
        assert_eq!(ask(&world, &case), Code::HttpFailed.value());
        peer.await_closed(1);
        assert_eq!((peer.connections(), peer.requests().len()), (1, 0));
    }
}

#[test]
fn a_connection_to_one_host_carries_no_request_for_another() {
    let authority = Authority::new();
    let case = row("E152", "conn");
    // One address, a certificate for all, and HTTP/2: a browser would use its connection again.
    let names = [HOSTS[0], HOSTS[1], "evil.test"];
    let peer = h2_frames::named_peer(&authority, &names, h2_frames::answer);
    let world = world(&case, &authority, &peer);
    world.network.answer(HOSTS[1], [addresses("93.184.216.34")]);
    assert_eq!(ask(&world, &case), 200);
    assert!(world.decide(Method::Get, "https://evil.test/", "", b"").is_err());
    assert_eq!(peer.connections(), 1, "denied, with a connection at hand");
    assert_eq!(world.fetch("https://xn--bcher-kva.example/").status, 200);
    assert_eq!(world.fetch(SECURE).status, 200);
    let names: Vec<_> = peer.requests().into_iter().filter_map(|request| request.sni).collect();
    assert_eq!(names, [HOSTS[0], HOSTS[1], HOSTS[0]], "a connection each, for its own name");
}

/// Begun, then cut: the guest gets a code, and the connection is dropped.
#[track_caller]
fn assert_cut(id: &str, act: impl Fn(&mut dyn Stream) + Send + Sync + 'static) {
    let authority = Authority::new();
    let case = row(id, "limit");
    let peer = Peer::tls(authority.server(&HOSTS, &[]), move |stream, _| act(stream));
    let world = world(&case, &authority, &peer);
    assert_eq!(ask(&world, &case), Code::HttpFailed.value());
    peer.await_closed(1);
    assert_eq!(peer.connections(), 1);
}

#[test]
fn what_is_over_a_limit_is_cut() {
    assert_cut("E154", |stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 1 << 12]).is_ok() {}
    });
    assert_cut("E154", |stream| {
        let length = b"HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n";
        stream.write_all(length).unwrap_or_default();
    });
    assert_cut("E155", |stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        let line = format!("X: {}\r\n", "x".repeat(100));
        let _ = (0..10_000).try_for_each(|_| stream.write_all(line.as_bytes()));
    });
    assert_cut("E157", |stream| {
        let hints = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1_000);
        let _ = stream.write_all(hints.as_bytes()).and_then(|()| stream.write_all(OK));
    });
}

#[test]
fn a_compressed_body_counts_as_the_bytes_that_came() {
    let authority = Authority::new();
    let case = row("E158", "limit");
    let peer = answering(
        &authority,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00",
    );
    let world = world(&case, &authority, &peer);
    assert_eq!(ask(&world, &case), 200);
    let outcome = world.fetch(SECURE);
    assert_eq!(outcome.body, &b"\x1f\x8b\x08\x00"[..]);
}

#[test]
fn a_denied_request_takes_no_token_and_waits_for_none() {
    let authority = Authority::new();
    let case = row("E160", "rate");
    let peer = answering(&authority, OK);
    let world = world(&case, &authority, &peer);
    let allow: Vec<&str> = case.allow.iter().map(String::as_str).collect();
    let limits = FetchLimits { requests_per_second: 1, burst: 2, ..FetchLimits::default() };
    world.egress.set(world.gate.game(), 2, rules(&allow, limits));
    assert_eq!(ask(&world, &case), Code::HttpNotAllowed.value());
    let sent = [world.get(SECURE), world.get(SECURE)];
    assert_eq!(world.figures().waiting, 0, "both tokens were there");
    let waits = world.get(SECURE);
    assert_eq!(world.figures().waiting, 1);
    assert_eq!(ask(&world, &case), Code::HttpNotAllowed.value());
    assert_eq!(world.figures().waiting, 1, "the answer came while the bucket was empty");
    assert!(sent.iter().chain([&waits]).all(|sent| sent.outcome().status == 200));
}

#[test]
fn fetches_over_the_places_of_a_game_wait_and_then_are_refused() {
    let authority = Authority::new();
    let case = row("E161", "rate");
    let peer = Peer::tls(authority.server(&HOSTS, &[]), |_, _| {});
    let world = world(&case, &authority, &peer);
    let sent: Vec<_> = (0..40).map(|_| world.get(&case.url)).collect();
    assert_eq!(ask(&world, &case), Code::HttpRateLimited.value());
    peer.await_requests(8);
    assert_eq!((world.figures().in_flight, peer.connections()), (8, 8));
    drop(sent);
}

#[test]
fn proxies_of_the_environment_are_ignored() {
    row("E149", "env");
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", proxy.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in proxy.incoming() {
            count.fetch_add(1, SeqCst);
            let _ = stream.unwrap().write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n");
        }
    });
    let names =
        ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];
    let table = "cases::what_is_denied_reaches_no_socket_and_what_is_allowed_arrives";
    let again = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", table])
        .envs(names.map(|name| (name, &url)))
        .env("NO_PROXY", "")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success() && said.contains("1 passed"), "{said}");
    assert_eq!(asked.load(SeqCst), 0);
}
