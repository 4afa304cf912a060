//! A server's start and end: gracefully, or with one clear line and nothing left behind.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::{Command, Output},
};

use crate::{
    app::{App, lattice, serve},
    sims,
    socket::Socket,
};

#[tokio::test]
async fn a_stop_asks_the_sims_closes_the_sockets_and_leaves_a_clean_database() {
    let mut app = App::with("on_stop = \"end\"").await;
    let (_, id) = app.running_match(&sims::puppet()).await;
    let token = app.make_player(&id, "ada").await;
    let mut socket = Socket::open(&app, &id, &token).await;
    assert_eq!(socket.next().await, b"hello");
    app.signal("-TERM");
    assert_eq!(socket.closed().await.0, 1001);
    assert!(app.wait().success());
    let wal = fs::metadata(app.data().join("lattice.sqlite-wal")).map_or(0, |wal| wal.len());
    assert_eq!(wal, 0, "the log is in the database");
    app.restart().await;
    let found = app.until(&id, |_| true).await;
    assert_eq!(found["State"], "stopped", "it was asked to stop, not lost");
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let mut app = App::with("on_stop = \"end\"\nstop_grace_ms = 600000").await;
    // At one tick a second, the sim's last ticks take a minute.
    let game = app.make_game(&app.token).await;
    app.upload(&game, "1.0.0", &sims::idle()).await.expect(201);
    app.start_match(&game, serde_json::json!({ "TickHz": 1 })).await;
    app.signal("-INT");
    while app.get("/readyz").send().await.status == 200 {
        tokio::task::yield_now().await;
    }
    app.get("/healthz").send().await.expect(200);
    app.signal("-INT");
    assert_eq!(app.wait().code(), Some(130));
}

/// Runs a server that must not start; nothing but one line on stderr may come of it.
fn refused(output: &Output) -> String {
    assert!(output.status.code().is_some_and(|code| code != 0), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let said = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

fn has_database(data: &Path) -> bool {
    data.join("lattice.sqlite").exists()
}

#[test]
fn a_port_in_use_is_named_and_nothing_is_made() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--listen", "--admin-listen"] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let other = if flag == "--listen" { "--admin-listen" } else { "--listen" };
        let mut command = lattice();
        command.args(["serve", flag, &address, other, "127.0.0.1:0"]).arg("--data").arg(&data);
        let said = refused(&command.output().unwrap());
        assert!(said.contains(&address), "{said}");
        assert!(!data.exists(), "no data folder");
    }
}

#[test]
fn a_new_data_folder_that_cannot_be_written_is_named_and_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // Files of 8 KiB at most, which end as a full disk would: with an error, not a signal.
    let mut command = Command::new("bash");
    command.args(["-c", r#"trap "" XFSZ; ulimit -f 8; exec "$0" "$@""#]);
    command.arg(lattice().get_program());
    command.args(["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    let said = refused(&command.arg("--data").arg(&data).output().unwrap());
    assert!(said.contains(data.to_str().unwrap()), "{said}");
    assert!(!data.exists(), "no data folder");
}

#[tokio::test]
async fn a_data_folder_that_is_held_is_named_and_its_holder_goes_on() {
    let app = App::start().await;
    let before = app.kept();
    let said = refused(&serve(app.data(), "").output().unwrap());
    assert!(said.contains(app.data().to_str().unwrap()), "{said}");
    app.get("/games").send().await.expect(200);
    assert_eq!(app.kept(), before);
}

#[test]
fn a_configuration_that_does_not_fit_is_named_and_nothing_is_made() {
    for (config, names) in [
        ("lissten = \"127.0.0.1:0\"", "did you mean `listen`?"),
        ("match_slots = \"many\"", "match_slots"),
        ("match_slots = 0", "server.match_slots"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = serve(folder.path(), config).output().unwrap();
        let said = refused(&output);
        assert!(said.contains(names) && said.contains("test.toml"), "{said}");
        assert!(!has_database(folder.path()));
    }
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.toml");
    fs::write(&policy, "[match]\ntick_fule = 5\n").unwrap();
    let mut command = serve(folder.path(), "");
    let said = refused(&command.arg("--policy").arg(&policy).output().unwrap());
    assert!(said.contains("did you mean `tick_fuel`?"), "{said}");
    let missing = refused(&lattice().args(["serve", "--config", "nowhere.toml"]).output().unwrap());
    assert!(missing.contains("nowhere.toml"), "{missing}");
}
