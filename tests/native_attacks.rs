//! Attacks by a native sim, through its users' doors: each ends as `examples/hostile/native` says,
//! on every kind of host, while a module and a native sim beside it run every tick; and nothing of
//! it is left. An attack is only ordered with the word that the filter stands, read a moment before.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::{sync::Mutex, time::sleep};

use crate::{
    app::{Answer, App},
    clang::project,
    containment::Neighbour,
    native_hosts::Host,
    socket::Socket,
    tally::{cell, shared_object},
};

/// Where the attacks are, and the tables of their ends.
const FOLDER: &str = "examples/hostile/native";
/// The tables' section that holds wherever there is a filter.
const SYSTEM_CALLS: &str = "System calls";
/// What is not done at once, for want of processors.
const AT_ONCE: usize = 6;

/// A row of the tables for one attack.
#[derive(Debug, Clone)]
struct Attack {
    name: String,
    section: String,
    /// The kinds of fault that it may end with; none if the match goes on.
    kinds: Vec<String>,
    /// Words of the fault's detail, or of the log of one that goes on.
    words: String,
}

impl Attack {
    /// Chosen by the match's config, as it comes before any player can speak.
    fn is_in_init(&self) -> bool {
        ["init_loop", "init_divide"].contains(&&*self.name)
    }

    fn ends_at_the_deadline(&self) -> bool {
        self.kinds == ["DEADLINE"]
    }
}

/// The tables of the folder's README.
fn attacks() -> Vec<Attack> {
    let text = fs::read_to_string(project().join(FOLDER).join("README.md")).unwrap();
    let mut section = "";
    let mut attacks = Vec::new();
    for line in text.lines() {
        section = line.strip_prefix("## ").unwrap_or(section);
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        if let [_, names, _, end, _] = cells[..]
            && let Some((end, words)) = end.split_once(':')
        {
            attacks.extend(quoted(names).into_iter().map(|name| Attack {
                name,
                section: section.to_owned(),
                kinds: quoted(end),
                words: words.trim().to_owned(),
            }));
        }
    }
    attacks
}

/// What stands between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The names that the source has for what it can do.
fn names_in_source() -> Vec<String> {
    let read = |file| fs::read_to_string(project().join(FOLDER).join(file)).unwrap();
    let source = read("attack.c") + &read("calls.h");
    let rows = source.lines().filter_map(|line| line.strip_prefix("    {\""));
    rows.map(|row| row.split('"').next().unwrap().to_owned()).collect()
}

#[test]
fn the_tables_have_every_attack_that_there_is() {
    let mut told: Vec<_> = attacks().into_iter().filter(|attack| !attack.is_in_init()).collect();
    told.sort_by(|one, other| one.name.cmp(&other.name));
    let told: Vec<_> = told.into_iter().map(|attack| attack.name).collect();
    let mut there = names_in_source();
    there.sort();
    assert_eq!(told, there);
    assert!(there.len() > 100, "{}", there.len());
}

/// So little fuel that floods are over soon, and a deadline.
fn policy(minimum: &str, deadline_ms: u32) -> String {
    format!(
        "[native]\nenabled = true\n{minimum}\n\
         [match]\ntick_fuel = 1000000\ntick_deadline_ms = {deadline_ms}\n"
    )
}

const SHIPPED: &str = "";
const NONE: &str = "minimum = []";
/// Long enough that none meets it that has not to.
const LONG_MS: u32 = 20_000;
const SHORT_MS: u32 = 400;

#[tokio::test]
async fn every_attack_ends_as_its_table_says_on_hosts_that_have_all_barriers() {
    cell();
    for host in [Host::Tests, Host::Plain] {
        if Host::kinds().contains(&host) {
            let (short, long): (Vec<_>, Vec<_>) =
                attacks().into_iter().partition(Attack::ends_at_the_deadline);
            carry_out(&host.serve(&policy(SHIPPED, LONG_MS)).await, host, long).await;
            carry_out(&host.serve(&policy(SHIPPED, SHORT_MS)).await, host, short).await;
        }
    }
}

#[tokio::test]
async fn without_namespaces_the_tier_is_refused_and_where_it_is_not_the_filter_holds_alone() {
    cell();
    for host in [Host::RootAlone, Host::PlainAlone] {
        if Host::kinds().contains(&host) {
            is_refused(&host.serve(&policy(SHIPPED, LONG_MS)).await, host).await;
            let calls = attacks().into_iter().filter(|attack| attack.section == SYSTEM_CALLS);
            carry_out(&host.serve(&policy(NONE, LONG_MS)).await, host, calls.collect()).await;
        }
    }
}

/// The operator is told which barriers lack, and nobody's native build is taken.
async fn is_refused(app: &App, host: Host) {
    let told = fs::read_to_string(app.data().join("stderr")).unwrap();
    let expected = format!("barriers that do not stand here: {}", host.lacking());
    let line = told.lines().find(|line| line.starts_with("lattice: native tier: REFUSED"));
    assert!(line.is_some_and(|line| line.ends_with(&expected)), "{host:?}: {told}");
    let tier = app.get("/readyz").send().await.expect(200)["NativeTier"]["State"].clone();
    assert_eq!(tier, "refused");
    let game = app.make_game(&app.token).await;
    send(app, &game, &ticker()).await.problem(409, "native-tier");
    assert!(cells(app).is_empty());
}

/// Has each attack done in a match of its own beside two others that go on, and looks for what is
/// left of them.
async fn carry_out(app: &App, host: Host, attacks: Vec<Attack>) {
    let mut module = Neighbour::new(app).await;
    let game = app.make_game(&app.token).await;
    upload(app, &game, &ticker()).await;
    let mut native = Neighbour::of(app, app.start_match(&game, json!({})).await).await;
    let game = app.make_game(&app.token).await;
    upload(app, &game, &built(&project().join(FOLDER).join("attack.c"))).await;
    let before = (cells(app), open(app));
    assert_eq!(before.0.len(), 1, "the native neighbour's");

    let (starts, count) = (Mutex::new(()), attacks.len());
    let all = attacks.into_iter().map(|attack| end(app, &game, attack, &starts));
    let ended = stream::iter(all).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    assert_eq!(ended.len(), count);
    module.goes_on(app, "attacks").await;
    native.goes_on(app, "attacks").await;
    until(&format!("{host:?}: what is left of attacks"), || {
        let now = (cells(app), open(app));
        (now == before).then_some(()).ok_or_else(|| format!("{before:?}, {now:?}"))
    })
    .await;
}

/// Has an attack done, and holds its end against its table.
async fn end(app: &App, game: &str, attack: Attack, starts: &Mutex<()>) {
    let Attack { name, kinds, words, .. } = &attack;
    let id = begin(app, game, &attack, starts).await;
    if kinds.is_empty() {
        logged(app, &id, "and on", name).await;
        logged(app, &id, words, name).await;
        let now = app.get(&format!("/matches/{id}")).send().await.expect(200)["Tick"].as_i64();
        let later = app.until(&id, |found| found["Tick"].as_i64() > now.map(|now| now + 2)).await;
        assert_eq!(later["State"], "running", "{name}: {later}");
        app.delete(&format!("/matches/{id}")).send().await;
    }
    let ended = app.until(&id, |found| found["EndedAt"].is_string()).await;
    let fault = &ended["Fault"];
    if kinds.is_empty() {
        assert!(fault.is_null(), "{name}: {ended}");
    } else {
        let kind = fault["Kind"].as_str().unwrap_or_default();
        let detail = fault["Detail"].as_str().unwrap_or_default();
        assert!(kinds.iter().any(|it| it == kind), "{name}: {ended}");
        assert!(detail.contains(words), "{name}: {ended}");
        let entry = if attack.is_in_init() { "lattice_sim_init" } else { "lattice_sim_tick" };
        assert_eq!(fault["Entry"], entry, "{name}: {ended}");
    }
    assert!(ended["Isolation"].is_array(), "{name}: what stood is kept, however it ended: {ended}");
    let lines = logged(app, &id, &format!("now {name}"), name).await;
    let bad = lines.iter().find(|line| ["came back", "refused"].iter().any(|it| line.contains(it)));
    assert_eq!(bad, None, "{name}");
    assert_eq!(lines[0], "constructed -7 -7 -7 -7", "it was too early for all of them");
}

/// Starts a match for the attack, and orders it there once its own process shows the filter.
async fn begin(app: &App, game: &str, attack: &Attack, starts: &Mutex<()>) -> String {
    let one_at_a_time = starts.lock().await;
    if attack.is_in_init() {
        let config = json!({ "ConfigBase64": BASE64_STANDARD.encode(&attack.name) });
        return app.start_match(game, config).await;
    }
    let before = cells(app);
    let id = app.start_match(game, json!({})).await;
    let new: Vec<_> = cells(app).into_iter().filter(|cell| !before.contains(cell)).collect();
    let [cell] = new[..] else { panic!("{}: a match has one process: {new:?}", attack.name) };
    drop(one_at_a_time);
    let token = app.make_player(&id, "Eve").await;
    let mut socket = Socket::open(app, &id, &token).await;
    let status = fs::read_to_string(format!("/proc/{cell}/status")).unwrap();
    let filter = status.lines().find(|line| line.starts_with("Seccomp:")).unwrap();
    assert_eq!(filter, "Seccomp:\t2", "{}: no attack is ordered without a filter", attack.name);
    socket.send(format!("{filter}\n{}", attack.name).as_bytes()).await;
    id
}

/// The match's log lines, once one has these words.
async fn logged(app: &App, id: &str, words: &str, name: &str) -> Vec<String> {
    for _ in 0..LOOKS {
        let log = app.get(&format!("/matches/{id}/logs")).send().await.expect(200);
        let items = log["Items"].as_array().unwrap();
        let lines = items.iter().map(|item| item["Text"].as_str().unwrap().to_owned());
        let lines: Vec<_> = lines.collect();
        if lines.iter().any(|line| line.contains(words)) {
            return lines;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("{name}: no line has `{words}`");
}

/// After so many looks it does not come any more.
const LOOKS: u32 = 3000;

async fn until(what: &str, wanted: impl Fn() -> Result<(), String>) {
    for _ in 0..LOOKS {
        if wanted().is_ok() {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("{what}: {:?}", wanted());
}

async fn send(app: &App, game: &str, object: &[u8]) -> Answer {
    let object = BASE64_STANDARD.encode(object);
    let body = json!({ "Packaging": "native", "Version": "1.0.0", "NativeBase64": object });
    app.post(&format!("/games/{game}/modules"), body).send().await
}

async fn upload(app: &App, game: &str, object: &[u8]) {
    let build = send(app, game, object).await.expect(201);
    assert_eq!(build["Packaging"], "native");
}

/// A source as its README builds it.
fn built(source: &Path) -> Vec<u8> {
    let include = format!("-I{}", project().join("include").display());
    shared_object(source, &["-DLATTICE_CELL", "-msse4.1", &include])
}

/// Tells its tick's number to everybody, in every tick.
fn ticker() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("ticker.c");
    let text = "#include <lattice_managed.h>\n\
        LATTICE_EXPORT int32_t lattice_sim_init(int64_t seed, int32_t hz) {\n\
            (void)seed, (void)hz;\n\
            return LATTICE_OK;\n\
        }\n\
        LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {\n\
            lattice_ms_broadcast(&tick, sizeof tick, 0);\n\
            return LATTICE_CONTINUE;\n\
        }\n";
    fs::write(&source, text).unwrap();
    built(&source)
}

/// The processes that the server has made and that are still there, ascending.
fn cells(app: &App) -> Vec<u32> {
    let parent = format!("PPid:\t{}", app.pid());
    let numbers = fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let numbers = numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_child = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.lines().any(|line| line == parent)
    };
    let mut children: Vec<_> = numbers.filter(is_child).collect();
    children.sort_unstable();
    children
}

/// How many descriptors the server has open for cells: their memory and their processes.
fn open(app: &App) -> usize {
    let folder = format!("/proc/{}/fd", app.pid());
    let files = fs::read_dir(folder).unwrap().filter_map(Result::ok);
    // One that was closed meanwhile is none.
    let links = files.filter_map(|file| fs::read_link(file.path()).ok());
    let of_cells = |link: &PathBuf| {
        let link = link.to_string_lossy();
        ["lattice-ring", "lattice-image", "pidfd"].iter().any(|it| link.contains(it))
    };
    links.filter(of_cells).count()
}
