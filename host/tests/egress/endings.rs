//! Peers that misbehave over HTTP/1.1: the guest gets a code, the operator the reason, and the
//! connection is dropped.

use std::{
    convert::Infallible,
    io,
    sync::{Mutex, mpsc},
    thread,
    time::Duration,
};

use lattice_policies::{
    Code,
    egress::{FetchLimits, Method},
};

use crate::{
    peer::{Peer, Stream, read_head},
    world::{PLAIN, World, assert_code, assert_ended, assert_failed, submit, times},
};

/// A fetch from a peer that acts so fails, and the record says how.
#[track_caller]
fn assert_refused(
    ending: &str,
    why: &str,
    act: impl Fn(&mut dyn Stream) -> io::Result<()> + Send + Sync + 'static,
) {
    let peer = Peer::acting(move |stream, _| act(stream).unwrap_or_default());
    let world = World::plain(&peer);
    let outcome = world.fetch(PLAIN);
    assert_failed(&world, &outcome, ending, why);
    peer.await_closed(1);
    assert_eq!(peer.connections(), 1, "there is no second attempt");
}

/// The same for a peer that answers with this and then waits.
#[track_caller]
fn assert_bad(response: &'static str, ending: &str, why: &str) {
    assert_refused(ending, why, move |stream| stream.write_all(response.as_bytes()));
}

/// Writes until the other side has had enough.
fn write_forever(stream: &mut dyn Stream, bytes: &[u8]) -> io::Result<()> {
    loop {
        stream.write_all(bytes)?;
    }
}

#[test]
fn an_endless_body_is_cut() {
    assert_refused("limit", "the body is over 1048576 bytes", |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
        write_forever(stream, &[b'x'; 1 << 12])
    });
    assert_refused("limit", "the body is over 1048576 bytes", |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        write_forever(stream, b"4\r\nbomb\r\n")
    });
}

#[test]
fn a_length_over_the_limit_is_refused_before_a_byte_of_the_body_is_there() {
    let length = "HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n";
    assert_bad(length, "limit", "the body is over 1048576 bytes");
    let most = "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n";
    assert_bad(most, "limit", "the body is over 1048576 bytes");
}

#[test]
fn too_large_a_head_is_cut() {
    assert_refused("limit", "the head is over 32768 bytes", |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nX: ")?;
        write_forever(stream, &[b'x'; 1 << 12])
    });
    assert_refused("limit", "the head is over 32768 bytes", |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
        (0..10_000).try_for_each(|number| write!(stream, "x-{number}: y\r\n"))?;
        stream.write_all(b"Content-Length: 0\r\n\r\n")
    });
    assert_refused("limit", "the head is over 32768 bytes or 100 headers", |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
        (0..101).try_for_each(|number| write!(stream, "x-{number}: y\r\n"))?;
        stream.write_all(b"\r\n")
    });
}

#[test]
fn a_flood_of_informational_responses_is_cut() {
    assert_refused("limit", "more than 8 informational responses", |stream| {
        stream.write_all("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(9).as_bytes())?;
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    });
    assert_refused("limit", "more than 8 informational responses", |stream| {
        write_forever(stream, b"HTTP/1.1 100 Continue\r\n\r\n")
    });
}

#[test]
fn framing_that_never_comes_to_an_end_is_cut() {
    assert_refused("http", "", |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;")?;
        write_forever(stream, &[b'x'; 1 << 12])
    });
    assert_refused("http", "", |stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")?;
        write_forever(stream, b"X-Trailer: x\r\n")
    });
}

#[test]
fn a_peer_that_closes_early_has_not_answered() {
    for part in [
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
        "HTTP/1.1 103 Early Hints\r\n\r\n",
    ] {
        assert_refused("http", "", move |stream| {
            stream.write_all(part.as_bytes())?;
            stream.close();
            Ok(())
        });
    }
}

#[test]
fn more_than_one_response_is_none() {
    let one = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
    assert_refused("http", "", move |stream| stream.write_all(one.repeat(2).as_bytes()));
    assert_bad("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "http", "");
    assert_bad("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi there", "http", "");
}

#[test]
fn a_response_that_two_programs_could_read_in_two_ways_is_none() {
    for (response, why) in [
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhi\r\n", ""),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nhi\r\n0\r\n\r\n", ""),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nhi\r\n", ""),
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!", ""),
        ("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nhi", ""),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            "a length and a transfer coding",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
            "a transfer coding that nobody asked for",
        ),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nhi",
            "a transfer coding that nobody asked for",
        ),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", ""),
        ("HTTP/1.1 200 OK\r\nX : 1\r\nContent-Length: 2\r\n\r\nhi", ""),
        ("HTTP/1.1 200 OK\r\nX: 1\r\n folded\r\nContent-Length: 2\r\n\r\nhi", ""),
        ("HTTP/1.1 200 OK\r\nX: 1\0\r\nContent-Length: 2\r\n\r\nhi", ""),
        ("HTTP/1.1 200 OK\r\nX: 1\rY: 2\r\nContent-Length: 2\r\n\r\nhi", ""),
        ("HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nhi", ""),
        ("HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", ""),
        ("hi, this is no HTTP\r\n\r\n", ""),
        ("SSH-2.0-OpenSSH_9.2p1\r\n", ""),
    ] {
        assert_bad(response, "http", why);
    }
}

#[test]
fn another_protocol_is_not_spoken() {
    let upgrade =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    assert_bad(upgrade, "http", "the peer wants to speak another protocol");
}

/// A fetch within these limits is over for its time, and the record says which.
#[track_caller]
fn assert_late(limits: FetchLimits, why: &str, peer: &Peer) {
    let world = World::with_limits(peer, limits);
    assert_code(&world.fetch(PLAIN), Code::HttpTimeout);
    assert_ended(&world, "timeout", why);
    peer.await_closed(1);
}

#[test]
fn a_peer_that_does_not_answer_in_time_is_left() {
    assert_late(
        times(60_000, 500, 60_000),
        "the head of the response took over 500 ms",
        &Peer::silent(),
    );
    let half = Peer::answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhi");
    assert_late(times(60_000, 60_000, 500), "the whole fetch took over 500 ms", &half);
}

#[test]
fn a_slow_drip_is_cut_by_the_time_for_the_whole() {
    let drip = Peer::acting(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    assert_late(times(60_000, 60_000, 500), "the whole fetch took over 500 ms", &drip);
    let of_headers = Peer::acting(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nX: ");
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(20));
        }
    });
    assert_late(
        times(60_000, 500, 60_000),
        "the head of the response took over 500 ms",
        &of_headers,
    );
}

#[test]
fn a_peer_may_answer_before_it_has_read_the_request() {
    let (_held, end) = mpsc::channel::<Infallible>();
    let end = Mutex::new(end);
    let peer = Peer::new(None, read_head, move |stream, _| {
        let answer = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno";
        stream.write_all(answer).unwrap();
        // Reads no byte of the body until the test has ended.
        let _ = end.lock().unwrap().recv();
    });
    let world = World::plain(&peer);
    let permit = world.decide(Method::Put, PLAIN, "", &vec![b'x'; 256 << 10]).unwrap();
    let outcome = submit(&world.gate, 1, permit).outcome();
    assert_eq!((outcome.status, &outcome.body[..]), (413, &b"no"[..]));
}
