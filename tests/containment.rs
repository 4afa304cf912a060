//! Sims that misbehave, through the real door: each ends as the corpus and `examples/hostile` say,
//! while a well-behaved match runs every tick, in order, and without a fault.

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};

use crate::{
    app::App,
    clang::{compile, project},
    socket::Socket,
};

/// A well-behaved match and a player who hears every tick of it.
pub(crate) struct Neighbour {
    id: String,
    socket: Socket,
    last: i64,
}

/// Sends its tick's number to everybody, in every tick.
pub(crate) const TICKER: &str = r#"(module
    (import "env" "lattice_ms_broadcast" (func $broadcast (param i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "lattice_abi_v1"))
    (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
    (func (export "lattice_sim_tick") (param $tick i64) (result i32)
        (i64.store (i32.const 0) (local.get $tick))
        (drop (call $broadcast (i32.const 0) (i32.const 8) (i32.const 0)))
        i32.const 0))"#;

impl Neighbour {
    pub(crate) async fn new(app: &App) -> Self {
        let (_, id) = app.running_match(&wat::parse_str(TICKER).unwrap()).await;
        Self::of(app, id).await
    }

    /// A match whose sim tells its ticks.
    pub(crate) async fn of(app: &App, id: String) -> Self {
        let token = app.make_player(&id, "Ann").await;
        let mut socket = Socket::open(app, &id, &token).await;
        let last = tick(&mut socket).await;
        Self { id, socket, last }
    }

    /// Hears all ticks up to the present one, and finds none missing.
    pub(crate) async fn goes_on(&mut self, app: &App, beside: &str) {
        let status = app.get(&format!("/matches/{}", self.id)).send().await.expect(200);
        assert_eq!(status["State"], "running", "beside {beside}: {status}");
        let now = status["Tick"].as_i64().unwrap();
        while self.last < now {
            let next = tick(&mut self.socket).await;
            assert_eq!(next, self.last + 1, "beside {beside}");
            self.last = next;
        }
    }
}

async fn tick(socket: &mut Socket) -> i64 {
    i64::from_le_bytes(socket.next().await.try_into().unwrap())
}

/// Uploads a module, starts a match of it and gives the match's id.
async fn start(app: &App, wasm: &[u8]) -> String {
    let game = app.make_game(&app.token).await;
    app.upload(&game, "1.0.0", wasm).await.expect(201);
    let asked = app.post(&format!("/games/{game}/matches"), json!({ "TickHz": 60 }));
    asked.send().await.expect(201)["Id"].as_str().unwrap().to_owned()
}

/// The match when it has ended, or when it has run some ticks.
async fn outcome(app: &App, id: &str) -> Value {
    app.until(id, |found| {
        let state = found["State"].as_str().unwrap();
        let ticked = found["Tick"].as_i64().is_some_and(|tick| tick >= 4);
        // That it runs is written down while it already ticks.
        state == "faulted" || state != "starting" && ticked
    })
    .await
}

/// A module whose attack is an export `go` that nothing calls gets a tick that calls it.
fn entered(text: String) -> String {
    const IDLE: &str = "(result i32) i32.const 0))";
    match text.find("(export \"go\") (result i32) call $") {
        Some(go) if text.trim_end().ends_with(IDLE) => {
            let target = text[go..].split(['$', ')']).nth(3).unwrap().to_owned();
            let end = text.rfind(IDLE).unwrap();
            format!("{}(result i32) call ${target}))", &text[..end])
        }
        _ => text,
    }
}

#[tokio::test]
async fn the_corpus_is_contained() {
    let app = App::start().await;
    let mut neighbour = Neighbour::new(&app).await;
    let folder = project().join("tests/fixtures/admission");
    let index = fs::read_to_string(folder.join("index.tsv")).unwrap();
    let cases = index.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let cases: Vec<_> = cases.filter(|row| row[1] == "RUNTIME").collect();
    assert!(cases.len() >= 10);
    for case in cases {
        let (name, code) = (case[0], case[2]);
        let text = entered(fs::read_to_string(folder.join(name)).unwrap());
        let id = start(&app, &wat::parse_str(text).unwrap()).await;
        let found = outcome(&app, &id).await;
        match code {
            "OK" | "HOST_RANGE" => assert_eq!(found["State"], "running", "{name}: {found}"),
            // The log's flood is cut and counted, and then it runs out of fuel.
            "LOG_QUOTA" => {
                assert_eq!(found["Fault"]["Kind"], "FUEL", "{name}: {found}");
                let kept =
                    app.count(&format!("SELECT count(*) FROM match_log WHERE match_id = '{id}'"));
                assert!((1..=16).contains(&kept), "{kept} lines of 4 KiB, within 64 KiB a tick");
                assert!(found["Figures"]["DroppedLogLines"].as_i64() > Some(1_000), "{found}");
            }
            kind => assert_eq!(found["Fault"]["Kind"], kind, "{name}: {found}"),
        }
        neighbour.goes_on(&app, name).await;
    }
}

#[tokio::test]
async fn the_hostile_examples_end_as_their_readme_says() {
    let app = App::start().await;
    let mut neighbour = Neighbour::new(&app).await;
    let faults = BTreeMap::from([
        ("endless", Some(("FUEL", "lattice_sim_tick"))),
        ("recursion", Some(("STACK", "lattice_sim_tick"))),
        ("stillborn", Some(("TRAP", "lattice_sim_init"))),
        ("flood", None),
        ("hog", None),
    ]);
    for (name, fault) in faults {
        let id = start(&app, &compile(&format!("examples/hostile/{name}.c"))).await;
        let found = outcome(&app, &id).await;
        match fault {
            Some((kind, entry)) => {
                assert_eq!(found["State"], "faulted", "{name}");
                assert_eq!(found["Fault"]["Kind"], kind, "{name}: {found}");
                assert_eq!(found["Fault"]["Entry"], entry, "{name}: {found}");
                assert!(!found["Fault"]["Frames"].as_array().unwrap().is_empty(), "{name}");
            }
            None => assert_eq!(found["State"], "running", "{name}: {found}"),
        }
        neighbour.goes_on(&app, name).await;
    }
}

#[tokio::test]
async fn a_tampered_example_is_refused_with_its_imports_named() {
    let app = App::start().await;
    let game = app.make_game(&app.token).await;
    let before = app.kept();
    let answer = app.upload(&game, "1.0.0", &compile("examples/hostile/tampered.cpp")).await;
    let refused = answer.expect(400);
    let named: Vec<_> =
        refused["Reasons"].as_array().unwrap().iter().map(|r| &r["Detail"]).collect();
    assert_eq!(named, ["env.system", "env.fd_write"]);
    let mut after = app.kept();
    after[5] -= 1;
    assert_eq!(after, before, "one audit row, and nothing else");
}

#[tokio::test]
async fn a_physics_sim_of_weight_goes_the_way_of_the_others() {
    let app = App::start().await;
    let mut neighbour = Neighbour::new(&app).await;
    let wasm = compile("examples/physics/physics.cpp");
    assert!(wasm.len() > 98_000, "{} bytes", wasm.len());
    let id = start(&app, &wasm).await;
    let token = app.make_player(&id, "Ann").await;
    let mut socket = Socket::open(&app, &id, &token).await;
    let warm = app.until(&id, |found| found["Tick"].as_i64().is_some_and(|tick| tick > 60)).await;
    assert_eq!(warm["State"], "running", "{warm}");
    let fuel = warm["FuelLast"].as_i64().unwrap();
    assert!((5_000_000..50_000_000).contains(&fuel), "{fuel} fuel a tick");
    assert!(!socket.next().await.is_empty());
    neighbour.goes_on(&app, "physics").await;
}
