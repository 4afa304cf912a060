//! The command line: what it teaches, how it says no, and that its commands are the API's equal.

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

use crate::{
    app::{App, lattice},
    sims,
    socket::Socket,
};

/// What a command said and how it ended.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command to its end.
pub(crate) fn run(command: &mut Command) -> Said {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let code = status.code().expect("it ends by itself");
    Said { code, stdout: text(stdout), stderr: text(stderr) }
}

/// A command that talks to that server, as the super-admin.
pub(crate) fn remote(app: &App, args: &[&str]) -> Command {
    let mut command = lattice();
    command.args(args).env("LATTICE_URL", &app.origin).env("LATTICE_TOKEN", &app.token);
    command
}

impl Said {
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    #[track_caller]
    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.done()).unwrap()
    }

    /// One clear line on stderr, with that exit code and these words.
    #[track_caller]
    pub(crate) fn failed(&self, code: i32, words: &[&str]) {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        assert!(self.stderr.starts_with("lattice: "), "{}", self.stderr);
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in {}", self.stderr);
        }
    }
}

#[test]
fn every_command_explains_itself_with_examples() {
    let commands = [
        "serve", "scan", "upload", "game", "match", "replay", "inspect", "fork", "egress", "token",
        "audit", "backup", "build", "verify", "dev", "receipt", "key",
    ];
    let help = run(lattice().arg("--help")).done();
    for command in commands {
        assert!(help.contains(&format!("\n  {command}")), "{help}");
        let own = run(lattice().args([command, "--help"])).done();
        assert!(
            own.contains("Examples:\n") && own.contains(&format!("  lattice {command}")),
            "{own}"
        );
        assert!(!own.contains('\u{1b}'), "no colours but on a terminal: {own:?}");
    }
}

#[test]
fn what_is_typed_wrong_is_said_with_what_would_be_right() {
    let said = run(lattice().arg("uplaod"));
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("upload"), "{}", said.stderr);
    let said = run(lattice().args(["match", "show", "g_0123456789abcdef"]));
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("not a match id"), "{}", said.stderr);
    let said = run(lattice().args(["token", "create", "--subject", "a b", "--role", "developer"]));
    assert_eq!(said.code, 2);
    assert!(said.stderr.contains("letters, digits"), "{}", said.stderr);
}

#[test]
fn an_unknown_key_of_the_configuration_names_the_nearest_known_one() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("lattice.toml");
    std::fs::write(&config, "[server]\ndata_dirr = \"x\"\n").unwrap();
    let said = run(lattice().arg("serve").arg("--config").arg(&config));
    said.failed(2, &["lattice.toml", "data_dirr", "did you mean `data_dir`?"]);
    let policy = folder.path().join("policy.toml");
    std::fs::write(&policy, "[admission]\nmodul_bytes = 1000\n").unwrap();
    let said = run(lattice().arg("serve").arg("--policy").arg(&policy));
    said.failed(2, &["policy.toml", "admission.modul_bytes", "did you mean `module_bytes`?"]);
    assert!(!Path::new("x").exists());
}

#[tokio::test]
async fn a_game_goes_from_nothing_to_a_match_that_is_played_and_stopped() {
    let app = App::start().await;
    let module = app.data().join("puppet.wasm");
    std::fs::write(&module, sims::puppet()).unwrap();
    let ask = |args: &[&str]| run(&mut remote(&app, args));

    let game = ask(&["game", "new", "Puppets", "--json"]).json()["Id"].as_str().unwrap().to_owned();
    let games = ask(&["game", "list"]).done();
    assert!(
        games.starts_with("GAME") && games.contains(&game) && games.contains("Puppets"),
        "{games}"
    );
    let path = module.to_str().unwrap();
    let upload = ask(&["upload", path, "--game", &game, "--version", "1.0.0"]).done();
    assert!(upload.starts_with("admitted\n") && upload.contains("lattice_ms_send"), "{upload}");
    assert_eq!(app.count("SELECT count(*) FROM builds"), 1);

    let seed = u64::MAX.to_string();
    let wish = ["match", "new", "--game", &game, "--tick-hz", "120", "--seed", &seed, "--json"];
    let made = ask(&wish).json();
    let id = made["Id"].as_str().unwrap();
    assert_eq!([&made["Seed"], &made["TickHz"]], [&Value::from(seed.as_str()), &Value::from(120)]);
    let player = ask(&["match", "player", id, "--name", "Ada", "--json"]).json();
    assert!(player["Url"].as_str().unwrap().starts_with(&format!("{}/play/{id}/#", app.origin)));
    let mut socket = Socket::open(&app, id, player["Token"].as_str().unwrap()).await;
    assert_eq!(socket.next().await, b"hello");
    socket.send(b"l and heard").await;
    socket.send(b"and answered").await;
    assert_eq!(socket.next().await, b"and answered");

    let list = ask(&["match", "list", "--game", &game]).done();
    assert!(list.contains(id) && list.contains("running"), "{list}");
    let stopped = ask(&["match", "stop", id]).done();
    assert!(stopped.starts_with(&format!("{id}  stopping")), "{stopped}");
    // Following ends with the match, so this waits until it has stopped.
    let log = ask(&["match", "logs", id, "--follow"]).done();
    assert!(log.contains("info  hello") && log.contains("warn  l and heard"), "{log}");
    assert_eq!(ask(&["match", "logs", id]).done(), log, "the past is what was seen live");
    assert!(ask(&["match", "show", id]).done().starts_with(&format!("{id}  stopped\n")));
}

#[tokio::test]
async fn a_refused_upload_names_its_reasons_and_exits_with_1() {
    let app = App::start().await;
    let game = app.make_game(&app.token).await;
    let module = app.data().join("tampered.wasm");
    std::fs::write(&module, sims::tampered()).unwrap();
    let args = ["upload", module.to_str().unwrap(), "--game", &game, "--version", "1.0.0"];
    let said = run(&mut remote(&app, &args));
    assert_eq!(said.code, 1);
    assert!(said.stdout.starts_with("refused\n"), "{}", said.stdout);
    assert!(said.stdout.contains("IMPORT_NOT_ALLOWED  env.system"), "{}", said.stdout);
    assert!(said.stdout.contains("IMPORT_NOT_ALLOWED  env.fd_write"), "{}", said.stdout);
    assert_eq!(app.count("SELECT count(*) FROM builds"), 0);
}

#[tokio::test]
async fn what_the_server_refuses_is_one_line_with_its_reason() {
    let app = App::start().await;
    let nobody = run(lattice().args(["game", "list", "--url", &app.origin]));
    nobody.failed(1, &["401", "Authorization: Bearer"]);
    let eve = app.make_token("eve", "viewer").await;
    let denied = run(lattice().args(["game", "new", "x", "--url", &app.origin, "--token", &eve]));
    denied.failed(1, &["403", "developer"]);
    let stale = run(&mut remote(&app, &["match", "show", "m_0123456789abcdef"]));
    stale.failed(1, &["404"]);
    let missing = ["upload", "nowhere.wasm", "--game", "g_0123456789abcdef", "--version", "1.0.0"];
    run(&mut remote(&app, &missing)).failed(2, &["nowhere.wasm"]);
    // Port 1 is nobody's.
    let away = run(lattice().args(["game", "list", "--url", "http://127.0.0.1:1"]));
    away.failed(1, &["http://127.0.0.1:1", "lattice serve"]);
}
