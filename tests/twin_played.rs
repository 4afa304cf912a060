//! A match that people played on the server is the same at the author's desk, natively.

use std::{fs, process::Command};

use crate::{app::App, clang::project, cli::run, socket::Socket, twin::Twins};

#[tokio::test]
async fn a_played_match_is_the_same_natively() {
    let twins = Twins::of(&project().join("examples/hello/hello.c"));
    let app = App::start().await;
    let (_, id) = app.running_match(&fs::read(twins.wasm()).unwrap()).await;
    for name in ["ada", "zoë"] {
        let token = app.make_player(&id, name).await;
        let mut socket = Socket::open(&app, &id, &token).await;
        assert_eq!(socket.next().await, b"hello");
        socket.send(b"well met").await;
        assert_eq!(socket.next().await, b"well met");
    }
    app.delete(&format!("/matches/{id}")).send().await.expect(202);
    let ended = app.until(&id, |found| found["EndedAt"].is_string()).await;

    let log = twins.folder.path().join("match.log");
    let answer = app.get(&format!("/matches/{id}/inputs")).send().await;
    assert_eq!(answer.status, 200);
    fs::write(&log, &answer.body).unwrap();
    let said = twins.verify(&["--inputs", log.to_str().unwrap()]).done();
    let transcript = ended["Transcript"].as_str().unwrap();
    assert!(said.starts_with("the same: ") && said.contains(transcript), "{said}");

    let printed = run(Command::new(twins.native()).arg("--inputs").arg(&log)).done();
    assert!(printed.contains("send to player 2") && printed.contains(transcript), "{printed}");
}
