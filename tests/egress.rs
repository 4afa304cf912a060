//! What a game may fetch, over the API and by the command line: who may see and set it, what is
//! refused and changes nothing, and what a server does with one that holds no more.

use std::fs;

use http::Method;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    app::{Answer, App, lattice},
    cli::{remote, run},
    fetches::{Fetching, NOT_ALLOWED},
    sims,
};

/// What an answer tells beside the game's own.
const TOLD: [&str; 6] = ["Game", "Revision", "UpdatedBy", "UpdatedAt", "AllowEveryGame", "Limits"];

/// How many limits there are.
const LIMITS: usize = 11;

/// Replaces what a game may fetch, as the super-admin.
pub(crate) async fn put(app: &App, game: &str, policy: Value) -> Answer {
    app.request(Method::PUT, &format!("/games/{game}/egress")).json(policy).send().await
}

async fn get(app: &App, game: &str) -> Value {
    app.get(&format!("/games/{game}/egress")).send().await.expect(200)
}

fn members(answer: &Value) -> Vec<&String> {
    answer.as_object().unwrap().keys().collect()
}

/// An entry for loopback.
pub(crate) fn private(origin: &str) -> Value {
    json!({ "Entry": origin, "AllowPrivate": true })
}

#[tokio::test]
async fn a_game_may_fetch_nothing_until_a_super_admin_says_what() {
    let app = App::start().await;
    let ada = app.make_token("ada", "developer").await;
    let game = app.make_game(&ada).await;
    let path = format!("/games/{game}/egress");
    let none = app.get(&path).token(&ada).send().await.expect(200);
    assert_eq!([&none["Game"], &none["Revision"]], [&json!(game), &json!(0)]);
    assert_eq!([&none["Allow"], &none["AllowEveryGame"]], [&json!([]), &json!([])]);
    let limits = &none["Limits"];
    assert_eq!([&limits["RequestsPerSecond"], &limits["Burst"], &limits["InFlight"]], [10, 20, 8]);
    assert_eq!(limits.as_object().unwrap().len(), LIMITS);
    assert_eq!(members(&none), ["Allow", "AllowEveryGame", "Game", "Limits", "Revision"]);

    let wish = json!({ "Allow": ["API.example.com:443"], "Burst": 3 });
    let own = app.request(Method::PUT, &path).token(&ada).json(wish.clone()).send().await;
    let needs = own.problem(403, "not-yours");
    assert!(needs.contains("super-admin"), "{needs}");
    assert_eq!(get(&app, &game).await, none);

    let set = put(&app, &game, wish).await.expect(200);
    assert_eq!([&set["Revision"], &set["UpdatedBy"]], [&json!(1), &json!("admin")]);
    assert_eq!([&set["Allow"], &set["Burst"]], [&json!(["api.example.com:443"]), &json!(3)]);
    assert_eq!([&set["Limits"]["Burst"], &set["Limits"]["Queue"]], [3, 32]);
    assert!(set.get("Queue").is_none(), "what is left out is not the game's own");
    assert_eq!(app.get(&path).token(&ada).send().await.expect(200), set);

    put(&app, &game, json!({})).await.expect(200);
    let emptied = get(&app, &game).await;
    assert_eq!([&emptied["Revision"], &emptied["Allow"]], [&json!(2), &json!([])]);
    assert_eq!(emptied["Limits"]["Burst"], 20, "a change replaces the whole");
    assert!(emptied.get("Burst").is_none());
}

#[tokio::test]
async fn a_change_is_on_record_with_what_was_before() {
    let app = App::start().await;
    let game = app.make_game(&app.token).await;
    let answer = put(&app, &game, json!({ "Allow": ["a.test:443"] })).await;
    answer.expect(200);
    put(&app, &game, json!({ "Allow": [private("http://127.0.0.1:9")] })).await.expect(200);
    let page = app.get(&format!("/games/{game}/audit")).send().await.expect(200);
    let [second, first, _] = &page["Items"].as_array().unwrap()[..] else { panic!("{page}") };
    assert_eq!([&first["Action"], &first["Outcome"]], ["egress.set", "ok"]);
    assert_eq!([&first["Subject"], &first["Target"]], ["admin", &*game]);
    assert_eq!(first["Request"], answer.header("x-request-id"));
    assert_eq!(first["Detail"]["Before"], Value::Null);
    assert_eq!(first["Detail"]["After"]["Allow"], json!(["a.test:443"]));
    assert_eq!(second["Detail"]["Before"], first["Detail"]["After"]);
    let after = &second["Detail"]["After"]["Allow"];
    assert_eq!(after, &json!([private("http://127.0.0.1:9")]));
}

#[tokio::test]
async fn what_is_shown_can_be_put_back_and_changes_nothing() {
    let app = App::start().await;
    let game = app.make_game(&app.token).await;
    let wish = json!({ "Allow": ["a.test:443", private("http://127.0.0.1:9")], "Queue": 5 });
    let mut shown = put(&app, &game, wish.clone()).await.expect(200);
    for told in TOLD {
        assert!(shown.as_object_mut().unwrap().remove(told).is_some(), "{told}");
    }
    assert_eq!(shown, wish, "beside what is only told there is the game's own");
    let again = put(&app, &game, shown).await.expect(200);
    assert_eq!(again["Revision"], 2);
    let page = app.get(&format!("/games/{game}/audit")).send().await.expect(200);
    assert_eq!(page["Items"][0]["Detail"]["Before"], page["Items"][0]["Detail"]["After"]);
}

/// What was put back has not made the platform's limits the game's own.
#[tokio::test]
async fn the_platforms_limits_can_change_for_a_game_that_was_put_back() {
    let mut app = App::start().await;
    let game = app.make_game(&app.token).await;
    put(&app, &game, json!({ "Allow": ["a.test:443"], "Queue": 5 })).await.expect(200);
    let file = app.data().join("shown.json");
    let show = ["egress", "show", &game, "--json"];
    fs::write(&file, run(&mut remote(&app, &show)).done()).unwrap();
    let set = ["egress", "set", &game, "--file", file.to_str().unwrap()];
    run(&mut remote(&app, &set)).done();

    app.stop();
    let policy = app.data().join("policy.toml");
    fs::write(&policy, "[egress]\nburst = 7\nqueue = 8\n").unwrap();
    app.restart_with(&["--policy", policy.to_str().unwrap()]).await;
    let shown = get(&app, &game).await;
    assert_eq!(shown["Revision"], 2);
    assert_eq!([&shown["Limits"]["Burst"], &shown["Limits"]["Queue"]], [7, 5]);
    let text = run(&mut remote(&app, &["egress", "show", &game])).done();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    assert!(lines.contains(&"Burst                7"), "{text}");
    assert!(lines.contains(&"Queue                5  the game's own"), "{text}");
}

#[tokio::test]
async fn a_policy_that_does_not_fit_is_refused_whole_and_changes_nothing() {
    let app = App::start().await;
    let game = app.make_game(&app.token).await;
    put(&app, &game, json!({ "Allow": ["a.test:443"] })).await.expect(200);
    let (before, kept) = (get(&app, &game).await, app.kept());
    let path = format!("/games/{game}/egress");
    for (body, kind, names) in [
        (r#"{"Alow":[]}"#, "unknown-field", "did you mean `Allow`?"),
        (r#"{"Revision":1}"#, "unknown-field", "`Revision`"),
        (r#"{"Limits":{"Burst":3}}"#, "unknown-field", "`Limits`"),
        (r#"{"Allow":"a.test:443"}"#, "bad-body", "`Allow`"),
        (r#"{"Allow":[],"Allow":[]}"#, "bad-body", "duplicate field `Allow`"),
        ("[]", "bad-body", "an object"),
        (r#"{"Allow":["#, "body-truncated", "ended"),
        (r#"{"Allow":["*.a.test:443"]}"#, "bad-value", "`*.a.test:443`"),
        (r#"{"Allow":["a.test"]}"#, "bad-value", "`a.test:443` names the usual one"),
        (r#"{"Allow":["a.test:443","A.TEST:443"]}"#, "bad-value", "more than once"),
        (r#"{"Allow":["https://a.test:443/v1"]}"#, "bad-value", "path"),
        (r#"{"Allow":["http://user@a.test:80"]}"#, "bad-value", "user@"),
        (r#"{"Allow":[{"Entry":"a.test:1","Private":true}]}"#, "bad-value", "`Private`"),
        (r#"{"Allow":[{"AllowPrivate":true}]}"#, "bad-value", "`Entry`"),
        (r#"{"RequestsPerSecond":0}"#, "bad-value", "between 1 and"),
        (r#"{"Burst":"3"}"#, "bad-value", "`Burst`"),
        (r#"{"ResponseBodyBytes":99999999999}"#, "bad-value", "`ResponseBodyBytes`"),
    ] {
        let asked = app.request(Method::PUT, &path).header("content-type", "application/json");
        let detail = asked.body(body).send().await.problem(400, kind);
        assert!(detail.contains(names), "{body}: {detail}");
        assert_eq!(app.kept(), kept, "{body}");
    }
    let bad = json!({ "Allow": ["*:1", "\u{202e}:1", "b.test"], "Burst": 0, "Queue": -1 });
    let answer = put(&app, &game, bad).await;
    let detail = answer.problem(400, "bad-value");
    let reasons = answer.json()["Reasons"].as_array().unwrap().clone();
    assert_eq!(reasons.len(), 5, "every bad value is named at once: {detail}");
    assert!(detail.is_ascii(), "{detail}");
    assert_eq!(get(&app, &game).await, before);

    let nowhere = put(&app, "g_0000000000000000", json!({})).await;
    nowhere.problem(404, "not-found");
    let long = json!({ "Allow": ["x".repeat(200 << 10)] });
    put(&app, &game, long).await.problem(413, "body-too-large");
    assert_eq!(app.kept(), kept);
}

#[tokio::test]
async fn a_stored_policy_that_holds_no_more_denies_all_and_stops_no_server() {
    let mut app = App::start().await;
    let game = app.make_game(&app.token).await;
    app.upload(&game, "1.0.0", &sims::fetcher()).await.expect(201);
    put(&app, &game, json!({ "Allow": ["a.test:443"] })).await.expect(200);
    for (revision, policy, names) in [
        (2, r#"{"Allow":["*.a.test:443"]}"#, "`*.a.test:443`"),
        (3, r#"{"Allow":["a.test:443"],"Burst":0}"#, "`Burst`"),
        (4, r#"{"Allowed":[]}"#, "`Allowed`"),
    ] {
        app.stop();
        let database = Connection::open(app.data().join("lattice.sqlite")).unwrap();
        let alter = "UPDATE egress_policy SET revision = ?1, policy = ?2";
        database.execute(alter, (revision, policy)).unwrap();
        drop(database);
        app.restart().await;
        let called = Fetching::of(&app, &game).await.call(0, "https://a.test/").await;
        assert_eq!(called, NOT_ALLOWED, "{policy}");
        let why = app.get(&format!("/games/{game}/egress")).send().await.problem(409, "conflict");
        assert!(why.contains(names) && why.contains("nothing may leave"), "{why}");
    }
    let set = put(&app, &game, json!({ "Allow": ["a.test:443"] })).await.expect(200);
    assert_eq!(set["Revision"], 5);
    assert_eq!(get(&app, &game).await, set);
}

#[tokio::test]
async fn the_command_line_shows_and_sets_what_a_game_may_fetch() {
    let app = App::start().await;
    let game = app.make_game(&app.token).await;
    let ask = |args: &[&str]| run(&mut remote(&app, &[&["egress"], args].concat()));
    let none = ask(&["show", &game]).done();
    assert!(none.starts_with(&format!("{game}  never set\n  nothing is allowed\n")), "{none}");

    let wish = ["set", &game, "--allow", "a.test:443", "--allow", "b.test:8443"];
    let set = ask(&[&wish[..], &["--allow-private", "http://127.0.0.1:9"]].concat()).done();
    assert!(set.starts_with(&format!("{game}  revision 1, by admin at ")), "{set}");
    for line in ["a.test:443", "b.test:8443", "http://127.0.0.1:9 (private too)"] {
        assert!(set.contains(&format!("allow                {line}\n")), "{set}");
    }
    assert_eq!(ask(&["show", &game]).done(), set);

    let file = app.data().join("policy.json");
    fs::write(&file, ask(&["show", &game, "--json"]).done()).unwrap();
    ask(&["set", &game]).done();
    assert_eq!(get(&app, &game).await["Allow"], json!([]));
    let again = ask(&["set", &game, "--file", file.to_str().unwrap(), "--json"]).json();
    assert_eq!(again["Allow"].as_array().unwrap().len(), 3);
    assert_eq!(again["Revision"], 3);

    ask(&["set", &game, "--allow", "a.test"]).failed(1, &["400", "`a.test:443`"]);
    ask(&["set", &game, "--file", "nowhere.json"]).failed(2, &["nowhere.json"]);
    let eve = app.make_token("eve", "developer").await;
    let mut denied = remote(&app, &["egress", "set", &game, "--allow", "a.test:443"]);
    run(denied.env("LATTICE_TOKEN", eve)).failed(1, &["403", "super-admin"]);
    assert_eq!(get(&app, &game).await["Revision"], 3);
}

#[test]
fn roots_that_cannot_be_read_are_named_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let (data, config) = (folder.path().join("data"), folder.path().join("server.toml"));
    let empty = folder.path().join("empty.pem");
    fs::write(&empty, "no certificate\n").unwrap();
    for roots in [folder.path().join("nowhere.pem"), empty] {
        let roots = roots.to_str().unwrap();
        fs::write(&config, format!("[server]\negress_roots = [\"{roots}\"]\n")).unwrap();
        let mut command = lattice();
        command.args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
        let said = run(command.arg("--data").arg(&data).arg("--config").arg(&config));
        said.failed(1, &[roots, "certificates"]);
        assert!(said.stdout.is_empty() && !data.exists(), "{}", said.stdout);
    }
}
