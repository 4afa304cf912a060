//! The client against a server that says what a test wants: it plays a run to its end, waits for
//! the leaderboard where it was told to, and tells in words what was wrong.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail the test")]

use futures_util::{SinkExt, StreamExt};
use leaderboard_player::client::{PlayError, Until, play};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

type Socket = WebSocketStream<TcpStream>;

#[tokio::test]
async fn it_offers_the_token_and_plays_until_the_run_is_over() {
    let played = against(Until::Runs(1), async |mut socket| {
        for (said, answered) in [("guess 1000", "500"), ("higher", "750"), ("lower", "625")] {
            assert_eq!(ask(&mut socket, said).await, answered);
        }
        say(&mut socket, "right 8").await;
        say(&mut socket, "score 8").await;
        assert!(socket.next().await.unwrap().unwrap().is_close(), "it has seen enough");
    });
    assert!(played.await.is_ok());
}

#[tokio::test]
async fn it_waits_for_its_line_in_the_leaderboard_and_guesses_no_more() {
    let played = against(Until::Listed("Ada".to_owned()), async |mut socket| {
        assert_eq!(ask(&mut socket, "guess 1").await, "1");
        for said in ["score 8", "guess 1000", "top 1\n8 Bob", "top 2\n8 Bob\n8 Ada"] {
            say(&mut socket, said).await;
        }
        assert!(socket.next().await.unwrap().unwrap().is_close(), "and no guess before it");
    });
    assert!(played.await.is_ok());
}

#[tokio::test]
async fn what_the_sim_never_says_ends_the_game_by_name() {
    let unknown = against(Until::Runs(1), async |mut socket| say(&mut socket, "hello").await).await;
    assert!(matches!(unknown, Err(PlayError::Unknown(said)) if said == b"hello"));
    let none_left = against(Until::Runs(1), async |mut socket| {
        assert_eq!(ask(&mut socket, "guess 1").await, "1");
        say(&mut socket, "lower").await;
    });
    assert!(matches!(none_left.await, Err(PlayError::NoneLeft(_))));
    let closed = against(Until::Runs(1), async |mut socket| socket.close(None).await.unwrap());
    assert!(matches!(closed.await, Err(PlayError::Closed)));
}

async fn say(socket: &mut Socket, text: &str) {
    socket.send(Frame::binary(text.as_bytes().to_vec())).await.unwrap();
}

async fn ask(socket: &mut Socket, text: &str) -> String {
    say(socket, text).await;
    socket.next().await.unwrap().unwrap().into_text().unwrap().to_string()
}

// Plays against a server that runs `script` for the one player.
async fn against(until: Until, script: impl AsyncFnOnce(Socket)) -> Result<(), PlayError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/matches/m/play", listener.local_addr().unwrap());
    let serve = async {
        let (stream, _) = listener.accept().await.unwrap();
        script(accept_hdr_async(stream, select_protocol).await.unwrap()).await;
    };
    tokio::join!(play(&url, "lap_x", until), serve).0
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
