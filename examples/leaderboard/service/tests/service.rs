//! The service through its doors: its routes, and the program with its address and its lines.

#![allow(clippy::unwrap_used, clippy::panic, reason = "in a test a panic is the verdict")]
#![allow(clippy::disallowed_methods, reason = "the test is a client of the service")]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

use axum::{
    Router,
    body::Body,
    http::{Request, StatusCode, header},
};
use http_body_util::BodyExt;
use leaderboard_service::{board::Board, http::routes};
use serde_json::{Value, json};
use tower::ServiceExt;

async fn send(routes: &Router, request: Request<Body>) -> (StatusCode, String) {
    let response = routes.clone().oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

async fn post(routes: &Router, key: &str, body: &str) -> (StatusCode, String) {
    let request = Request::post("/scores")
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", key);
    send(routes, request.body(Body::from(body.to_owned())).unwrap()).await
}

async fn top(routes: &Router) -> Value {
    let (status, body) = send(routes, Request::get("/scores").body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::OK);
    serde_json::from_str(&body).unwrap()
}

#[tokio::test]
async fn a_score_is_listed_once_however_often_it_is_posted() {
    let routes = routes(Board::default());
    assert_eq!(top(&routes).await, json!({ "Scores": [] }));
    let (first, _) = post(&routes, "m-1-1", r#"{"Name":"Ada","Points":27}"#).await;
    let (again, _) = post(&routes, "m-1-1", r#"{"Name":"Ada","Points":27}"#).await;
    assert_eq!((first, again), (StatusCode::CREATED, StatusCode::OK));
    post(&routes, "m-2-1", r#"{"Name":"Bob \"B\"","Points":30}"#).await;
    let expected = json!({ "Scores": [
        { "Name": "Bob \"B\"", "Points": 30 }, { "Name": "Ada", "Points": 27 }] });
    assert_eq!(top(&routes).await, expected);
}

#[tokio::test]
async fn what_is_no_score_is_refused_and_not_listed() {
    let routes = routes(Board::default());
    let long = format!(r#"{{"Name":"{}","Points":1}}"#, "n".repeat(2000));
    for (key, body, status) in [
        ("k", "", StatusCode::BAD_REQUEST),
        ("k", r#"{"Name":"Ada"}"#, StatusCode::UNPROCESSABLE_ENTITY),
        ("k", r#"{"Name":"Ada","Points":-1}"#, StatusCode::UNPROCESSABLE_ENTITY),
        ("k", r#"{"Name":"Ada","Points":1,"Admin":true}"#, StatusCode::UNPROCESSABLE_ENTITY),
        ("k", r#"{"Name":"","Points":1}"#, StatusCode::BAD_REQUEST),
        ("", r#"{"Name":"Ada","Points":1}"#, StatusCode::BAD_REQUEST),
        ("k", &long, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let (answered, why) = post(&routes, key, body).await;
        assert_eq!(answered, status, "{body}");
        assert!(!why.is_empty(), "{body}");
    }
    let untyped = Request::post("/scores").body(Body::from(r#"{"Name":"A","Points":1}"#)).unwrap();
    assert_eq!(send(&routes, untyped).await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let delete = Request::delete("/scores").body(Body::empty()).unwrap();
    assert_eq!(send(&routes, delete).await.0, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(top(&routes).await, json!({ "Scores": [] }));
}

/// The program, ended with the test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn the_program_prints_its_address_and_a_line_for_each_request() {
    let child = Command::new(env!("CARGO_BIN_EXE_leaderboard-service"))
        .args(["--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .spawn();
    let mut program = Program(child.unwrap());
    let mut lines = BufReader::new(program.0.stdout.take().unwrap()).lines();
    let address = lines.next().unwrap().unwrap();
    let address = address.strip_prefix("listening on http://").unwrap();

    let body = r#"{"Name":"Ada","Points":27}"#;
    let head = "POST /scores HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                content-type: application/json\r\nidempotency-key: k\r\n\
                x-lattice-game: g_\"1\r\n";
    let mut socket = TcpStream::connect(address).unwrap();
    write!(socket, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 Created\r\n"), "{answer}");
    let line = lines.next().unwrap().unwrap();
    assert_eq!(line, r#"POST /scores 201 x-lattice-game: "g_\"1""#);
}
