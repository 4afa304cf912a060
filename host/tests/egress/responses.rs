//! What reaches the peer, and what the sim gets of what the peer answers.

use lattice_policies::egress::{FetchLimits, Method};

use crate::{
    peer::Peer,
    world::{PLAIN, World, assert_ended, game, submit},
};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

#[test]
fn a_request_arrives_as_it_was_permitted_and_its_response_comes_back() {
    let peer = Peer::answering(
        "HTTP/1.1 201 Made\r\nContent-Type: text/plain\r\nX-Twice: 1\r\nX-Twice: 2\r\nContent-Length: 2\r\n\r\nhi",
    );
    let world = World::plain(&peer);
    let headers = "Accept: text/plain\nX-Score:  9 \n";
    let url = "http://API.example.com/a/b?c=[d]#e";
    let permit = world.decide(Method::Post, url, headers, b"body").unwrap();
    let sent = submit(&world.gate, 1, permit);
    let outcome = sent.outcome();

    assert_eq!(outcome.status, 201);
    let lines = "content-type: text/plain\nx-twice: 1\nx-twice: 2\ncontent-length: 2\n";
    assert_eq!(outcome.headers, lines);
    assert_eq!(outcome.body, "hi");
    let [request] = &peer.requests()[..] else { panic!("one request") };
    assert_eq!(request.line(), "POST /a/b?c=[d] HTTP/1.1");
    assert_eq!(request.header("host"), ["api.example.com"]);
    assert_eq!(request.header("accept"), ["text/plain"]);
    assert_eq!(request.header("x-score"), ["9"]);
    assert_eq!(request.header("x-lattice-game"), [game(1).as_str()]);
    assert_eq!(request.header("accept-encoding"), ["identity"]);
    assert_eq!(request.header("user-agent"), ["lattice-managed"]);
    assert_eq!(request.header("connection"), ["close"]);
    assert_eq!(request.header("content-length"), ["4"]);
    assert_eq!(request.head.lines().count(), 10, "nothing else: {}", request.head);
    assert_eq!(request.body, b"body");
    assert_eq!(world.network.dialled(), ["93.184.216.34:80".parse().unwrap()]);
    peer.await_closed(1);
}

#[test]
fn a_guest_may_name_itself_and_an_empty_post_says_that_it_is_empty() {
    let peer = Peer::answering(OK);
    let world = World::plain(&peer);
    let permit = world.decide(Method::Post, PLAIN, "User-Agent: mine\n", b"").unwrap();
    assert_eq!(submit(&world.gate, 1, permit).outcome().status, 200);
    assert_eq!(world.fetch(PLAIN).status, 200);
    let [post, get] = &peer.requests()[..] else { panic!("two requests") };
    assert_eq!(post.header("user-agent"), ["mine"]);
    assert_eq!(post.header("content-length"), ["0"]);
    assert!(get.header("content-length").is_empty());
}

#[test]
fn another_port_is_part_of_the_host() {
    let peer = Peer::answering(OK);
    let world = World::plain(&peer);
    world.allow(&["http://api.example.com:8080"], FetchLimits::default());
    assert_eq!(world.fetch("http://api.example.com:8080/").status, 200);
    assert_eq!(peer.requests()[0].header("host"), ["api.example.com:8080"]);
    assert_eq!(world.network.dialled(), ["93.184.216.34:8080".parse().unwrap()]);
}

#[test]
fn an_ipv6_address_stands_in_brackets() {
    let peer = Peer::answering(OK);
    let world = World::plain(&peer);
    world.allow(&["http://[2606:4700::1111]:80"], FetchLimits::default());
    assert_eq!(world.fetch("http://[2606:4700::1111]/").status, 200);
    assert_eq!(peer.requests()[0].header("host"), ["[2606:4700::1111]"]);
    assert_eq!(world.network.dialled(), ["[2606:4700::1111]:80".parse().unwrap()]);
}

#[test]
fn a_redirect_is_handed_over_and_not_followed() {
    let peer = Peer::answering(
        "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n",
    );
    let world = World::plain(&peer);
    let outcome = world.fetch(PLAIN);
    assert_eq!(outcome.status, 302);
    assert_eq!(outcome.headers, "location: http://169.254.169.254/\ncontent-length: 0\n");
    peer.await_closed(1);
    assert_eq!(peer.connections(), 1);
    assert_eq!(world.network.dialled(), ["93.184.216.34:80".parse().unwrap()]);
}

#[test]
fn what_concerns_the_connection_is_left_out() {
    let peer = Peer::answering(
        "HTTP/1.1 200 OK\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n\
         Proxy-Authenticate: Basic\r\nTransfer-Encoding: chunked\r\nTrailer: X-Late\r\nUpgrade: h2c\r\n\
         Set-Cookie: a=b\r\n\r\n2\r\nhi\r\n0\r\nX-Late: 1\r\n\r\n",
    );
    let world = World::plain(&peer);
    let outcome = world.fetch(PLAIN);
    assert_eq!((outcome.status, &outcome.body[..]), (200, &b"hi"[..]));
    assert_eq!(outcome.headers, "set-cookie: a=b\n");
    // No jar keeps the cookie.
    world.fetch(PLAIN);
    assert!(peer.requests()[1].header("cookie").is_empty());
}

#[test]
fn a_compressed_body_is_not_decoded() {
    let peer = Peer::answering(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\u{1f}bom",
    );
    let world = World::plain(&peer);
    let outcome = world.fetch(PLAIN);
    assert_eq!(outcome.headers, "content-encoding: gzip\ncontent-length: 4\n");
    assert_eq!(outcome.body, "\u{1f}bom");
}

#[test]
fn a_length_without_a_body_is_no_body() {
    let peer = Peer::answering("HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n");
    let world = World::plain(&peer);
    let permit = world.decide(Method::Head, PLAIN, "", b"").unwrap();
    let outcome = submit(&world.gate, 1, permit).outcome();
    assert_eq!((outcome.status, outcome.body.len()), (200, 0));
    assert_eq!(outcome.headers, "content-length: 10737418240\n");

    let peer = Peer::answering("HTTP/1.1 304 Not Modified\r\nContent-Length: 10737418240\r\n\r\n");
    world.network.lead_to(peer.address);
    let outcome = world.fetch(PLAIN);
    assert_eq!((outcome.status, outcome.body.len()), (304, 0));
}

#[test]
fn a_body_may_end_with_its_connection() {
    let peer = Peer::acting(|stream, _| {
        stream.write_all(b"HTTP/1.0 200 OK\r\nServer: old\r\n\r\nall of it").unwrap();
        stream.flush().unwrap();
        stream.close();
    });
    let world = World::plain(&peer);
    let outcome = world.fetch(PLAIN);
    assert_eq!((outcome.status, &outcome.body[..]), (200, &b"all of it"[..]));
    assert_ended(&world, "ok", "");
}

#[test]
fn eight_informational_responses_are_skipped() {
    let hint = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n".repeat(8);
    let peer = Peer::acting(move |stream, _| {
        stream.write_all(format!("{hint}{OK}").as_bytes()).unwrap();
    });
    let world = World::plain(&peer);
    let outcome = world.fetch(PLAIN);
    assert_eq!((outcome.status, &outcome.headers[..]), (200, &b"content-length: 2\n"[..]));
}

#[test]
fn a_response_may_be_exactly_as_large_as_its_limits() {
    let body = "x".repeat(1 << 20);
    let headers = "x-a: b\r\n".repeat(99);
    let head = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    let peer = Peer::acting(move |stream, _| {
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    });
    let world = World::plain(&peer);
    let outcome = world.fetch(PLAIN);
    assert_eq!((outcome.status, outcome.body.len()), (200, 1 << 20));
    assert_eq!(outcome.headers.split(|byte| *byte == b'\n').count() - 1, 100);
}
