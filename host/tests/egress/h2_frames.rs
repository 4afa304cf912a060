//! Peers that speak HTTP/2 frame by frame, so that they can do what no library lets them
//! (RFC 9113; header blocks by RFC 7541, uncompressed or by the static table).

use std::io;

use crate::{
    certificates::Authority,
    peer::{Peer, Request, Stream},
    world::{HOST, SECURE, World, assert_failed},
};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const PING: u8 = 6;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// `:status: 200`, the eighth entry of the static table.
const STATUS_200: &[u8] = &[0x88];
/// `:status: 103`, spelt out.
const STATUS_103: &[u8] = b"\x08\x03103";

/// A peer that takes a request's frames and then writes its own.
pub fn peer(
    authority: &Authority,
    act: impl Fn(&mut dyn Stream) -> io::Result<()> + Send + Sync + 'static,
) -> Peer {
    named_peer(authority, &[HOST], act)
}

/// The same with a certificate for these names.
pub fn named_peer(
    authority: &Authority,
    names: &[&str],
    act: impl Fn(&mut dyn Stream) -> io::Result<()> + Send + Sync + 'static,
) -> Peer {
    let config = authority.server(names, &["h2"]);
    Peer::new(Some(config), read_request, move |stream, _| act(stream).unwrap_or_default())
}

/// A whole response without a body.
pub fn answer(stream: &mut dyn Stream) -> io::Result<()> {
    stream.write_all(&frame(HEADERS, END_HEADERS | END_STREAM, 1, STATUS_200))
}

/// Reads the preface and frames as far as a request's head.
fn read_request(stream: &mut dyn Stream) -> io::Result<Request> {
    let mut preface = [0; 24];
    stream.read_exact(&mut preface)?;
    assert_eq!(&preface, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    stream.write_all(&frame(SETTINGS, 0, 0, &[]))?;
    stream.flush()?;
    loop {
        let mut header = [0; 9];
        stream.read_exact(&mut header)?;
        let [high, middle, low, kind, ..] = header;
        let mut payload = vec![0; u32::from_be_bytes([0, high, middle, low]) as usize];
        stream.read_exact(&mut payload)?;
        if kind == HEADERS {
            return Ok(Request::default());
        }
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, high, middle, low] = (payload.len() as u32).to_be_bytes();
    let mut bytes = vec![high, middle, low, kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A header whose name and value are spelt out, each under 127 bytes.
fn header(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
    [vec![0], text(name), text(value)].concat()
}

/// A peer's frames come to a failure, and the record says how.
#[track_caller]
fn assert_refused(
    ending: &str,
    why: &str,
    act: impl Fn(&mut dyn Stream) -> io::Result<()> + Send + Sync + 'static,
) {
    let authority = Authority::new();
    let peer = peer(&authority, act);
    let world = World::tls(&peer, &authority);
    let outcome = world.fetch(SECURE);
    assert_failed(&world, &outcome, ending, why);
    peer.await_closed(1);
    assert_eq!(peer.connections(), 1, "there is no second attempt");
}

#[test]
fn frames_that_are_a_response_are_one() {
    let authority = Authority::new();
    let peer = peer(&authority, |stream| {
        for _ in 0..8 {
            stream.write_all(&frame(HEADERS, END_HEADERS, 1, STATUS_103))?;
        }
        let head = [STATUS_200, &header("x-a", "b")].concat();
        stream.write_all(&frame(HEADERS, END_HEADERS, 1, &head))?;
        stream.write_all(&frame(DATA, 0, 1, b"hi"))?;
        stream.write_all(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &header("x-late", "c")))
    });
    let world = World::tls(&peer, &authority);
    let outcome = world.fetch(SECURE);
    assert_eq!((outcome.status, &outcome.body[..]), (200, &b"hi"[..]));
    assert_eq!(outcome.headers, "x-a: b\n", "trailers are dropped");
    peer.await_closed(1);
}

#[test]
fn a_flood_of_informational_responses_is_cut() {
    assert_refused("limit", "more than 8 informational responses", |stream| {
        loop {
            stream.write_all(&frame(HEADERS, END_HEADERS, 1, STATUS_103))?;
        }
    });
}

#[test]
fn a_flood_of_control_frames_is_cut() {
    assert_refused("limit", "bytes came on the connection", |stream| {
        loop {
            stream.write_all(&frame(PING, 1, 0, &[0; 8]).repeat(1_000))?;
        }
    });
}

#[test]
fn an_endless_head_is_cut() {
    assert_refused("http", "", |stream| {
        stream.write_all(&frame(HEADERS, 0, 1, STATUS_200))?;
        let more = header("x-a", &"b".repeat(100)).repeat(100);
        loop {
            stream.write_all(&frame(CONTINUATION, 0, 1, &more))?;
        }
    });
}

#[test]
fn too_large_a_head_is_refused() {
    // 400 lines of a hundred bytes.
    assert_refused("http", "", |stream| {
        let head = [STATUS_200, &header("x-a", &"b".repeat(95)).repeat(100)].concat();
        let more = header("x-a", &"b".repeat(95)).repeat(150);
        stream.write_all(&frame(HEADERS, 0, 1, &head))?;
        stream.write_all(&frame(CONTINUATION, 0, 1, &more))?;
        stream.write_all(&frame(CONTINUATION, END_HEADERS, 1, &more))
    });
    // 101 short ones, within the bytes.
    assert_refused("limit", "the head is over 32768 bytes or 100 headers", |stream| {
        let head = [STATUS_200, &header("x-a", "b").repeat(101)].concat();
        stream.write_all(&frame(HEADERS, END_HEADERS, 1, &head))
    });
}

#[test]
fn an_endless_body_is_cut() {
    assert_refused("limit", "the body is over 1048576 bytes", |stream| {
        let length = [STATUS_200, &header("content-length", "10737418240")].concat();
        stream.write_all(&frame(HEADERS, END_HEADERS, 1, &length))
    });
    assert_refused("http", "", |stream| {
        stream.write_all(&frame(HEADERS, END_HEADERS, 1, STATUS_200))?;
        // Padding alone: no byte of it is the body's.
        let padding = [&[255], &[0; 255][..]].concat();
        loop {
            stream.write_all(&frame(DATA, 8, 1, &padding))?;
        }
    });
}

#[test]
fn what_is_no_response_is_none() {
    assert_refused("http", "", |stream| {
        stream.write_all(&frame(HEADERS, END_HEADERS, 1, STATUS_200))?;
        stream.write_all(&frame(DATA, 0, 1, b"half"))?;
        stream.flush()?;
        stream.close();
        Ok(())
    });
    // A length that is not the body's.
    assert_refused("http", "", |stream| {
        let head = [STATUS_200, &header("content-length", "2")].concat();
        stream.write_all(&frame(HEADERS, END_HEADERS, 1, &head))?;
        stream.write_all(&frame(DATA, END_STREAM, 1, b"three"))
    });
    // A second response on a stream that nobody opened.
    assert_refused("http", "", |stream| {
        stream.write_all(&frame(HEADERS, END_HEADERS, 2, STATUS_200))
    });
    // A promise of what nobody asked for.
    assert_refused("http", "", |stream| {
        let promise = [&[0, 0, 0, 2], STATUS_200].concat();
        stream.write_all(&frame(PUSH_PROMISE, END_HEADERS, 1, &promise))
    });
    assert_refused("http", "", |stream| stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n"));
    // A header that is no header of HTTP/2.
    assert_refused("http", "", |stream| {
        let head = [STATUS_200, &header("transfer-encoding", "chunked")].concat();
        stream.write_all(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &head))
    });
    assert_refused("http", "", |stream| {
        stream.write_all(&frame(HEADERS, END_HEADERS | END_STREAM, 1, b"\x08\x03101"))
    });
}
