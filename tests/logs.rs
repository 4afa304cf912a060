//! A sim's log: a page of the past, and a stream that goes on.

use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::{app::App, sims, socket::Socket};

/// A stream of server-sent events.
struct Events {
    body: Incoming,
    buffered: String,
}

/// One event: its name, its id and its data.
type Event = (String, String, Value);

impl Events {
    async fn open(app: &App, id: &str, last: Option<&str>) -> Self {
        let url = format!("{}/matches/{id}/logs", app.origin);
        let mut request = http::Request::get(url)
            .header("authorization", format!("Bearer {}", app.token))
            .header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let request = request.body(http_body_util::Empty::<bytes::Bytes>::new()).unwrap();
        let executor = hyper_util::rt::TokioExecutor::new();
        let client = hyper_util::client::legacy::Client::builder(executor).build_http();
        let response = client.request(request).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), buffered: String::new() }
    }

    /// The next event, or `None` at the stream's end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.buffered.split_once("\n\n") {
                let field = |name: &str| {
                    let value = event.lines().find_map(|line| line.strip_prefix(name));
                    value.unwrap_or_default().trim().to_owned()
                };
                let (event, rest) =
                    ((field("event:"), field("id:"), field("data:")), rest.to_owned());
                self.buffered = rest;
                if !event.2.is_empty() {
                    return Some((event.0, event.1, serde_json::from_str(&event.2).unwrap()));
                }
                continue;
            }
            let frame = self.body.frame().await?.unwrap();
            self.buffered += std::str::from_utf8(&frame.into_data().unwrap()).unwrap();
        }
    }
}

async fn say(socket: &mut Socket, line: &str) {
    socket.send(format!("l{line}").as_bytes()).await;
}

#[tokio::test]
async fn a_stream_has_the_past_then_what_comes_then_the_end() {
    let app = App::with("requests_at_once = 2\nrequest_timeout_ms = 200").await;
    let (_, id) = app.running_match(&sims::puppet()).await;
    let token = app.make_player(&id, "ada").await;
    let mut socket = Socket::open(&app, &id, &token).await;
    say(&mut socket, "ong ago").await;
    while app.count("SELECT count(*) FROM match_log") < 2 {
        tokio::task::yield_now().await;
    }

    let mut events = Events::open(&app, &id, None).await;
    let (name, first, line) = events.next().await.unwrap();
    assert_eq!((name.as_str(), &line["Text"]), ("log", &json!("hello")));
    assert_eq!(line["Level"], "info");
    let (_, _, line) = events.next().await.unwrap();
    assert_eq!((&line["Text"], &line["Level"]), (&json!("long ago"), &json!("warn")));

    // Longer than a request may take, and still there.
    let tick = app.until(&id, |_| true).await["Tick"].as_i64().unwrap();
    app.until(&id, |found| found["Tick"].as_i64() > Some(tick + 24)).await;
    say(&mut socket, "ive").await;
    let (_, last, line) = events.next().await.unwrap();
    assert_eq!(line["Text"], "live");

    let mut resumed = Events::open(&app, &id, Some(&first)).await;
    assert_eq!(resumed.next().await.unwrap().2["Text"], "long ago");

    socket.send(b"q").await;
    assert_eq!(events.next().await.unwrap().0, "end");
    assert!(events.next().await.is_none());
    let mut late = Events::open(&app, &id, Some(&last)).await;
    assert_eq!(late.next().await.unwrap().0, "end", "nothing is behind the last line");
}

#[tokio::test]
async fn a_page_of_the_past_goes_on_where_the_one_before_ended() {
    let app = App::start().await;
    let (_, id) = app.running_match(&sims::puppet()).await;
    let token = app.make_player(&id, "ada").await;
    let mut socket = Socket::open(&app, &id, &token).await;
    say(&mut socket, "\u{1b}[2J").await;
    while app.count("SELECT count(*) FROM match_log") < 2 {
        tokio::task::yield_now().await;
    }
    let path = format!("/matches/{id}/logs");
    let first = app.get(&format!("{path}?Limit=1")).send().await.expect(200);
    assert_eq!(first["Items"][0]["Text"], "hello");
    let next = first["Next"].as_str().unwrap();
    let second = app.get(&format!("{path}?After={next}")).send().await.expect(200);
    assert_eq!(second["Items"][0]["Text"], "l\\u{1b}[2J", "what a sim says is escaped");
    app.get(&format!("{path}?After=-1")).send().await.problem(400, "bad-value");
}

#[tokio::test]
async fn streams_are_limited_in_number() {
    let app = App::with("log_streams = 1").await;
    let (_, id) = app.running_match(&sims::puppet()).await;
    let _open = Events::open(&app, &id, None).await;
    let asked = app.get(&format!("/matches/{id}/logs")).header("accept", "text/event-stream");
    asked.send().await.problem(503, "busy");
}
