//! Web fetches of running sims: what the rules deny never reaches the network, what they allow does,
//! a change holds at once, and all of it is in the audit, without what was in it.

use std::{fs, time::Duration};

use serde_json::{Value, json};

use crate::{
    app::{App, lattice},
    egress::{private, put},
    peer::{Peer, Seen},
    sims,
    socket::Socket,
    upgrade::upgrade,
};

pub(crate) const NOT_ALLOWED: i32 = -100;
const BAD_REQUEST: i32 = -102;
const FAILED: i32 = -104;

/// A match that fetches what it is told, and the one who tells it.
pub(crate) struct Fetching {
    game: String,
    id: String,
    socket: Socket,
}

impl Fetching {
    async fn start(app: &App) -> Self {
        let (game, id) = app.running_match(&sims::fetcher()).await;
        Self::join(app, game, id).await
    }

    /// Another match of a game whose build is [`sims::fetcher`].
    pub(crate) async fn of(app: &App, game: &str) -> Self {
        let id = app.start_match(game, json!({})).await;
        Self::join(app, game.to_owned(), id).await
    }

    async fn join(app: &App, game: String, id: String) -> Self {
        let token = app.make_player(&id, "ada").await;
        let socket = Socket::open(app, &id, &token).await;
        Self { game, id, socket }
    }

    /// What the sim's call answers for a method's number and a URL.
    pub(crate) async fn call(&mut self, method: u8, url: &str) -> i32 {
        self.socket.send(format!("{method}{url}").as_bytes()).await;
        let said = self.socket.next().await;
        assert_eq!(said[0], b'c', "{said:?}");
        i32::from_le_bytes(said[1..].try_into().unwrap())
    }

    /// The status and the body of the next response that the sim is told of.
    async fn response(&mut self) -> (i32, String) {
        let said = self.socket.next().await;
        assert_eq!(said[0], b'r', "{said:?}");
        let status = i32::from_le_bytes(said[1..5].try_into().unwrap());
        (status, String::from_utf8(said[5..].to_vec()).unwrap())
    }

    /// Allows that peer, with time enough that nothing ends for lack of it.
    async fn allow(&self, app: &App, peer: &Peer) {
        let allow = [private(&peer.origin())];
        let policy = json!({ "Allow": allow, "HeadersMs": 60_000, "WholeMs": 120_000 });
        put(app, &self.game, policy).await.expect(200);
    }
}

#[tokio::test]
async fn a_fetch_is_denied_until_it_is_allowed_and_then_leaves_without_a_restart() {
    let mut app = App::start().await;
    let mut peer = Peer::start().await;
    let mut sim = Fetching::start(&app).await;
    let url = format!("{}/scores?key=hidden", peer.origin());
    assert_eq!(sim.call(2, &url).await, NOT_ALLOWED);
    assert_eq!(sim.call(2, "http:\\\\evil.test").await, BAD_REQUEST);
    assert_eq!(peer.connections(), 0);

    sim.allow(&app, &peer).await;
    assert_eq!(sim.call(2, &url).await, 1, "the first request that is accepted");
    assert_eq!(sim.response().await, (200, "hello".to_owned()));
    let Seen::Request(request) = peer.next().await else { panic!("a request") };
    assert!(request.starts_with("POST /scores?key=hidden HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("\r\nhost: {}\r\n", peer.address())), "{request}");
    assert!(request.contains(&format!("\r\nx-lattice-game: {}\r\n", sim.game)), "{request}");
    assert!(request.contains("\r\nx-key: hidden\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\nthe secret body"), "{request}");
    assert_eq!(peer.connections(), 1);

    let counted = |found: &Value| {
        ["FetchesSent", "FetchesInFlight", "FetchesRefused"].map(|member| found[member].as_i64())
    };
    let expected = [Some(1), Some(0), Some(2)];
    let found = app.until(&sim.id, |found| counted(found) == expected).await;
    assert_eq!(found["State"], "running");

    app.stop();
    assert_fetched(&app, &sim, &peer);
    for secret in ["hidden", "the secret body", "hello"] {
        let kept = "SELECT count(*) FROM audit_row WHERE target || detail LIKE '%'";
        assert_eq!(app.count(&kept.replace("'%'", &format!("'%{secret}%'"))), 0, "{secret}");
    }
    let verified = lattice().args(["audit", "verify", "--data"]).arg(app.data()).output().unwrap();
    assert!(verified.status.success(), "{verified:?}");
}

/// What an auditor reads of one fetch and of two refusals before it. The server is down: whatever it
/// had to tell is written.
fn assert_fetched(app: &App, sim: &Fetching, peer: &Peer) {
    let database = app.database();
    let fetched: (String, String, String, String, String, i64, String, bool) = database
        .query_row(
            "SELECT game, match_id, method, url, outcome, status, address,
                sent_bytes > 100 AND received_bytes > 40 AND waited_ms >= 0 AND took_ms >= 0
             FROM fetches",
            [],
            |row| {
                Ok((
                    row.get(0)?,
                    row.get(1)?,
                    row.get(2)?,
                    row.get(3)?,
                    row.get(4)?,
                    row.get(5)?,
                    row.get(6)?,
                    row.get(7)?,
                ))
            },
        )
        .unwrap();
    let (game, id) = (sim.game.clone(), sim.id.clone());
    let url = format!("{}/scores?...", peer.origin());
    let expected = (game, id, "POST".to_owned(), url, "ok".to_owned(), 200, peer.address(), true);
    assert_eq!(fetched, expected);

    let mut query =
        database.prepare("SELECT code, reason, count FROM refused_fetches ORDER BY code").unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    let refused: Vec<(String, String, i64)> = rows.map(Result::unwrap).collect();
    assert_eq!(refused.len(), 2, "{refused:?}");
    assert_eq!((&*refused[0].0, refused[0].2), ("LATTICE_HTTP_BAD_REQUEST", 1));
    assert_eq!((&*refused[1].0, refused[1].2), ("LATTICE_HTTP_NOT_ALLOWED", 1));
    assert!(refused[1].1.contains(&peer.origin()), "{}", refused[1].1);
}

#[tokio::test]
async fn an_entry_that_is_taken_back_is_refused_at_the_next_request() {
    let app = App::start().await;
    let mut peer = Peer::start().await;
    let mut sim = Fetching::start(&app).await;
    let url = format!("{}/", peer.origin());
    sim.allow(&app, &peer).await;
    assert_eq!(sim.call(0, &url).await, 1);
    assert_eq!(sim.response().await.0, 200);
    assert!(matches!(peer.next().await, Seen::Request(_)));

    put(&app, &sim.game, json!({})).await.expect(200);
    assert_eq!(sim.call(0, &url).await, NOT_ALLOWED);
    assert_eq!(peer.connections(), 1);
}

#[tokio::test]
async fn a_public_entry_reaches_no_private_address_and_the_sim_learns_no_reason() {
    let mut app = App::start().await;
    let peer = Peer::start().await;
    let mut sim = Fetching::start(&app).await;
    put(&app, &sim.game, json!({ "Allow": [peer.origin()] })).await.expect(200);
    assert_eq!(sim.call(0, &format!("{}/", peer.origin())).await, 1);
    assert_eq!(sim.response().await, (FAILED, String::new()));
    assert_eq!(peer.connections(), 0);

    app.stop();
    let told: (String, String) = app
        .database()
        .query_row("SELECT outcome, why FROM fetches", [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!(told.0, "address");
    assert!(told.1.contains("127.0.0.1"), "{}", told.1);
}

/// The owner could be who wrote the sim, so what the sim must not learn, the owner must not read.
#[tokio::test]
async fn an_owner_reads_of_a_fetch_what_the_sim_was_told_and_the_operator_why() {
    let app = App::start().await;
    let ada = app.make_token("ada", "developer").await;
    let game = app.make_game(&ada).await;
    app.upload(&game, "1.0.0", &sims::fetcher()).await.expect(201);
    let mut sim = Fetching::of(&app, &game).await;
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let forbidden = "http://127.0.0.1:1".to_owned();
    let unknown = "http://no-such-name.invalid:80".to_owned();
    let wordy = Peer::start().await.origin();
    let allow = json!([private(&nobody), forbidden, unknown, private(&wordy)]);
    put(&app, &game, json!({ "Allow": allow, "ResponseBodyBytes": 2 })).await.expect(200);
    for (number, origin) in (1..).zip([&nobody, &forbidden, &unknown, &wordy]) {
        assert_eq!(sim.call(0, &format!("{origin}/")).await, number);
        assert_eq!(sim.response().await, (FAILED, String::new()), "{origin}");
    }
    while app.count("SELECT count(*) FROM fetches") < 4 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let read = async |token: &str| {
        let page = app.get(&format!("/games/{game}/audit")).token(token).send().await.expect(200);
        let rows = page["Items"].as_array().unwrap().iter().rev();
        rows.filter(|row| row["Action"] == "egress.fetch").cloned().collect::<Vec<_>>()
    };
    let (owners, operators) = (read(&ada).await, read(&app.token).await);
    let told =
        |rows: &[Value]| -> Vec<Value> { rows.iter().map(|row| row["Outcome"].clone()).collect() };
    assert_eq!(told(&owners), ["failed"; 4]);
    assert_eq!(told(&operators), ["connect", "address", "lookup", "limit"]);
    assert_eq!(operators[3]["Detail"]["Status"], 200);
    for (owners, operators) in owners.iter().zip(&operators) {
        assert_eq!(
            [&owners["Target"], &owners["Hash"]],
            [&operators["Target"], &operators["Hash"]]
        );
        assert!(operators["Detail"]["Why"].is_string(), "{operators}");
        assert_eq!(operators["Detail"]["Salt"].as_str().unwrap().len(), 22);
        let left: Vec<&String> = owners["Detail"].as_object().unwrap().keys().collect();
        assert_eq!(left, ["Id", "Match", "Tick", "WaitedMs"], "{owners}");
    }
}

#[tokio::test]
async fn one_games_entries_are_no_others() {
    let app = App::start().await;
    let mut peer = Peer::start().await;
    let (mut ours, mut theirs) = (Fetching::start(&app).await, Fetching::start(&app).await);
    ours.allow(&app, &peer).await;
    let url = format!("{}/", peer.origin());
    assert_eq!(theirs.call(0, &url).await, NOT_ALLOWED);
    assert_eq!(peer.connections(), 0);
    assert_eq!(ours.call(0, &url).await, 1);
    assert!(matches!(peer.next().await, Seen::Request(_)));
    assert_eq!(ours.response().await.0, 200);
}

#[tokio::test]
async fn a_match_that_is_stopped_lets_go_of_its_connection() {
    let mut app = App::start().await;
    let mut peer = Peer::start().await;
    let mut sim = Fetching::start(&app).await;
    sim.allow(&app, &peer).await;
    assert_eq!(sim.call(0, &format!("{}/hold", peer.origin())).await, 1);
    assert!(matches!(peer.next().await, Seen::Request(_)));
    let found = app.until(&sim.id, |found| found["FetchesInFlight"] == 1).await;
    assert_eq!(found["FetchesSent"], 1);

    app.delete(&format!("/matches/{}", sim.id)).send().await.expect(202);
    assert_eq!(peer.next().await, Seen::Closed);
    app.until(&sim.id, |found| found["State"] == "stopped").await;
    app.stop();
    let cancelled = "SELECT count(*) FROM fetches WHERE outcome = 'cancelled'";
    assert_eq!(app.count(cancelled), 1, "what was sent is on record all the same");
}

#[tokio::test]
async fn what_the_policy_allows_holds_for_every_game_also_after_a_restart() {
    let mut app = App::start().await;
    let mut peer = Peer::start().await;
    app.stop();
    let file = app.data().join("policy.toml");
    let entry = format!("{{ entry = \"{}\", allow_private = true }}", peer.origin());
    fs::write(&file, format!("[egress]\nallow = [{entry}]\nburst = 7\n")).unwrap();
    app.restart_with(&["--policy", file.to_str().unwrap()]).await;

    let mut sim = Fetching::start(&app).await;
    let shown = app.get(&format!("/games/{}/egress", sim.game)).send().await.expect(200);
    assert_eq!(shown["AllowEveryGame"], json!([private(&peer.origin())]));
    assert_eq!([&shown["Allow"], &shown["Limits"]["Burst"]], [&json!([]), &json!(7)]);
    assert_eq!(sim.call(0, &format!("{}/", peer.origin())).await, 1);
    assert_eq!(sim.response().await, (200, "hello".to_owned()));
    assert!(matches!(peer.next().await, Seen::Request(_)));
}

#[tokio::test]
async fn what_was_set_before_a_restart_holds_after_it() {
    let mut app = App::start().await;
    let mut peer = Peer::start().await;
    let game = app.make_game(&app.token).await;
    put(&app, &game, json!({ "Allow": [private(&peer.origin())] })).await.expect(200);
    app.kill();
    app.restart().await;
    app.upload(&game, "1.0.0", &sims::fetcher()).await.expect(201);
    let mut sim = Fetching::of(&app, &game).await;
    assert_eq!(sim.call(0, &format!("{}/", peer.origin())).await, 1);
    assert_eq!(sim.response().await.0, 200);
    assert!(matches!(peer.next().await, Seen::Request(_)));
}

#[tokio::test]
async fn what_cannot_be_written_to_the_audit_yet_waits_and_is_not_lost() {
    let mut app = App::start().await;
    let mut peer = Peer::start().await;
    let mut sim = Fetching::start(&app).await;
    sim.allow(&app, &peer).await;
    let url = format!("{}/", peer.origin());
    let full = "CREATE TRIGGER full BEFORE INSERT ON audit_row WHEN NEW.action = 'egress.fetch'
                BEGIN SELECT RAISE(ABORT, 'full'); END";
    app.writer().execute_batch(full).unwrap();
    assert_eq!(sim.call(0, &url).await, 1);
    assert_eq!(sim.response().await.0, 200);
    assert!(matches!(peer.next().await, Seen::Request(_)));
    assert_eq!(app.count("SELECT count(*) FROM fetches"), 0);

    app.writer().execute_batch("DROP TRIGGER full").unwrap();
    while app.count("SELECT count(*) FROM fetches") == 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    app.stop();
    assert_eq!(app.count("SELECT count(*) FROM fetches"), 1);
}

#[tokio::test]
async fn a_change_that_cannot_be_kept_does_not_hold() {
    let app = App::start().await;
    let peer = Peer::start().await;
    let mut sim = Fetching::start(&app).await;
    let full = "CREATE TRIGGER full BEFORE INSERT ON egress_policy
                BEGIN SELECT RAISE(ABORT, 'full'); END";
    app.writer().execute_batch(full).unwrap();
    let kept = app.kept();
    put(&app, &sim.game, json!({ "Allow": [private(&peer.origin())] })).await.expect(500);
    assert_eq!(app.kept(), kept);
    assert_eq!(sim.call(0, &format!("{}/", peer.origin())).await, NOT_ALLOWED);
    assert_eq!(peer.connections(), 0);
}

#[tokio::test]
async fn a_server_that_stops_lets_go_of_its_connections_and_has_them_on_record() {
    let mut app = App::start().await;
    let mut peer = Peer::start().await;
    let mut sim = Fetching::start(&app).await;
    sim.allow(&app, &peer).await;
    assert_eq!(sim.call(0, &format!("{}/hold", peer.origin())).await, 1);
    assert!(matches!(peer.next().await, Seen::Request(_)));
    assert_eq!(sim.call(0, "https://evil.test/").await, NOT_ALLOWED);
    app.signal("-TERM");
    assert_eq!(peer.next().await, Seen::Closed);
    assert!(app.wait().success());
    assert_eq!(app.count("SELECT count(*) FROM fetches WHERE outcome = 'cancelled'"), 1);
    assert_eq!(app.count("SELECT sum(count) FROM refused_fetches"), 1);
}

#[tokio::test]
async fn https_needs_a_certificate_that_the_system_or_the_operator_vouches_for() {
    let (mut peer, root) = Peer::start_tls().await;
    let mut app = App::start().await;
    let mut sim = Fetching::start(&app).await;
    let url = format!("{}/", peer.origin());
    sim.allow(&app, &peer).await;
    assert_eq!(sim.call(0, &url).await, 1);
    assert_eq!(sim.response().await, (FAILED, String::new()));
    app.stop();
    assert_eq!(app.count("SELECT count(*) FROM fetches WHERE outcome = 'tls'"), 1);

    let file = app.data().join("root.pem");
    fs::write(&file, root).unwrap();
    let app = App::with(&format!("egress_roots = [{file:?}]")).await;
    let mut sim = Fetching::start(&app).await;
    sim.allow(&app, &peer).await;
    assert_eq!(sim.call(0, &url).await, 1);
    assert_eq!(sim.response().await, (200, "hello".to_owned()));
    assert!(matches!(peer.next().await, Seen::Request(_)));
    assert_eq!(peer.connections(), 2);
}

#[tokio::test]
async fn what_is_on_its_way_stays_so_and_the_rules_hold_when_another_version_takes_over() {
    let app = App::start().await;
    let mut peer = Peer::start().await;
    let export =
        |name: &str| format!(r#"(func (export "lattice_sim_{name}") (result i32) i32.const 0)"#);
    let (game, id) = app.running_match(&sims::fetcher_with(&export("save"))).await;
    let second = sims::fetcher_with(&export("load"));
    app.upload(&game, "2.0.0", &second).await.expect(201);
    let mut sim = Fetching::join(&app, game, id).await;
    sim.allow(&app, &peer).await;
    assert_eq!(sim.call(0, &format!("{}/hold", peer.origin())).await, 1);
    assert!(matches!(peer.next().await, Seen::Request(_)));

    let upgraded = upgrade(&app, &sim.id, "2.0.0").await.expect(200);
    assert_eq!(upgraded["Runs"]["Version"], "2.0.0");
    assert_eq!(sim.call(0, &format!("{}/scores", peer.origin())).await, 2, "the numbers go on");
    assert_eq!(sim.response().await, (200, "hello".to_owned()));
    let Seen::Request(request) = peer.next().await else { panic!("the first is still open") };
    assert!(request.starts_with("GET /scores "), "and was not sent again: {request}");
    app.until(&sim.id, |found| found["FetchesInFlight"] == 1).await;
    assert_eq!(sim.call(0, "http://127.0.0.1:1/").await, NOT_ALLOWED);

    app.delete(&format!("/matches/{}", sim.id)).send().await.expect(202);
    assert_eq!(peer.next().await, Seen::Closed);
    let ended = app.until(&sim.id, |found| found["EndedAt"].is_string()).await;
    let again = app.post(&format!("/matches/{}/replay", sim.id), json!({})).send().await;
    let again = again.expect(200);
    assert_eq!((&again["Same"], &again["Whole"]), (&json!(true), &json!(true)), "{again}");
    assert_eq!(again["Transcript"], ended["Transcript"]);
}
