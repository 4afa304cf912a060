//! Native builds at the door: refused with a reason where the host runs none, else scanned, kept and
//! given back like any other.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::Stdio,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::Method;
use serde_json::{Value, json};

use crate::{
    app::{Answer, App, lattice, serve},
    cli::{remote, run},
    tally::{self, ON, cell, shared_object, under},
};

const TYPE: &str = "application/x-sharedlib";

async fn upload(app: &App, game: &str, version: &str, bytes: &[u8]) -> Answer {
    let bytes = BASE64_STANDARD.encode(bytes);
    let body = json!({ "Packaging": "native", "Version": version, "NativeBase64": bytes });
    app.post(&format!("/games/{game}/modules"), body).send().await
}

async fn put(app: &App, game: &str, version: &str, content: &str, bytes: Vec<u8>) -> Answer {
    let asked = app.request(Method::PUT, &format!("/games/{game}/modules/{version}"));
    asked.header("content-type", content).body(bytes).send().await
}

async fn tier(app: &App) -> Value {
    app.get("/readyz").token("").send().await.expect(200)["NativeTier"].clone()
}

/// The newest row of the audit.
async fn last_row(app: &App) -> Value {
    app.get("/audit?Limit=1").send().await.expect(200)["Items"][0].clone()
}

/// That the build was refused for the host's sake, with one row of audit and nothing else kept; gives
/// the reason.
async fn is_unavailable(app: &App, answer: Answer, before: [i64; 6]) -> String {
    let why = answer.problem(409, "native-tier");
    let mut kept = before;
    kept[5] += 1;
    assert_eq!(app.kept(), kept);
    let row = last_row(app).await;
    assert_eq!((&row["Action"], &row["Outcome"]), (&json!("module.upload"), &json!("unavailable")));
    assert_eq!(row["Detail"]["Why"], why.as_str());
    assert_eq!(row["Detail"]["Sha256"].as_str().unwrap().len(), 64);
    why
}

#[tokio::test]
async fn by_default_a_native_build_is_refused_with_what_to_set() {
    let app = App::start().await;
    assert_eq!(tier(&app).await, json!({ "State": "off" }));
    let game = app.make_game(&app.token).await;
    let sim = tally::native();

    let before = app.kept();
    let why = is_unavailable(&app, upload(&app, &game, "1.0.0", &sim).await, before).await;
    assert!(why.contains("`enabled = true` under [native]"), "{why}");
    let before = app.kept();
    is_unavailable(&app, put(&app, &game, "1.0.0", TYPE, sim.clone()).await, before).await;

    let before = app.kept();
    let file = app.data().join("sim.so");
    fs::write(&file, &sim).unwrap();
    let args = ["upload", file.to_str().unwrap(), "--game", &game, "--version", "1.0.0"];
    run(&mut remote(&app, &args)).failed(1, &["409", "native tier is off"]);
    assert_eq!(app.kept()[..5], before[..5]);
    app.upload(&game, "1.0.0", &tally::wasm()).await.expect(201);
}

#[tokio::test]
async fn a_native_build_is_admitted_kept_and_given_back_as_it_was() {
    let app = under(ON).await;
    let game = app.make_game(&app.token).await;
    let sim = tally::native();
    let build = upload(&app, &game, "1.0.0", &sim).await.expect(201);
    assert_eq!((&build["Packaging"], &build["Schedulable"]), (&json!("native"), &json!(true)));
    let imports = build["Imports"].as_array().unwrap();
    assert!(imports.contains(&json!("lattice_ms_send")), "{build}");
    assert_eq!(put(&app, &game, "1.0.0", TYPE, sim.clone()).await.expect(200), build);

    let path = format!("/games/{game}/modules/1.0.0");
    assert_eq!(app.get(&path).send().await.expect(200), build);
    let given = app.get(&format!("{path}/native")).send().await;
    assert_eq!((given.header("content-type"), &given.body[..]), (TYPE, &sim[..]));
    let elsewhere = app.get(&format!("{path}/wasm")).send().await.problem(404, "not-found");
    assert!(elsewhere.contains(&format!("{path}/native")), "{elsewhere}");

    app.upload(&game, "1.1.0", &tally::wasm()).await.expect(201);
    let path = format!("/games/{game}/modules/1.1.0");
    let elsewhere = app.get(&format!("{path}/native")).send().await.problem(404, "not-found");
    assert!(elsewhere.contains(&format!("{path}/wasm")), "{elsewhere}");
    let packagings =
        "SELECT group_concat(packaging, ' ') FROM (SELECT * FROM builds ORDER BY version)";
    let told: String = app.database().query_row(packagings, [], |row| row.get(0)).unwrap();
    assert_eq!(told, "native wasm");
}

#[tokio::test]
async fn a_native_builds_receipt_is_proved_by_the_file_alone() {
    let app = under(ON).await;
    let game = app.make_game(&app.token).await;
    let [file, receipt, key] = ["sim.so", "receipt", "key"].map(|name| app.data().join(name));
    fs::write(&file, tally::native()).unwrap();
    let args = ["upload", file.to_str().unwrap(), "--game", &game, "--version", "1.0.0"];
    assert!(run(&mut remote(&app, &args)).done().starts_with("admitted"));
    let of = format!("{game}/1.0.0");
    run(remote(&app, &["receipt", "fetch", &of, "-o"]).arg(&receipt)).done();
    fs::write(&key, app.get("/keys").send().await.expect(200)["Items"][0]["Pem"].as_str().unwrap())
        .unwrap();

    let says = run(lattice().args(["receipt", "show", "--json"]).arg(&receipt)).json();
    let says = &says["predicate"];
    assert_eq!((&says["packaging"], &says["features"]), (&json!("native"), &json!([])));
    let mut verify = lattice();
    verify.args(["receipt", "verify"]).arg(&receipt).arg("--key").arg(&key);
    let yes = run(verify.arg("--module").arg(&file)).done();
    assert!(yes.lines().last().unwrap().starts_with("yes  scan"), "{yes}");
}

/// Not for a cell: it needs a library, and calls what is not the surface's.
const SYSTEM: &str = "int system(const char *); int lattice_sim_tick(long long tick)
    { return tick ? 0 : system(\"true\"); }";

#[tokio::test]
async fn what_no_cell_can_run_is_refused_with_all_reasons_and_not_kept() {
    let app = under(ON).await;
    let game = app.make_game(&app.token).await;
    let source = app.data().join("system.c");
    fs::write(&source, SYSTEM).unwrap();
    let flags = ["-fvisibility=default", "-lc", "-Wl,--no-as-needed"];
    let sim = shared_object(&source, &flags);
    let before = app.kept();
    let refused = upload(&app, &game, "1.0.0", &sim).await.expect(400);
    let codes = refused["Reasons"].as_array().unwrap().iter();
    let codes: Vec<_> = codes.map(|reason| reason["Code"].as_str().unwrap()).collect();
    for code in ["ELF_NEEDED", "IMPORT_NOT_ALLOWED", "EXPORT_MISSING"] {
        assert!(codes.contains(&code), "no {code} in {codes:?}");
    }
    let mut kept = before;
    kept[5] += 1;
    assert_eq!(app.kept(), kept);
    let row = last_row(&app).await;
    assert_eq!((&row["Action"], &row["Outcome"]), (&json!("module.upload"), &json!("rejected")));
    assert_eq!(row["Detail"]["Reasons"], refused["Reasons"]);

    let wasm = tally::wasm();
    put(&app, &game, "1.0.0", TYPE, wasm).await.problem(400, "module-refused");
    put(&app, &game, "1.0.0", "application/wasm", sim).await.problem(400, "module-refused");
    let other = put(&app, &game, "1.0.0", "application/x-executable", Vec::new()).await;
    assert!(other.problem(415, "wrong-content-type").contains(TYPE));
}

#[tokio::test]
async fn a_barrier_that_the_policy_demands_and_the_machine_lacks_is_named_and_wasm_goes_on() {
    // No cgroup is delegated to a server that is given none.
    let demanding = "[native]\nenabled = true\nminimum = [\"seccomp\", \"cgroup\"]\n";
    let app = under(demanding).await;
    assert_eq!(tier(&app).await, json!({ "State": "refused" }));
    let game = app.make_game(&app.token).await;
    let before = app.kept();
    let answer = upload(&app, &game, "1.0.0", &tally::native()).await;
    let why = is_unavailable(&app, answer, before).await;
    assert!(why.contains("cgroup") && why.contains("`minimum` under [native]"), "{why}");
    app.running_match(&tally::wasm()).await;
}

#[test]
fn a_tier_that_is_wanted_and_refused_is_said_loudly_at_the_start() {
    cell();
    let data = tempfile::tempdir().unwrap();
    let policy = data.path().join("policy.toml");
    fs::write(&policy, "[native]\nenabled = true\n").unwrap();
    let mut command = serve(data.path(), "native_cell = \"/nowhere/lattice-cell\"");
    command.arg("--policy").arg(&policy).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut server = command.spawn().unwrap();
    let mut lines = BufReader::new(server.stderr.take().unwrap()).lines().map_while(Result::ok);
    let told = lines.find(|line| line.starts_with("lattice: native tier: "));
    server.kill().unwrap();
    server.wait().unwrap();
    let told = told.expect("the tier is told of");
    assert!(told.contains("REFUSED") && told.contains("/nowhere/lattice-cell"), "{told}");
}
