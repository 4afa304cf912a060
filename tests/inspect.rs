//! A look into a match before any of its ticks: what the sim wrote, what came in, and exactly what
//! changed between two ticks; and what cannot be seen, said.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{
    app::{Answer, App},
    cli::{remote, run},
    fork::{Adder, started, written},
    sims,
};

async fn inspect(app: &App, id: &str, query: &str) -> Answer {
    app.get(&format!("/matches/{id}/inspect{query}")).send().await
}

/// The bytes of the only range that was asked for.
fn bytes(seen: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(seen["Memory"][0]["Base64"].as_str().unwrap()).unwrap()
}

/// A match that was played to its end, and the ticks in which 3 and 4 were said.
async fn played(app: &App) -> (String, [i64; 2]) {
    let (_, id) = app.running_match(&sims::adder()).await;
    let (mut ada, _) = Adder::join(app, &id).await;
    let (_, three) = ada.say(3).await;
    let (_, four) = ada.say(4).await;
    ada.end(app, &id, "q").await;
    (id, [three, four])
}

#[tokio::test]
async fn what_the_sim_wrote_is_seen_as_it_was_before_each_tick() {
    let app = started("").await;
    let (id, [three, four]) = played(&app).await;
    for (at, sum, said) in [(three, 0, 0), (three + 1, 3, 1), (four, 3, 1), (four + 1, 7, 2)] {
        let query = format!("?At={at}&Memory=512:4&Memory=0x100:8");
        let seen = inspect(&app, &id, &query).await.expect(200);
        assert_eq!((&seen["Tick"], bytes(&seen)), (&json!(at), vec![sum, 0, 0, 0]));
        let tick = BASE64_STANDARD.encode((at - 1).to_le_bytes());
        assert_eq!(seen["Memory"][1], json!({ "Address": 256, "Base64": tick }), "{at}");
        assert_eq!(seen["Memory"][0]["Symbol"], "total");
        let half = format!("{:?}", f64::from(sum) / 2.0);
        assert_eq!(
            seen["Globals"],
            json!([
                { "Index": 0, "Name": "said", "Type": "i32", "Value": said.to_string() },
                { "Index": 2, "Name": "half", "Type": "f64", "Value": half },
            ])
        );
        let gauges = if sum == 0 { json!({}) } else { json!({ "sum": f64::from(sum) }) };
        assert_eq!((&seen["Gauges"], &seen["MemoryPages"]), (&gauges, &json!(3)));
        assert!(seen.get("Result").is_none());
        // Of an event that came into that tick, the state before it knows nothing yet.
        assert_eq!(seen["Waiting"], json!({ "Count": 0, "Events": [] }));
    }
    let seen = inspect(&app, &id, &format!("?At={four}")).await.expect(200);
    let heard = json!({
        "Tick": four, "Type": "message", "Player": 1, "Bytes": 1, "Hex": "34", "Text": "4",
    });
    assert!(seen["Around"]["Events"].as_array().unwrap().contains(&heard), "{seen}");
    let alone = inspect(&app, &id, &format!("?At={four}&Around=0")).await.expect(200);
    assert_eq!(alone["Around"], json!({ "Count": 1, "Events": [heard] }));
    assert_eq!(seen["Players"], json!([1]));
}

#[tokio::test]
async fn the_end_of_a_match_is_what_is_seen_by_default() {
    let app = started("").await;
    let (id, _) = played(&app).await;
    let ended = app.get(&format!("/matches/{id}")).send().await.expect(200);
    let seen = inspect(&app, &id, "").await.expect(200);
    assert_eq!((&seen["Tick"], &seen["Match"]), (&ended["Tick"], &json!(id)));
    assert_eq!((&seen["Transcript"], &seen["Module"]), (&ended["Transcript"], &ended["Sha256"]));
    assert_eq!(seen["Fuel"], ended["Figures"]["Fuel"]);
    assert_eq!(seen["Result"]["Bytes"], 4);
    let tick = ended["Tick"].as_i64().unwrap();
    let later = inspect(&app, &id, &format!("?At={}", tick + 1)).await.problem(409, "conflict");
    assert!(later.contains(&format!("from tick 0 to tick {tick}")), "{later}");
}

#[tokio::test]
async fn a_difference_is_exactly_what_changed() {
    let app = started("").await;
    let (id, [three, four]) = played(&app).await;
    let diff = async |from: i64, to: i64| {
        inspect(&app, &id, &format!("/diff?From={from}&To={to}")).await.expect(200)
    };
    // A tick in which nothing came in: only the tick's number, and fuel.
    let idle = diff(four + 1, four + 1).await;
    assert_eq!(idle["Memory"], json!({ "Count": 0, "Bytes": 0, "Ranges": [] }));
    assert_eq!((&idle["From"], &idle["Globals"]), (&idle["To"], &json!([])));

    let seen = diff(four, four + 1).await;
    let [before, after] = [four - 1, four].map(|tick| format!("{:02x}", tick as u8));
    let ranges: Vec<_> = seen["Memory"]["Ranges"].as_array().unwrap().iter().collect();
    let at = |address: u64| {
        let mut found = ranges.iter().filter(|range| range["Address"] == address);
        found.next().unwrap_or_else(|| panic!("{address}: {seen}"))
    };
    let number = at(256);
    assert_eq!(number["Length"], 1);
    assert_eq!((&number["Before"], &number["After"]), (&json!(before), &json!(after)));
    assert_eq!(
        *at(512),
        &json!({ "Address": 512, "Length": 1, "Symbol": "total", "Before": "03", "After": "07" })
    );
    assert_eq!(at(65_560)["After"], "34", "the message's text, where events are read to");
    let within =
        |range: &&Value| [128, 132, 256, 512, 65_560].contains(&range["Address"].as_u64().unwrap());
    assert!(ranges.iter().all(within), "and nothing else: {seen}");
    assert_eq!(
        seen["Globals"],
        json!([
            { "Index": 0, "Name": "said", "Before": "1", "After": "2" },
            { "Index": 2, "Name": "half", "Before": "1.5", "After": "3.5" },
        ])
    );
    assert_eq!(seen["Gauges"], json!([{ "Name": "sum", "Before": 3.0, "After": 7.0 }]));
    assert_eq!((&seen["Joined"], &seen["Left"]), (&json!([]), &json!([])));
    assert_ne!(seen["From"]["State"], seen["To"]["State"]);

    let whole = diff(0, three + 1).await;
    assert_eq!(whole["Joined"], json!([1]));
    assert_eq!(whole["Gauges"], json!([{ "Name": "sum", "After": 3.0 }]));
}

#[tokio::test]
async fn a_match_that_runs_is_seen_as_far_as_it_is_written() {
    let app = started("").await;
    let (_, id) = app.running_match(&sims::adder()).await;
    let (mut ada, _) = Adder::join(&app, &id).await;
    let (_, tick) = ada.say(9).await;
    written(&app, &id, tick + 1).await;
    let query = format!("?At={}&Memory=512:1", tick + 1);
    assert_eq!(bytes(&inspect(&app, &id, &query).await.expect(200)), [9]);
    let latest = inspect(&app, &id, "?Memory=512:1").await.expect(200);
    assert!(latest["Tick"].as_i64() > Some(tick));
    assert_eq!(bytes(&latest), [9]);
    let why = inspect(&app, &id, "?At=1099511627776").await.problem(409, "conflict");
    assert!(why.contains("is written up to tick"), "{why}");
    assert_eq!(ada.say(1).await.0, 10, "it goes on");
}

#[tokio::test]
async fn what_cannot_be_seen_is_said() {
    let app = started("").await;
    let (id, _) = played(&app).await;
    for bad in [
        "?At=-1",
        "?At=x",
        "?Memory=1",
        "?Memory=0:0",
        "?Memory=0:65537",
        "?Memory=4294967296:1",
        "?Memory=196608:1",
        "?Memory=196607:2",
        "?Around=-1",
        "/diff",
        "/diff?From=0",
        "/diff?From=1&To=0",
        "/diff?From=a&To=1",
    ] {
        inspect(&app, &id, bad).await.problem(400, "bad-value");
    }
    inspect(&app, &id, "?Momory=0:1").await.problem(400, "unknown-field");
    inspect(&app, &id, "/diff?From=0&To=1099511627776").await.problem(409, "conflict");
    let many = "?Memory=0:1".to_owned() + &"&Memory=0:1".repeat(16);
    inspect(&app, &id, &many).await.problem(400, "bad-value");
    inspect(&app, "m_0000000000000000", "").await.problem(404, "not-found");

    let stranger = app.make_token("dan", "developer").await;
    let asked = app.get(&format!("/matches/{id}/inspect")).token(&stranger).send().await;
    asked.problem(404, "not-found");
    let kept = app.kept();
    inspect(&app, &id, "?Memory=0:1").await.expect(200);
    assert_eq!(app.kept(), kept, "a look changes nothing");
}

#[tokio::test]
async fn the_command_line_shows_a_moment_and_a_difference() {
    let app = started("").await;
    let (id, [_, four]) = played(&app).await;
    let [at, next] = [four.to_string(), (four + 1).to_string()];
    let shown = run(&mut remote(&app, &["inspect", &id, "--at", &next, "--memory", "0x200:16"]));
    let shown = shown.done();
    for part in [
        format!("{id}  before tick {next}\n"),
        "0x00000200  07 00 00 00".to_owned(),
        "memory  total\n".to_owned(),
        "0 said".to_owned(),
        "message".to_owned(),
    ] {
        assert!(shown.contains(&part), "{part} in {shown}");
    }
    let shown = run(&mut remote(&app, &["inspect", &id, "--diff", &at, &next])).done();
    assert!(shown.contains("0x00000200  1 bytes  total\n    - 03\n    + 07\n"), "{shown}");
    let raw = run(&mut remote(&app, &["inspect", &id, "--diff", &at, &next, "--json"])).json();
    assert_eq!(raw["To"]["Tick"], four + 1);
    run(&mut remote(&app, &["inspect", &id, "--memory", "x"])).failed(1, &["ADDRESS:LENGTH"]);
}
