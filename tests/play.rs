//! Players' sockets: who may open one, what travels, and why one is closed.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::{app::App, sims, socket::Socket};

async fn playing() -> (App, String, String) {
    let app = App::start().await;
    let (_, id) = app.running_match(&sims::puppet()).await;
    let token = app.make_player(&id, "ada").await;
    (app, id, token)
}

#[tokio::test]
async fn messages_go_both_ways_as_they_are() {
    let (app, id, token) = playing().await;
    let mut socket = Socket::open(&app, &id, &token).await;
    assert_eq!(socket.next().await, b"hello");
    let message: Vec<u8> = (0..=255).collect();
    socket.send(&message).await;
    assert_eq!(socket.next().await, message);
    let largest = vec![0; 64 << 10];
    socket.send(&largest).await;
    assert!(socket.next().await == largest);
}

#[tokio::test]
async fn a_token_may_travel_in_the_authorization_header() {
    let (app, id, token) = playing().await;
    let bearer = format!("Bearer {token}");
    let mut socket = Socket::open_with(&app, &id, &[("authorization", &bearer)]).await;
    assert_eq!(socket.next().await, b"hello");
}

#[tokio::test]
async fn who_has_no_token_of_this_match_gets_no_socket() {
    let (app, id, token) = playing().await;
    let (_, other) = app.running_match(&sims::puppet()).await;
    let bearer = |token: &str| format!("Bearer {token}");
    let wrong = [bearer("lap_AAAA"), bearer(&app.token), "Basic YTpi".into()];
    assert_eq!(Socket::refused(&app, &id, &[]).await, 401);
    for wrong in &wrong {
        assert_eq!(Socket::refused(&app, &id, &[("authorization", wrong)]).await, 401);
    }
    let mine = bearer(&token);
    assert_eq!(Socket::refused(&app, &other, &[("authorization", &mine)]).await, 401);
    let query = format!("{}?token={token}", "play");
    let path = format!("/matches/{id}/{query}");
    app.get(&path).token("").send().await.problem(401, "no-valid-token");
    assert_eq!(app.until(&id, |_| true).await["Players"], 0, "nobody joined");
}

#[tokio::test]
async fn a_page_of_another_origin_gets_no_socket_unless_it_is_allowed() {
    let app = App::with(r#"allowed_origins = ["https://play.example.org"]"#).await;
    let (_, id) = app.running_match(&sims::puppet()).await;
    let token = app.make_player(&id, "ada").await;
    let bearer = format!("Bearer {token}");
    let origin = |origin| [("authorization", bearer.as_str()), ("origin", origin)];
    for foreign in ["https://evil.example", "null", "https://play.example.org.evil.example"] {
        assert_eq!(Socket::refused(&app, &id, &origin(foreign)).await, 403, "{foreign}");
    }
    Socket::open_with(&app, &id, &origin("https://play.example.org")).await;
    Socket::open_with(&app, &id, &origin(&app.origin)).await;
}

#[tokio::test]
async fn a_plain_get_is_no_socket() {
    let (app, id, token) = playing().await;
    let answer = app.get(&format!("/matches/{id}/play")).token(&token).send().await;
    assert!(answer.problem(400, "bad-value").contains("WebSocket"));
}

#[tokio::test]
async fn a_text_frame_is_closed_as_unsupported() {
    let (app, id, token) = playing().await;
    let mut socket = Socket::open(&app, &id, &token).await;
    socket.try_send(Message::text("hello?")).await.unwrap();
    assert_eq!(socket.closed().await.0, 1003);
}

#[tokio::test]
async fn a_malformed_frame_is_closed_with_the_code_that_says_so() {
    let (app, id, token) = playing().await;
    let long_ping = [&[0x89, 0xfe, 1, 0, 0, 0, 0, 0][..], &[b'a'; 256]].concat();
    for (frame, code) in [
        (&long_ping[..], 1002),
        (&[0x82, 1, b'a'][..], 1002),            // not masked
        (&[0xf2, 0x81, 0, 0, 0, 0, b'a'], 1002), // reserved bits
        (&[0x83, 0x81, 0, 0, 0, 0, b'a'], 1002), // an opcode that is none
        (&[0x80, 0x81, 0, 0, 0, 0, b'a'], 1002), // continues nothing
        (&[0x81, 0x81, 0, 0, 0, 0, 0xff], 1007), // text that is not UTF-8
    ] {
        let mut socket = Socket::open(&app, &id, &token).await;
        socket.send_raw(frame).await;
        assert_eq!(socket.closed().await.0, code, "{frame:?}");
    }
}

#[tokio::test]
async fn a_link_names_the_host_that_the_request_named_over_http_2_too() {
    let (app, id, _) = playing().await;
    let own = app.origin.replace("127.0.0.1", "localhost");
    let client = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
    let request = Request::post(format!("{own}/matches/{id}/players"))
        .header("authorization", format!("Bearer {}", app.token))
        .header("content-type", "application/json")
        .body(Full::new(Bytes::from_static(b"{}")));
    let answer = client.request(request.unwrap()).await.unwrap();
    let made = answer.into_body().collect().await.unwrap().to_bytes();
    let made: serde_json::Value = serde_json::from_slice(&made).unwrap();
    let url = made["Url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{own}/play/{id}/#token=")), "{url}");
}

#[tokio::test]
async fn a_message_over_the_limit_is_closed_as_too_large_and_never_reaches_the_sim() {
    let (app, id, token) = playing().await;
    let mut socket = Socket::open(&app, &id, &token).await;
    assert_eq!(socket.next().await, b"hello");
    // The server may be gone before it has taken all of it.
    let _ = socket.try_send(Message::binary(vec![0; (64 << 10) + 1])).await;
    assert_eq!(socket.closed().await.0, 1009);
    let mut again = Socket::open(&app, &id, &token).await;
    again.send(b"still here").await;
    assert_eq!(again.next().await, b"still here", "the match did not notice");
}

#[tokio::test]
async fn who_floods_is_closed_and_the_other_players_play_on() {
    let (app, id, token) = playing().await;
    let mut flooder = Socket::open(&app, &id, &token).await;
    let other = app.make_player(&id, "eve").await;
    let mut other = Socket::open(&app, &id, &other).await;
    assert_eq!(other.next().await, b"hello");
    for _ in 0..2_000 {
        if flooder.try_send(Message::binary(vec![1])).await.is_err() {
            break;
        }
    }
    assert_eq!(flooder.closed().await.0, 1008);
    other.send(b"and I?").await;
    assert_eq!(other.next().await, b"and I?");
}

#[tokio::test]
async fn the_same_player_again_replaces_the_older_socket_without_a_second_join() {
    let (app, id, token) = playing().await;
    let mut first = Socket::open(&app, &id, &token).await;
    assert_eq!(first.next().await, b"hello");
    let mut second = Socket::open(&app, &id, &token).await;
    assert_eq!(first.closed().await.0, 4003);
    second.send(b"me again").await;
    assert_eq!(second.next().await, b"me again", "no second hello");
}

#[tokio::test]
async fn a_kicked_player_is_told_so_and_does_not_come_back() {
    let (app, id, token) = playing().await;
    let mut socket = Socket::open(&app, &id, &token).await;
    socket.send(b"k").await;
    assert_eq!(socket.closed().await.0, 4001);
    let bearer = format!("Bearer {token}");
    assert_eq!(Socket::refused(&app, &id, &[("authorization", &bearer)]).await, 409);
}

#[tokio::test]
async fn a_player_who_does_not_read_is_dropped_as_too_slow() {
    let app = App::with("socket_send_ms = 100").await;
    let (_, id) = app.running_match(&sims::puppet()).await;
    let token = app.make_player(&id, "ada").await;
    let mut slow = Socket::open(&app, &id, &token).await;
    assert_eq!(slow.next().await, b"hello");
    app.until(&id, |found| found["Connected"] == 1).await;
    slow.send(b"b").await;
    // The server drops the player from its side, while this side reads nothing.
    app.until(&id, |found| found["Connected"] == 0).await;
    assert_eq!(slow.closed().await.0, 4002);
}

#[tokio::test]
async fn who_only_listens_is_pinged_and_stays_and_who_is_dead_is_closed() {
    let app = App::with("socket_ping_ms = 200\nsocket_idle_ms = 2000").await;
    let (game, id) = app.running_match(&sims::puppet()).await;
    let other = app.start_match(&game, json!({})).await;
    let mut dead = Socket::open(&app, &other, &app.make_player(&other, "eve").await).await;
    assert_eq!(dead.next().await, b"hello");
    let mut listener = Socket::open(&app, &id, &app.make_player(&id, "ada").await).await;
    listener.send(b"b").await;
    assert_eq!(listener.next().await, b"hello");
    // Over 3 seconds of ticks: reading answers pings, and nothing else is sent.
    for _ in 0..200 {
        assert_eq!(listener.next().await.len(), 65_536);
    }
    assert_eq!(dead.closed().await.0, 1008, "it read nothing, so it answered no ping");
}

#[tokio::test]
async fn the_end_of_a_match_is_told_to_its_players() {
    let (app, id, token) = playing().await;
    let mut socket = Socket::open(&app, &id, &token).await;
    socket.send(b"q").await;
    assert_eq!(socket.closed().await.0, 1000);

    let (_, id) = app.running_match(&sims::puppet()).await;
    let token = app.make_player(&id, "ada").await;
    let mut socket = Socket::open(&app, &id, &token).await;
    app.delete(&format!("/matches/{id}")).send().await.expect(202);
    assert_eq!(socket.closed().await.0, 4000);
}

#[tokio::test]
async fn sockets_are_neither_timed_nor_counted_as_requests_at_work() {
    let app = App::with("requests_at_once = 1\nrequest_timeout_ms = 100").await;
    let (_, id) = app.running_match(&sims::puppet()).await;
    let token = app.make_player(&id, "ada").await;
    let mut socket = Socket::open(&app, &id, &token).await;
    assert_eq!(socket.next().await, b"hello");
    // At 60 Hz, these ticks take longer than a request may.
    let tick = app.until(&id, |_| true).await["Tick"].as_i64().unwrap();
    app.until(&id, |found| found["Tick"].as_i64() > Some(tick + 12)).await;
    socket.send(b"still open").await;
    assert_eq!(socket.next().await, b"still open");
}
