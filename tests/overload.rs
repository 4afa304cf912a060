//! Under load: what is too much is shed with a status that says so, and nobody waits for ever.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::app::App;

/// A request at work whose body never comes.
struct Stalled(TcpStream);

impl Stalled {
    async fn open(app: &App) -> Self {
        let address = app.origin.strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "POST /games HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: 20\r\n\
             expect: 100-continue\r\n\r\n",
            app.token
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        // The server asks for the body once it works on the request.
        let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
        stream.read_exact(&mut go_on).await.unwrap();
        assert!(go_on.starts_with(b"HTTP/1.1 100 "));
        Self(stream)
    }

    /// What the server says in the end.
    async fn answer(mut self) -> String {
        let mut said = String::new();
        self.0.read_to_string(&mut said).await.unwrap();
        said
    }
}

#[tokio::test]
async fn a_body_that_does_not_come_is_timed_out() {
    let app = App::with("request_timeout_ms = 150").await;
    let answer = Stalled::open(&app).await.answer().await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("urn:lattice:problem:timed-out"), "{answer}");
    assert_eq!(app.count("SELECT count(*) FROM game"), 0);
}

#[tokio::test]
async fn a_head_that_does_not_come_is_disconnected() {
    let app = App::with("header_timeout_ms = 150").await;
    let address = app.origin.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost:").await.unwrap();
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said).await;
    assert!(!said.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&said));
    app.get("/healthz").send().await.expect(200);
}

#[tokio::test]
async fn who_never_begins_a_request_is_disconnected_and_keeps_nobody_out() {
    let app = App::with("connections = 4\nheader_timeout_ms = 300").await;
    let address = app.origin.strip_prefix("http://").unwrap();
    // Nothing, a part of HTTP/2's preface, and all of it with the settings that follow.
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = [&preface[..], &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
    let mut silent = Vec::new();
    for begun in [&[][..], &preface[..8], preface, &settings] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(begun).await.unwrap();
        silent.push(stream);
    }
    app.get("/healthz").send().await.expect(200);
    for mut stream in silent {
        // Until the server closes it: with its end, or with a reset for what it did not read.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }
}

#[tokio::test]
async fn one_address_does_not_take_all_connections() {
    let app = App::with("connections = 3\nconnections_per_address = 2").await;
    let address = app.origin.strip_prefix("http://").unwrap().parse().unwrap();
    let connect = async || {
        let neighbour = TcpSocket::new_v4().unwrap();
        neighbour.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        neighbour.connect(address).await.unwrap()
    };
    let _held = (connect().await, connect().await);
    let said = connect().await.read_to_end(&mut Vec::new()).await;
    assert_eq!(said.unwrap(), 0, "closed without a word");
    app.get("/healthz").send().await.expect(200);
}

#[tokio::test]
async fn more_than_can_be_worked_on_is_shed_at_once() {
    let app = App::with("requests_at_once = 2\nrequest_timeout_ms = 3000").await;
    let (one, two) = (Stalled::open(&app).await, Stalled::open(&app).await);
    let shed = app.get("/healthz").token("").send().await;
    shed.problem(503, "busy");
    assert_eq!(shed.header("retry-after"), "1");
    drop(one);
    while app.get("/healthz").token("").send().await.status != 200 {
        tokio::task::yield_now().await;
    }
    assert!(two.answer().await.starts_with("HTTP/1.1 408 "));
}

#[tokio::test]
async fn one_subjects_slow_requests_leave_places_for_others() {
    let app = App::with("requests_at_once = 3\nrequests_per_subject = 2").await;
    let ada = app.make_token("ada", "developer").await;
    let _slow = (Stalled::open(&app).await, Stalled::open(&app).await);
    let refused = app.get("/games").send().await;
    refused.problem(503, "busy");
    assert_eq!(refused.header("retry-after"), "1");
    app.get("/games").token(&ada).send().await.expect(200);
}

#[tokio::test]
async fn connections_over_the_limit_wait_their_turn() {
    let app = App::with("connections = 2\nheader_timeout_ms = 300").await;
    let address = app.origin.strip_prefix("http://").unwrap();
    let mut waiting = TcpStream::connect(address).await.unwrap();
    let _another = TcpStream::connect(address).await.unwrap();
    waiting
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut said = String::new();
    waiting.read_to_string(&mut said).await.unwrap();
    assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
}

#[tokio::test]
async fn one_subjects_uploads_do_not_take_all_places() {
    let app = App::with("transfers_at_once = 2\ntransfers_per_subject = 1").await;
    let (ada, eve) =
        (app.make_token("ada", "developer").await, app.make_token("eve", "developer").await);
    let (of_ada, of_eve) = (app.make_game(&ada).await, app.make_game(&eve).await);
    let upload = async |token: &str, game: &str, version: &str| {
        let path = format!("/games/{game}/modules/{version}");
        let asked = app.request(http::Method::PUT, &path).token(token);
        asked.body(crate::sims::idle()).send().await
    };
    let address = app.origin.strip_prefix("http://").unwrap();
    let mut stalled = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "PUT /games/{of_ada}/modules/1.0.0 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {ada}\r\n\
         content-length: 20\r\nexpect: 100-continue\r\n\r\n"
    );
    stalled.write_all(head.as_bytes()).await.unwrap();
    // The server asks for the body once the upload has its place.
    let mut go_on = [0; 12];
    stalled.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100");

    let refused = upload(&ada, &of_ada, "2.0.0").await;
    refused.problem(503, "busy");
    assert_eq!(refused.header("retry-after"), "1");
    upload(&eve, &of_eve, "1.0.0").await.expect(201);
    drop(stalled);
    while upload(&ada, &of_ada, "3.0.0").await.status == 503 {
        tokio::task::yield_now().await;
    }
    upload(&ada, &of_ada, "3.0.0").await.expect(200);
}

#[tokio::test]
async fn an_upload_that_is_given_up_keeps_its_place_until_its_work_is_done() {
    let app = App::with("transfers_per_subject = 1\nrequest_timeout_ms = 1000").await;
    let game = app.make_game(&app.token).await;
    let busy = app.writer();
    busy.execute_batch("BEGIN IMMEDIATE").unwrap();
    let wasm = crate::sims::idle();
    app.upload(&game, "1.0.0", &wasm).await.problem(408, "timed-out");
    app.upload(&game, "2.0.0", &wasm).await.problem(503, "busy");
    busy.execute_batch("ROLLBACK").unwrap();
    while app.upload(&game, "2.0.0", &wasm).await.status == 503 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(app.count("SELECT count(*) FROM module_build"), 2, "both were done");
}
