//! The client against a server that says what a test wants: it plays, asks for a welcome that it
//! missed, and tells in words what was wrong.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

use arena_bots::client::{PlayError, Played, Until, play};
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

const WELCOME: &[u8] = &[1, 1, 0, 30, 0x40, 0x06, 0x84, 0x03, 20, 0, 0, 0];
const ROSTER: &[u8] = b"\x02\x01\x00\x01\x00\x00\x00\x00\x00\x00\x00\x03Ada";
const OVER: &[u8] = &[6, 0, 255, 0, 3, 0, 0, 0];

#[tokio::test]
async fn it_offers_the_token_and_plays_to_the_end_of_the_match() {
    let game = against(async |mut socket| {
        for message in [WELCOME, ROSTER, &state(1), &state(3)] {
            socket.send(binary(message)).await.unwrap();
        }
        let input = socket.next().await.unwrap().unwrap().into_data();
        assert_eq!((input.len(), input[0], input[6]), (8, 1, 1), "the first input");
        socket.send(binary(OVER)).await.unwrap();
        close(socket, 1000).await;
    })
    .await;
    assert!(game.outcome.is_ok(), "{:?}", game.outcome);
    assert_eq!((game.tally.states, game.tally.ticks()), (2, 2));
}

#[tokio::test]
async fn a_state_before_the_welcome_makes_it_say_hello_once() {
    let game = against(async |mut socket| {
        socket.send(binary(&state(1))).await.unwrap();
        socket.send(binary(&state(2))).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap().into_data()[..], [2, 1]);
        for message in [WELCOME, ROSTER, &state(9)] {
            socket.send(binary(message)).await.unwrap();
        }
        let next = socket.next().await.unwrap().unwrap().into_data();
        assert_eq!(next[0], 1, "an input, not a second hello");
        let end = socket.next().await.unwrap().unwrap();
        assert!(end.is_close(), "after its ticks it leaves: {end:?}");
    })
    .await;
    assert!(game.outcome.is_ok(), "{:?}", game.outcome);
}

#[tokio::test]
async fn an_end_that_the_sim_did_not_announce_is_an_error() {
    let game = against(async |socket| close(socket, 4004).await).await;
    let error = game.outcome.unwrap_err();
    assert!(matches!(error, PlayError::Closed { code: 4004, .. }), "{error}");
    assert_eq!(error.to_string(), "the server closed with 4004: why");
}

#[tokio::test]
async fn an_end_that_the_sim_announced_is_a_good_one() {
    for code in [1000, 1001, 4000] {
        let game = against(async |mut socket| {
            socket.send(binary(OVER)).await.unwrap();
            close(socket, code).await;
        })
        .await;
        assert!(game.outcome.is_ok(), "{:?}", game.outcome);
    }
}

#[tokio::test]
async fn bytes_and_rules_that_are_wrong_end_the_game_by_name() {
    let complaint = async |messages: Vec<&'static [u8]>| {
        let game = against(async move |mut socket| {
            for message in messages {
                socket.send(binary(message)).await.unwrap();
            }
            while socket.next().await.is_some_and(|frame| frame.is_ok()) {}
        })
        .await;
        game.outcome.unwrap_err().to_string()
    };
    let cut = complaint(vec![WELCOME, &ROSTER[..9]]).await;
    assert_eq!(
        cut,
        "after tick 0, message 2 (9 bytes): the message ends in the middle of a field, at byte 9 of 9"
    );
    let twice = complaint(vec![OVER, OVER]).await;
    assert_eq!(
        twice,
        "after tick 0, message 2 breaks a rule: nothing follows the end of the match"
    );
}

#[tokio::test]
async fn text_is_refused() {
    let game = against(async |mut socket| socket.send(Frame::text("hi")).await.unwrap()).await;
    assert!(matches!(game.outcome, Err(PlayError::Text)));
}

type Socket = WebSocketStream<TcpStream>;

// Plays against a server that runs `script` for the one bot.
async fn against(script: impl AsyncFnOnce(Socket)) -> Played {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/matches/m/play", listener.local_addr().unwrap());
    let serve = async {
        let (stream, _) = listener.accept().await.unwrap();
        script(accept_hdr_async(stream, select_protocol).await.unwrap()).await;
    };
    let until = Until::Ticks(8);
    tokio::join!(play(&url, "lap_x", 1, until), serve).0
}

#[expect(
    clippy::result_large_err,
    clippy::unnecessary_wraps,
    reason = "the shape that the handshake asks for"
)]
fn select_protocol(request: &Request, mut response: Response) -> Result<Response, ErrorResponse> {
    let offered = &request.headers()["sec-websocket-protocol"];
    assert_eq!(offered, "lattice.v1, lattice.token.lap_x");
    response.headers_mut().insert("sec-websocket-protocol", "lattice.v1".parse().unwrap());
    Ok(response)
}

async fn close(mut socket: Socket, code: u16) {
    let frame = CloseFrame { code: code.into(), reason: "why".into() };
    socket.close(Some(frame)).await.unwrap();
    while socket.next().await.is_some_and(|frame| frame.is_ok()) {}
}

fn binary(bytes: &[u8]) -> Frame {
    Frame::binary(bytes.to_vec())
}

// One player, alone and alive.
fn state(tick: u8) -> [u8; 24] {
    [
        3, 1, 0, 0, tick, 0, 0, 0, 0xff, 0xff, 0, 0, // no time limit
        0, 1, 100, 0, 0, 0x10, 0, 0x10, 127, 0, 0, 0, // at 256, 256
    ]
}
