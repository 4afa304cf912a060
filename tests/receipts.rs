//! Receipts, through the doors of those who get them: what the host signed is fetched, checked
//! without a server, and refused where anything is other than it was.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    app::{App, lattice},
    cli::{Said, remote, run},
    sims,
    socket::Socket,
};

/// Runs a command on the server's data folder.
fn on(app: &App, args: &[&str]) -> Said {
    run(lattice().args(args).arg("--data").arg(app.data()))
}

/// Writes the public key that signs now to a file.
fn public_key(app: &App) -> PathBuf {
    let path = app.data().join("host.pub");
    fs::write(&path, on(app, &["key", "show", "--pem"]).done()).unwrap();
    path
}

/// Checks a receipt without a server; `with` are flags and their files.
fn verify(receipt: &Path, key: &Path, with: &[(&str, &Path)]) -> Said {
    let mut command = lattice();
    command.args(["receipt", "verify"]).arg(receipt).arg("--key").arg(key);
    for (flag, path) in with {
        command.arg(flag).arg(path);
    }
    run(&mut command)
}

/// That it says no, and at which place.
#[track_caller]
fn is_no(said: &Said, place: &str, word: &str) {
    assert_eq!(said.code, 1, "{}{}", said.stdout, said.stderr);
    let last = said.stdout.lines().last().unwrap();
    assert!(last.starts_with(&format!("no   {place}")) && last.contains(word), "{}", said.stdout);
}

/// The file with one bit flipped, beside it.
fn flipped(path: &Path, at: usize) -> PathBuf {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    let other = path.with_extension("flipped");
    fs::write(&other, bytes).unwrap();
    other
}

/// A game with a build, and the files of its module and its receipt.
async fn build(app: &App) -> (String, PathBuf, PathBuf) {
    let game = app.make_game(&app.token).await;
    let module = app.data().join("sim.wasm");
    fs::write(&module, sims::puppet()).unwrap();
    app.upload(&game, "1.0.0", &sims::puppet()).await.expect(201);
    let receipt = app.data().join("build.receipt");
    let of = format!("{game}/1.0.0");
    run(remote(app, &["receipt", "fetch", &of, "-o"]).arg(&receipt)).done();
    (game, module, receipt)
}

#[tokio::test]
async fn a_build_is_proved_by_its_receipt_and_its_module_alone() {
    let mut app = App::start().await;
    let (game, module, receipt) = build(&app).await;
    let path = format!("/games/{game}/modules/1.0.0/receipt");
    let answer = app.get(&path).send().await;
    assert_eq!(answer.header("content-type"), "application/vnd.dsse.envelope.v1+json");
    assert_eq!(answer.body, fs::read(&receipt).unwrap(), "to the byte");
    let key = public_key(&app);
    app.stop();

    let yes = verify(&receipt, &key, &[("--module", &module)]).done();
    let places: Vec<_> = yes.lines().map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(places, ["receipt", "module", "scan"], "{yes}");
    verify(&receipt, &key, &[]).done();

    let other = flipped(&module, 8);
    is_no(&verify(&receipt, &key, &[("--module", &other)]), "module", "SHA-256");
    let altered = flipped(&receipt, 40);
    is_no(&verify(&altered, &key, &[("--module", &module)]), "receipt", "signature");
    is_no(&verify(&receipt, &key, &[("--log", &module)]), "log", "no input log");
    let strict = app.data().join("strict.toml");
    fs::write(&strict, "[admission]\nimports = 1\n").unwrap();
    let said = verify(&receipt, &key, &[("--module", &module), ("--policy", &strict)]);
    is_no(&said, "scan", "policy");
}

#[tokio::test]
async fn a_receipt_says_what_was_admitted_and_where_the_audit_tells_of_it() {
    let app = App::start().await;
    let (game, _, receipt) = build(&app).await;
    let shown = run(lattice().args(["receipt", "show", "--json"]).arg(&receipt)).json();
    assert_eq!(shown["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(shown["predicateType"], "urn:lattice:receipt:build:v2");
    assert_eq!(shown["subject"][0]["name"], format!("{game}/1.0.0"));
    let found = app.get(&format!("/games/{game}/modules/1.0.0")).send().await.expect(200);
    assert_eq!(shown["subject"][0]["digest"]["sha256"], found["Sha256"]);
    let said = &shown["predicate"];
    assert_eq!(said["packaging"], "wasm");
    assert_eq!((&said["verdict"], &said["policy"]), (&json!("admitted"), &found["Policy"]));
    let names = said["imports"].as_array().unwrap().iter().map(|import| &import["name"]);
    assert!(names.eq(found["Imports"].as_array().unwrap()));
    let log = json!({ "name": "lattice_ms_log", "signature": "(i32, i32, i32) -> ()" });
    assert!(said["imports"].as_array().unwrap().contains(&log), "{said}");

    let rows = app.get("/audit?Limit=200").send().await.expect(200);
    let upload = |row: &&Value| row["Action"] == "module.upload";
    let row = rows["Items"].as_array().unwrap().iter().find(upload).unwrap();
    assert_eq!((&said["audit"]["seq"], &said["audit"]["hash"]), (&row["Seq"], &row["Hash"]));

    let text = run(lattice().args(["receipt", "show"]).arg(&receipt)).done();
    assert!(text.contains("not checked") && text.contains(&game), "{text}");
}

#[tokio::test]
async fn who_may_not_see_a_game_gets_none_of_its_receipts() {
    let app = App::start().await;
    let (game, ..) = build(&app).await;
    let eve = app.make_token("eve", "developer").await;
    let path = format!("/games/{game}/modules/1.0.0/receipt");
    app.get(&path).token(&eve).send().await.problem(404, "not-found");
    app.get(&path).token("").send().await.problem(401, "no-valid-token");
    let path = format!("/games/{game}/modules/1.0.1/receipt");
    app.get(&path).send().await.problem(404, "not-found");
    app.get("/audit/heads").token(&eve).send().await.problem(403, "not-yours");
    let id = app.start_match(&game, json!({})).await;
    let why = app.get(&format!("/matches/{id}/receipt")).send().await.problem(409, "conflict");
    assert!(why.contains("has not ended"), "{why}");
}

#[tokio::test]
async fn the_key_is_its_owners_alone_and_its_public_half_everybodys() {
    let mut app = App::start().await;
    let secret = app.data().join("keys/host.key");
    assert_eq!(fs::metadata(&secret).unwrap().permissions().mode() & 0o777, 0o600);
    let keys = app.get("/keys").token("").send().await.expect(200);
    let pem = on(&app, &["key", "show", "--pem"]).done();
    assert_eq!(keys["Items"].as_array().unwrap().len(), 1);
    assert_eq!((&keys["Items"][0]["Pem"], &keys["Items"][0]["Signs"]), (&json!(pem), &json!(true)));
    let id = keys["Items"][0]["Id"].as_str().unwrap();
    assert_eq!(fs::read_to_string(app.data().join(format!("keys/{id}.pub"))).unwrap(), pem);

    app.stop();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = run(&mut crate::app::serve(app.data(), ""));
    refused.failed(1, &["host.key", "644", "chmod 600"]);
}

#[tokio::test]
async fn a_rotated_key_signs_no_more_and_its_receipts_stay_good() {
    let mut app = App::start().await;
    let (_, module, receipt) = build(&app).await;
    let old = public_key(&app);
    let old_text = fs::read_to_string(&old).unwrap();
    app.stop();
    let rotated = on(&app, &["key", "rotate"]).done();
    app.restart().await;

    let keys = app.get("/keys").token("").send().await.expect(200);
    let keys = keys["Items"].as_array().unwrap();
    let signs: Vec<_> = keys.iter().filter(|key| key["Signs"] == true).collect();
    assert_eq!((keys.len(), signs.len()), (2, 1));
    assert!(rotated.starts_with(signs[0]["Id"].as_str().unwrap()), "{rotated}");
    assert_ne!(signs[0]["Pem"], old_text);
    let audit = app.get("/audit?Limit=1").send().await.expect(200);
    assert_eq!(audit["Items"][0]["Action"], "key.rotate");
    assert_eq!(audit["Items"][0]["Target"], signs[0]["Id"]);

    verify(&receipt, &old, &[("--module", &module)]).done();
    let kept = old.with_extension("old");
    fs::rename(&old, &kept).unwrap();
    let new = public_key(&app);
    is_no(&verify(&receipt, &new, &[]), "receipt", "none of those given");
    verify(&receipt, &new, &[("--key", &kept)]).done();
    on(&app, &["audit", "verify"]).done();
}

/// Deletes the audit's last rows as someone would who has the file, and knows it well.
fn cut_off(app: &App, rows: i64, with_heads: bool) {
    let database = Connection::open(app.data().join("lattice.sqlite")).unwrap();
    let triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'";
    let names: Vec<String> = {
        let mut query = database.prepare(triggers).unwrap();
        query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    for name in names {
        database.execute_batch(&format!("DROP TRIGGER {name}")).unwrap();
    }
    let heads = if with_heads { "DELETE FROM signed_head WHERE seq > last;" } else { "" };
    let cut = format!(
        "PRAGMA foreign_keys = OFF;
         DELETE FROM audit_row WHERE seq > (SELECT max(seq) FROM audit_row) - {rows};
         UPDATE audit_head SET (seq, hash) =
            (SELECT seq, hash FROM audit_row ORDER BY seq DESC LIMIT 1);
         {}",
        heads.replace("last", "(SELECT max(seq) FROM audit_row)")
    );
    database.execute_batch(&cut).unwrap();
}

#[tokio::test]
async fn a_tail_that_is_cut_off_shows_by_the_signed_end() {
    let mut app = App::start().await;
    app.make_game(&app.token).await;
    app.make_token("ada", "developer").await;
    app.stop();
    let whole = on(&app, &["audit", "verify"]).done();
    let head = app.data().join("head.receipt");
    fs::write(&head, on(&app, &["audit", "head"]).done()).unwrap();
    let rows = app.count("SELECT count(*) FROM audit_row");
    assert!(whole.contains(&format!("signed up to row {rows}")), "{whole}");

    cut_off(&app, 1, false);
    let why = format!("row {rows} was signed");
    on(&app, &["audit", "verify"]).failed(1, &["cut off", &why]);

    // Who deletes the signed ends as well has to reach the one that is kept elsewhere.
    cut_off(&app, 0, true);
    on(&app, &["audit", "verify"]).done();
    let elsewhere = ["audit", "verify", "--head", head.to_str().unwrap()];
    on(&app, &elsewhere).failed(1, &["cut off", &why]);
}

#[tokio::test]
async fn a_restored_database_goes_on_with_a_key_of_its_own() {
    let mut app = App::start().await;
    let (_, module, receipt) = build(&app).await;
    let key = public_key(&app);
    app.stop();
    let old = fs::read_to_string(&key).unwrap();
    fs::rename(app.data().join("keys"), app.data().join("keys-elsewhere")).unwrap();
    let verified = on(&app, &["audit", "verify"]).done();
    assert!(verified.contains("not checked"), "{verified}");

    app.restart().await;
    assert_ne!(on(&app, &["key", "show", "--pem"]).done(), old);
    let verified = on(&app, &["audit", "verify"]).done();
    assert!(verified.contains("not checked"), "{verified}");
    verify(&receipt, &key, &[("--module", &module)]).done();
    for public in fs::read_dir(app.data().join("keys-elsewhere")).unwrap() {
        let path = public.unwrap().path();
        if path.extension().unwrap() == "pub" {
            fs::copy(&path, app.data().join("keys").join(path.file_name().unwrap())).unwrap();
        }
    }
    let verified = on(&app, &["audit", "verify"]).done();
    assert!(!verified.contains("not checked"), "{verified}");
}

#[tokio::test]
async fn the_audits_end_is_signed_while_the_server_runs_and_given_to_the_operator() {
    let app = App::with("audit_head_every_ms = 100").await;
    app.make_game(&app.token).await;
    let rows = app.count("SELECT count(*) FROM audit_row");
    let newest = loop {
        let heads = app.get("/audit/heads?Limit=1").send().await.expect(200);
        let newest = heads["Items"][0].clone();
        if newest["Seq"] == rows {
            break newest;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    let audit = app.get("/audit?Limit=1").send().await.expect(200);
    assert_eq!(newest["Hash"], audit["Items"][0]["Hash"]);
    let receipt = app.data().join("head.receipt");
    fs::write(&receipt, newest["Receipt"].as_str().unwrap()).unwrap();
    verify(&receipt, &public_key(&app), &[]).done();
    assert_eq!(app.count("SELECT count(*) FROM audit_row"), rows, "a signed end is no act");
}

/// The files that speak of a match which has ended.
struct Played {
    module: PathBuf,
    log: PathBuf,
    receipt: PathBuf,
    key: PathBuf,
}

impl Played {
    /// A match that two players were in, played to its end.
    async fn new(app: &App, last: &[u8]) -> (String, Self) {
        let (game, module, _) = build(app).await;
        let id =
            app.start_match(&game, json!({ "Seed": u64::MAX.to_string(), "TickHz": 60 })).await;
        let token = app.make_player(&id, "ada").await;
        let mut socket = Socket::open(app, &id, &token).await;
        assert_eq!(socket.next().await, b"hello");
        socket.send(b"well met").await;
        assert_eq!(socket.next().await, b"well met");
        socket.send(last).await;
        app.until(&id, |found| found["EndedAt"].is_string()).await;
        let played = Self::of(app, &id, module);
        (id, played)
    }

    /// Fetches what there is of a match.
    fn of(app: &App, id: &str, module: PathBuf) -> Self {
        let [log, receipt] =
            ["inputs", "receipt"].map(|name| app.data().join(format!("{id}.{name}")));
        run(remote(app, &["match", "inputs", id, "-o"]).arg(&log)).done();
        run(remote(app, &["receipt", "fetch", id, "-o"]).arg(&receipt)).done();
        Self { module, log, receipt, key: public_key(app) }
    }

    fn verify(&self) -> Said {
        verify(&self.receipt, &self.key, &[("--module", &self.module), ("--log", &self.log)])
    }

    /// What the receipt says.
    fn says(&self) -> Value {
        run(lattice().args(["receipt", "show", "--json"]).arg(&self.receipt)).json()
    }
}

#[tokio::test]
async fn a_match_is_proved_by_its_module_and_its_log_without_a_server() {
    let mut app = App::start().await;
    let (id, played) = Played::new(&app, b"q").await;
    let found = app.get(&format!("/matches/{id}")).send().await.expect(200);
    let says = played.says();
    assert_eq!(says["predicateType"], "urn:lattice:receipt:match:v2");
    assert_eq!(says["subject"][0]["name"], id);
    assert_eq!(says["subject"][0]["digest"]["sha256"], found["Transcript"]);
    let said = &says["predicate"];
    assert_eq!((&said["packaging"], &said["isolation"]), (&json!("wasm"), &Value::Null));
    assert_eq!((&said["module"], &said["ticks"]), (&found["Sha256"], &found["Tick"]));
    assert_eq!(said["ending"], json!({ "state": "finished", "fault": null }));
    assert_eq!((&said["seed"], &said["tickHz"]), (&json!(u64::MAX.to_string()), &json!(60)));
    assert_eq!((&said["segments"], &said["forkedFrom"]), (&json!([]), &Value::Null));
    let bytes = fs::metadata(&played.log).unwrap().len();
    assert_eq!(
        (&said["inputLog"]["bytes"], &said["inputLog"]["whole"]),
        (&json!(bytes), &json!(true))
    );
    let rows = app.get("/audit?Limit=200").send().await.expect(200);
    let end = |row: &&Value| row["Action"] == "match.end";
    let row = rows["Items"].as_array().unwrap().iter().find(end).unwrap();
    assert_eq!((&said["audit"]["seq"], &said["audit"]["hash"]), (&row["Seq"], &row["Hash"]));
    app.stop();

    let yes = played.verify().done();
    let places: Vec<_> = yes.lines().map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(places, ["receipt", "module", "log", "replay", "result", "state"], "{yes}");
}

#[tokio::test]
async fn whatever_is_altered_of_a_match_is_named() {
    let app = App::start().await;
    let (_, played) = Played::new(&app, b"q").await;
    let files = |module: &Path, log: &Path| {
        verify(&played.receipt, &played.key, &[("--module", module), ("--log", log)])
    };
    is_no(&files(&flipped(&played.module, 8), &played.log), "module", "SHA-256");
    is_no(&files(&played.module, &flipped(&played.log, 100)), "log", "SHA-256");
    let receipt = flipped(&played.receipt, 40);
    is_no(&verify(&receipt, &played.key, &[]), "receipt", "signature");
    let mut cut = fs::read(&played.log).unwrap();
    cut.truncate(cut.len() - 1);
    let shorter = played.log.with_extension("shorter");
    fs::write(&shorter, cut).unwrap();
    is_no(&files(&played.module, &shorter), "log", "size");

    let other = App::start().await;
    let key = public_key(&other);
    is_no(&verify(&played.receipt, &key, &[]), "receipt", "none of those given");
    let named = other.data().join("other.receipt");
    let text = fs::read_to_string(&played.receipt).unwrap();
    let id = |app: &App| on(app, &["key", "show"]).done()[..64].to_owned();
    fs::write(&named, text.replace(&id(&app), &id(&other))).unwrap();
    is_no(&verify(&named, &key, &[]), "receipt", "not one of the key");

    // The log of another match of the same module and seed is whole, and yet not this one's.
    let (_, second) = Played::new(&app, b"t").await;
    is_no(&files(&played.module, &second.log), "log", "the receipt says");
}

#[tokio::test]
async fn a_fault_and_a_stop_are_proved_as_well() {
    let app = App::start().await;
    let (_, faulted) = Played::new(&app, b"t").await;
    let ending = faulted.says()["predicate"]["ending"].clone();
    assert_eq!(ending, json!({ "state": "faulted", "fault": "TRAP" }));
    faulted.verify().done();

    let (game, module, _) = build(&app).await;
    let id = app.start_match(&game, json!({})).await;
    app.delete(&format!("/matches/{id}")).send().await;
    app.until(&id, |found| found["EndedAt"].is_string()).await;
    let stopped = Played::of(&app, &id, module);
    assert_eq!(stopped.says()["predicate"]["ending"]["state"], "stopped");
    stopped.verify().done();
}
