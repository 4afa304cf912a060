//! The upload as the documentation has it: `curl`, word for word, and `curl -T` for more.

use std::process::Command;

use base64::{Engine, prelude::BASE64_STANDARD};
use http::Method;
use serde_json::{Value, json};

use crate::{
    app::{Answer, App},
    sims,
};

/// Runs a line of shell as a developer would, with `$GAME`, `$DEV_TOKEN` and a module at hand.
fn shell(app: &App, game: &str, token: &str, wasm: &[u8], line: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("game_sim.wasm"), wasm).unwrap();
    let line = line.replace("http://localhost:3004", &app.origin);
    let mut bash = Command::new("bash");
    bash.args(["-euc", &line]).current_dir(folder.path());
    let output = bash.env("GAME", game).env("DEV_TOKEN", token).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

const DOCUMENTED: &str = r#"WASM_B64=$(base64 -w0 game_sim.wasm)
curl -s -X POST http://localhost:3004/games/$GAME/modules \
  -H "authorization: Bearer $DEV_TOKEN" -H 'content-type: application/json' \
  -d "{\"Packaging\":\"wasm\",\"Version\":\"1.0.0\",\"WasmBase64\":\"$WASM_B64\"}""#;

#[tokio::test]
async fn the_documented_curl_uploads_a_module_word_for_word() {
    let app = App::start().await;
    let token = app.make_token("ada", "developer").await;
    let game = app.make_game(&token).await;
    let said = shell(&app, &game, &token, &sims::puppet(), DOCUMENTED);
    let answer: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(answer["Admitted"], true);
    assert_eq!(answer["Schedulable"], true);
    assert_eq!(answer["Imports"][0], "lattice_ms_event_next");
    let stored = "SELECT lower(hex(sha256)) FROM blob";
    let sha256: String = app.database().query_row(stored, [], |row| row.get(0)).unwrap();
    assert_eq!(answer["Sha256"], sha256);

    let refused =
        shell(&app, &game, &token, &sims::tampered(), &DOCUMENTED.replace("1.0.0", "2.0.0"));
    let refused: Value = serde_json::from_str(&refused).unwrap();
    assert_eq!(refused["Reasons"][0]["Code"], "IMPORT_NOT_ALLOWED");
    assert_eq!(refused["Reasons"][0]["Detail"], "env.system");
    assert_eq!(app.count("SELECT count(*) FROM blob"), 1, "the refused one is not there");
}

#[tokio::test]
async fn curl_with_a_file_uploads_a_megabyte_as_it_is() {
    let app = App::start().await;
    let token = app.make_token("ada", "developer").await;
    let game = app.make_game(&token).await;
    let wasm = sims::padded(1 << 20);
    let line = r#"curl -s -w '%{http_code}' -T game_sim.wasm -H "authorization: Bearer $DEV_TOKEN" \
        http://localhost:3004/games/$GAME/modules/1.0.0"#;
    let said = shell(&app, &game, &token, &wasm, line);
    assert!(said.ends_with("201"), "{said}");
    let back = app.get(&format!("/games/{game}/modules/1.0.0/wasm")).send().await;
    assert_eq!(back.header("content-type"), "application/wasm");
    assert!(back.body == wasm, "the bytes come back as they were");
}

async fn put(app: &App, game: &str, version: &str, wasm: &[u8]) -> Answer {
    let path = format!("/games/{game}/modules/{version}");
    app.request(Method::PUT, &path).body(wasm.to_vec()).send().await
}

#[tokio::test]
async fn the_same_again_is_the_same_answer_and_other_bytes_are_a_conflict() {
    let app = App::start().await;
    let game = app.make_game(&app.token).await;
    let first = app.upload(&game, "1.0.0", &sims::idle()).await;
    let again = app.upload(&game, "1.0.0", &sims::idle()).await;
    assert_eq!(again.expect(200), first.expect(201));
    assert_eq!(put(&app, &game, "1.0.0", &sims::idle()).await.expect(200), first.json());

    let taken = app.upload(&game, "1.0.0", &sims::puppet()).await.problem(409, "conflict");
    assert!(taken.contains("1.0.0") && taken.contains(first.json()["Sha256"].as_str().unwrap()));
    assert_eq!(app.count("SELECT count(*) FROM module_build"), 1);
    assert_eq!(app.count("SELECT count(*) FROM blob"), 1);
    let metrics = app.get(&format!("{}/metrics", app.admin_origin)).send().await.text();
    let compiled = r#"lattice_upload_stage_seconds_count{stage="compile"} 1"#;
    assert!(metrics.contains(compiled), "only what is new is compiled: {metrics}");
}

#[tokio::test]
async fn a_module_over_the_limit_is_refused_with_both_sizes_and_a_body_beyond_use_is_not_read() {
    let app = App::start().await;
    let game = app.make_game(&app.token).await;
    let limit = 16 << 20;
    let answer = put(&app, &game, "1.0.0", &vec![0; limit + 1]).await;
    answer.problem(400, "module-refused");
    assert!(answer.text().contains("16777217") && answer.text().contains("16777216"));
    assert_eq!(app.count("SELECT count(*) FROM rejections"), 1);

    let before = app.kept();
    // Only the head is sent: the answer does not wait for a body.
    let head = format!(
        "PUT /games/{game}/modules/1.0.0 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         content-length: 99999999\r\nexpect: 100-continue\r\n\r\n",
        app.token
    );
    let answer = raw(&app, &head).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("urn:lattice:problem:body-too-large"), "{answer}");
    assert_eq!(app.kept(), before);
}

#[tokio::test]
async fn who_may_not_upload_is_told_before_the_body_is_read() {
    let app = App::start().await;
    let game = app.make_game(&app.token).await;
    let stranger = app.make_token("eve", "developer").await;
    for (authorization, status) in
        [("Bearer nothing", "401"), (&*format!("Bearer {stranger}"), "403")]
    {
        let head = format!(
            "PUT /games/{game}/modules/1.0.0 HTTP/1.1\r\nhost: x\r\nauthorization: {authorization}\r\n\
             content-length: 1000000\r\nexpect: 100-continue\r\n\r\n"
        );
        let answer = raw(&app, &head).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
}

#[tokio::test]
async fn a_packaging_that_is_not_known_is_refused_with_the_one_that_is() {
    let app = App::start().await;
    let game = app.make_game(&app.token).await;
    let wasm = BASE64_STANDARD.encode(sims::idle());
    let body = json!({ "Packaging": "elf", "Version": "1.0.0", "WasmBase64": wasm });
    let answer = app.post(&format!("/games/{game}/modules"), body).send().await;
    assert!(answer.problem(400, "bad-value").contains("`wasm`"));
}

/// Sends bytes as they are, and reads what is said before the server closes or waits for more.
pub(crate) async fn raw(app: &App, head: &str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let address = app.origin.strip_prefix("http://").unwrap();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    while !String::from_utf8_lossy(&said).contains("\"type\"") {
        assert_ne!(stream.read_buf(&mut said).await.unwrap(), 0, "{said:?}");
    }
    String::from_utf8(said).unwrap()
}

#[tokio::test]
async fn an_admission_says_what_no_snapshot_holds() {
    let app = App::start().await;
    let game = app.make_game(&app.token).await;
    let dropping = r#"(module (memory (export "memory") 1) (data $once "x")
        (func (export "lattice_abi_v1"))
        (func (export "lattice_sim_init") (param i64 i32) (result i32) data.drop $once i32.const 0)
        (func (export "lattice_sim_tick") (param i64) (result i32) i32.const 0))"#;
    let made = app.upload(&game, "1.0.0", &wat::parse_str(dropping).unwrap()).await.expect(201);
    assert_eq!(made["ReplayOnly"], serde_json::json!(["data.drop"]));
    let kept = app.get(&format!("/games/{game}/modules/1.0.0")).send().await.expect(200);
    assert_eq!(kept["ReplayOnly"], made["ReplayOnly"]);
    let plain = app.upload(&game, "2.0.0", &sims::idle()).await.expect(201);
    assert!(plain.get("ReplayOnly").is_none());
}
