//! The sim, built by the documented command and run under bare wasmtime: the game by its messages,
//! and what it does about each way in which a request can end.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a panic is the verdict"
)]

mod host;

use host::Sim;
use leaderboard_player::{guesser::Guesser, heard::Heard};

const URL: &str = "http://127.0.0.1:9000/scores";
const POST: u32 = 2;
const GET: u32 = 0;

const NOT_ALLOWED: i32 = -100;
const RATE_LIMITED: i32 = -101;
const BAD_REQUEST: i32 = -102;
const TOO_MANY: i32 = -103;
const FAILED: i32 = -104;
const TIMEOUT: i32 = -105;

/// A match with a service and one player, Ada, that has asked for the top ten and got it.
fn with_service() -> Sim {
    let mut sim = Sim::start(&format!("scores={URL} numbers=1"));
    sim.join(1, "Ada");
    assert_eq!(sim.ticks_until_asked(1), Some(1));
    sim.respond(200, "", r#"{"Scores":[]}"#);
    sim
}

/// Plays a run by halves, and returns its points.
fn play_run(sim: &mut Sim, player: u32) -> u32 {
    let mut guesser = Guesser::default();
    sim.say(player, "what now?");
    loop {
        sim.platform().sent.clear();
        assert_eq!(sim.tick(), 0);
        let mut next = None; // in one tick the newest question counts
        for (to, message) in sim.platform().sent.clone() {
            match Heard::parse(message.as_bytes()).expect("what the README has") {
                Heard::Score(points) => return points,
                heard if to == Some(player) => next = guesser.answer(&heard).unwrap().or(next),
                _ => {}
            }
        }
        if let Some(guess) = next {
            sim.say(player, &guess.to_string());
        }
    }
}

fn last_line(sim: &mut Sim) -> String {
    sim.platform().log.last().cloned().unwrap_or_default()
}

/// The newest request's method.
fn asked(sim: &mut Sim) -> u32 {
    sim.platform().asked.last().unwrap().method
}

#[test]
fn a_score_is_posted_and_the_top_ten_comes_back_to_the_players() {
    let mut sim = with_service();
    let points = play_run(&mut sim, 1);
    assert!((1..=10).contains(&points), "{points}");
    let post = sim.platform().asked.last().unwrap().clone();
    assert_eq!((post.method, post.url.as_str()), (POST, URL));
    assert_eq!(post.body, format!(r#"{{"Name":"Ada","Points":{points}}}"#));
    let key = post.headers.strip_prefix("content-type: application/json\nidempotency-key: ");
    assert!(key.is_some_and(|key| key.ends_with("-1-1\n") && key.len() == 21), "{}", post.headers);

    sim.respond(201, "", "");
    sim.tick();
    assert_eq!(sim.ticks_until_asked(2), Some(1));
    assert_eq!(asked(&mut sim), GET);
    sim.platform().sent.clear();
    let headers = "content-type: application/json\n";
    sim.respond(
        200,
        headers,
        r#"{"Scores":[{"Name":"Eve \"E\"","Points":30},{"Name":"Ada","Points":8}]}"#,
    );
    sim.tick();
    assert_eq!(sim.platform().sent, [(None, "top 2\n30 Eve \"E\"\n8 Ada".to_owned())]);
    assert_eq!(sim.ticks_until_asked(200), None, "and then it leaves the service alone");
}

#[test]
fn a_refusal_is_said_once_and_asked_again_until_the_operator_changes_it() {
    let mut sim = Sim::start(&format!("scores={URL} numbers=1"));
    sim.platform().codes.extend([NOT_ALLOWED; 100]);
    sim.join(1, "Ada");
    sim.tick();
    assert_eq!(
        last_line(&mut sim),
        format!("scores: LATTICE_HTTP_NOT_ALLOWED for {URL}; playing on")
    );
    sim.platform().log.clear();
    assert_eq!(sim.ticks_until_asked(9), Some(5));
    assert_eq!(sim.ticks_until_asked(9), Some(5));
    assert!(sim.platform().log.is_empty(), "{:?}", sim.platform().log);
    play_run(&mut sim, 1);
    assert_eq!(asked(&mut sim), POST, "a new score is a reason to ask at once");
    sim.platform().codes.clear();
    assert_eq!(sim.ticks_until_asked(9), Some(5));
    assert_eq!(asked(&mut sim), POST, "the score that waited goes first");
    sim.respond(201, "", "");
    sim.tick();
    assert_eq!(last_line(&mut sim), format!("scores: {URL} is allowed now"));
    // The rules may also change while a request waits for its turn: then the event says so.
    assert_eq!(sim.ticks_until_asked(1), Some(1));
    sim.respond(NOT_ALLOWED, "", "");
    sim.tick();
    assert!(last_line(&mut sim).contains("NOT_ALLOWED"));
    assert_eq!(sim.ticks_until_asked(9), Some(5));
}

#[test]
fn what_may_pass_is_tried_again_ever_later_with_the_same_key() {
    let mut sim = with_service();
    play_run(&mut sim, 1);
    let post = sim.platform().asked.last().unwrap().clone();
    let mut pauses = Vec::new();
    for (code, name) in
        [(FAILED, "FAILED"), (TIMEOUT, "TIMEOUT"), (RATE_LIMITED, "RATE_LIMITED"), (503, "503")]
    {
        sim.respond(code, "", "");
        pauses.push(sim.ticks_until_asked(100).unwrap());
        assert!(last_line(&mut sim).contains(name), "{name}");
        assert_eq!(*sim.platform().asked.last().unwrap(), post, "the same request");
    }
    let doubles =
        pauses.iter().zip([1, 2, 4, 8]).all(|(pause, s)| (s..=s + s / 4 + 2).contains(pause));
    assert!(doubles, "{pauses:?}");
    for _ in 0..4 {
        sim.respond(FAILED, "", "");
        let pause = sim.ticks_until_asked(100).unwrap();
        assert!(pause <= 77, "a minute and a quarter is the most: {pause}");
    }
    sim.respond(201, "", "");
    sim.tick();
    assert_eq!(sim.ticks_until_asked(1), Some(1));
    sim.respond(FAILED, "", "");
    assert!(sim.ticks_until_asked(9).unwrap() <= 2, "a success forgets the failures");
}

#[test]
fn a_service_that_asks_for_patience_gets_it() {
    for (headers, least) in [
        ("retry-after: 20\n", 20),
        ("date: x\nretry-after: 9\nserver: y\n", 9),
        ("retry-after: 4000000000\n", 60),
        ("x-retry-after: 50\n", 1),
        ("retry-after: soon\n", 1),
    ] {
        let mut sim = with_service();
        play_run(&mut sim, 1);
        sim.respond(429, headers, "busy");
        let pause = sim.ticks_until_asked(200).unwrap();
        assert!((least..=least + least / 4 + 2).contains(&pause), "{headers:?}: {pause}");
    }
}

#[test]
fn too_many_requests_are_waited_for() {
    let mut sim = Sim::start(&format!("scores={URL}"));
    sim.platform().codes.push_back(TOO_MANY);
    sim.tick();
    assert_eq!(sim.ticks_until_asked(9), Some(1));
    assert!(sim.platform().log.is_empty());
}

#[test]
fn what_cannot_pass_is_given_up() {
    let mut sim = with_service();
    play_run(&mut sim, 1);
    sim.respond(422, "", "no such score");
    sim.tick();
    assert_eq!(last_line(&mut sim), "scores: the service answered 422, so this is not asked again");
    assert_eq!(sim.ticks_until_asked(100), None, "the score is dropped");
    play_run(&mut sim, 1);
    assert_eq!(asked(&mut sim), POST, "the next one is posted all the same");

    let mut sim = Sim::start("scores=nonsense?key=secret");
    sim.platform().codes.push_back(BAD_REQUEST);
    sim.join(1, "Ada");
    sim.tick();
    assert_eq!(last_line(&mut sim), "scores: a request to nonsense is answered -102: giving up");
    assert_eq!(sim.ticks_until_asked(100), None);
    play_run(&mut sim, 1);
}

#[test]
fn an_answer_that_is_no_top_ten_changes_nothing() {
    let eleven = [r#"{"Name":"A","Points":1}"#; 11].join(",");
    for body in [
        "",
        "{}",
        "<html>",
        r#"{"Scores":[}"#,
        r#"{"Scores":[]} x"#,
        r#"{"Scores":[{"Name":"Ada"}]}"#,
        r#"{"Scores":[{"Name":"Ada","Points":-1}]}"#,
        r#"{"Scores":[{"Name":"Ada","Points":4294967297}]}"#,
        r#"{"Scores":[{"Name":"Ada\u0041","Points":1}]}"#,
        "{\"Scores\":[{\"Name\":\"A\nB\",\"Points\":1}]}",
        r#"{"Scores":[{"Name":"abcdefghijklmnopqrstuvwxy","Points":1}]}"#,
        r#"{"Scores":[{"Name":"Ada\"#,
        &format!(r#"{{"Scores":[{eleven}]}}"#),
    ] {
        let mut sim = Sim::start(&format!("scores={URL}"));
        sim.tick();
        sim.respond(200, "", body);
        sim.tick();
        let line = format!("scores: the service's answer of {} bytes is no top ten", body.len());
        assert_eq!(last_line(&mut sim), line, "{body}");
        assert!(sim.platform().sent.is_empty(), "{body}");
    }
}

#[test]
fn a_payload_that_lies_about_its_headers_is_survived() {
    for payload in
        [&b""[..], b"\x01", b"\xff\xff\xff\xff", b"\xff\xff\xff\x7fretry-after: ", b"\x05\0\0\0abc"]
    {
        for status in [200, 429] {
            let mut sim = Sim::start(&format!("scores={URL}"));
            sim.tick();
            sim.respond_raw(status, payload);
            assert_eq!(sim.tick(), 0);
            assert!(sim.platform().sent.is_empty());
        }
    }
}

#[test]
fn a_stop_waits_for_a_request_and_the_result_has_what_was_not_posted() {
    let mut sim = with_service();
    let points = play_run(&mut sim, 1);
    sim.stop();
    assert_eq!(sim.tick(), 0, "a request is under way");
    sim.respond(FAILED, "", "");
    assert_eq!(sim.tick(), 1, "its end is all that was waited for");
    let unposted = format!(r#"{{"Posted":0,"Waiting":[{{"Name":"Ada","Points":{points}}}]}}"#);
    assert_eq!(sim.platform().result, Some(unposted));

    let mut sim = with_service();
    play_run(&mut sim, 1);
    sim.stop();
    sim.respond(200, "", "");
    assert_eq!(sim.tick(), 1);
    assert_eq!(sim.platform().result.as_deref(), Some(r#"{"Posted":1,"Waiting":[]}"#));
}

#[test]
fn names_are_cut_cleaned_and_escaped() {
    let mut sim = with_service();
    sim.join(2, "\"\\\nabcdefghijklmnopqrst\u{e9}");
    let points = play_run(&mut sim, 2);
    let body = format!(r#"{{"Name":"\"\\ abcdefghijklmnopqrst","Points":{points}}}"#);
    assert_eq!(sim.platform().asked.last().unwrap().body, body);
}

#[test]
fn without_a_service_nothing_is_asked_and_a_wrong_config_is_a_fault() {
    let mut sim = Sim::start("");
    sim.join(1, "Ada");
    play_run(&mut sim, 1);
    assert_eq!(sim.ticks_until_asked(100), None);
    for config in ["numbers=0", "numbers=10", "score=x", "scores=x speed=9"] {
        let mut sim = Sim::start(config);
        assert_eq!(sim.init, -1, "{config}");
        assert!(last_line(&mut sim).starts_with("config: "), "{config}");
    }
    assert_eq!(Sim::start(&format!("scores={}", "x".repeat(513))).init, -1);
    assert_eq!(Sim::start(&format!("scores={}\n", "x".repeat(512))).init, 0);
}
