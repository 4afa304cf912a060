//! Hostile sims: each is contained in the way the corpus says, while a well-behaved match beside
//! it goes on, tick after tick.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::{fs, path::PathBuf};

use bytes::Bytes;
use lattice_host::{Action, FaultKind, LiveMatch, Outcome, Outgoing, PlayerLink};
use lattice_policies::{PlayerId, Policy, policy::MatchLimits};
use support::{ECHO, TestHost, sim};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/admission")
}

/// The corpus' modules that are admitted and misbehave when they run: name, code, text.
fn corpus() -> Vec<(String, String, String)> {
    let folder = folder();
    let index = fs::read_to_string(folder.join("index.tsv")).unwrap();
    let rows = index.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    rows.filter(|row| row[1] == "RUNTIME")
        .map(|row| {
            let text = fs::read_to_string(folder.join(row[0])).unwrap();
            (row[0].to_owned(), row[2].to_owned(), entered(&text))
        })
        .collect()
}

/// A module that exports its attack as `go` is entered there by its tick.
fn entered(text: &str) -> String {
    let (attack, idle) = ("(func (export \"go\") (result i32) ", "(result i32) i32.const 0))");
    match text.find(attack) {
        Some(at) if text.trim_end().ends_with(idle) => {
            let body: String =
                text[at + attack.len()..].chars().take_while(|c| *c != ')').collect();
            let start = text.rfind(idle).unwrap();
            format!("{}(result i32) {body}))", &text[..start])
        }
        _ => text.to_owned(),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().build().unwrap()
}

/// The number of the next tick that the well-behaved match has run.
fn next_tick(runtime: &tokio::runtime::Runtime, link: &PlayerLink) -> i64 {
    loop {
        match runtime.block_on(link.next()) {
            Outgoing::Message(bytes) => {
                if let Ok(bytes) = bytes[..].try_into() {
                    return i64::from_le_bytes(bytes);
                }
            }
            closed @ Outgoing::Closed(_) => panic!("the well-behaved match: {closed:?}"),
        }
    }
}

fn wait_for_ticks(live: &LiveMatch, ticks: i64) {
    while live.status().ticks < ticks {
        std::thread::yield_now();
    }
}

#[test]
fn the_corpus_is_contained_and_a_match_beside_it_goes_on() {
    let host = TestHost::new();
    let neighbour = host.start(ECHO, 60);
    host.told.start_of(&neighbour);
    let link = host.fleet.live(&neighbour).unwrap().connect(PlayerId(1), Bytes::new()).unwrap();
    let runtime = runtime();
    let mut last = next_tick(&runtime, &link);
    let cases = corpus();
    assert!(cases.len() >= 10);
    for (name, code, text) in cases {
        let id = host.start(&text, 60);
        let kind = match code.as_str() {
            "FUEL" | "LOG_QUOTA" => Some(FaultKind::Fuel),
            "STACK" => Some(FaultKind::Stack),
            "TRAP" => Some(FaultKind::Trap),
            "OK" | "HOST_RANGE" => None,
            other => panic!("{name} has the code {other}"),
        };
        if let Some(kind) = kind {
            let Outcome::Faulted(fault) = host.told.end_of(&id).outcome else { panic!("{name}") };
            assert_eq!((fault.kind, fault.tick), (kind, Some(0)), "{name}: {fault}");
            assert!(
                (1..=32).contains(&fault.frames.len()),
                "{name}: {} frames",
                fault.frames.len()
            );
        } else {
            host.told.start_of(&id);
            wait_for_ticks(&host.fleet.live(&id).expect(&name), 3);
            assert!(!host.told.has_ended(&id), "{name} goes on");
        }
        if code == "LOG_QUOTA" {
            let bytes: usize = host.told.logs_of(&id).iter().map(|line| line.text.len()).sum();
            assert!(bytes > 0 && bytes <= 64 << 10, "{bytes} bytes of log in one tick");
            assert!(host.told.end_of(&id).dropped_log_lines > 1_000);
        }
        for _ in 0..3 {
            let tick = next_tick(&runtime, &link);
            assert_eq!(tick, last + 1, "beside {name}");
            last = tick;
        }
    }
    assert!(!host.told.has_ended(&neighbour));
}

#[test]
fn every_module_that_is_admitted_can_run() {
    let limits = MatchLimits { stop_grace_ms: 1, ..MatchLimits::default() };
    let host = TestHost::with(Policy { matches: limits, ..Policy::default() }, 4);
    let index = fs::read_to_string(folder().join("index.tsv")).unwrap();
    let admitted = index.lines().filter(|line| line.contains("\tADMIT\t"));
    let mut ran = 0;
    for line in admitted {
        let name = line.split('\t').next().unwrap();
        let bytes = fs::read(folder().join(name)).unwrap();
        let program = host.compile(&wat::parse_bytes(&bytes).unwrap());
        let spec = host.spec(&program, 240);
        host.fleet.apply(Action::Start(spec.clone())).unwrap();
        host.told.start_of(&spec.id);
        wait_for_ticks(&host.fleet.live(&spec.id).expect(name), 3);
        host.fleet.live(&spec.id).expect(name).stop();
        assert_eq!(host.told.end_of(&spec.id).outcome, Outcome::Stopped, "{name}");
        ran += 1;
    }
    assert!(ran >= 10, "{ran} modules");
}

#[test]
fn the_next_tenant_of_a_slot_finds_nothing_of_the_one_before() {
    let host = TestHost::with(Policy::default(), 1);
    let (_, _, dirty) = corpus().into_iter().find(|(name, ..)| name.contains("dirty")).unwrap();
    let first = host.start(&dirty, 240);
    host.told.start_of(&first);
    wait_for_ticks(&host.fleet.live(&first).unwrap(), 2);
    host.fleet.live(&first).unwrap().stop();
    host.told.end_of(&first);
    while host.fleet.live(&first).is_some() {
        std::thread::yield_now();
    }
    let looker = sim(
        "(func $sum (result i32) (local $at i32) (local $sum i32)
           (loop $l
             (local.set $sum (i32.or (local.get $sum) (i32.load (local.get $at))))
             (local.set $at (i32.add (local.get $at) (i32.const 4)))
             (br_if $l (i32.lt_u (local.get $at) (i32.const 131072))))
           local.get $sum)",
        "(if (result i32) (call $sum) (then (i32.const -1)) (else (i32.const 1)))",
    );
    let second = host.start(&looker, 240);
    assert_eq!(host.told.end_of(&second).outcome, Outcome::Finished);
}

#[test]
fn memory_grows_to_the_limit_and_then_always_fails_alike() {
    let host = TestHost::new();
    let tick =
        "(if (i32.ne (memory.grow (i32.const 62)) (i32.const 2)) (then (return (i32.const -1))))
        (if (i32.ne (memory.grow (i32.const 1)) (i32.const -1)) (then (return (i32.const -2))))
        (if (i32.ne (memory.grow (i32.const 65536)) (i32.const -1)) (then (return (i32.const -3))))
        i32.const 1";
    let declared = host.start(&sim("", tick), 60);
    assert_eq!(host.told.end_of(&declared).outcome, Outcome::Finished);

    let undeclared = sim("", tick).replace("2 64)", "2)").replace("const 62", "const 1022");
    let undeclared = host.start(&undeclared, 60);
    assert_eq!(host.told.end_of(&undeclared).outcome, Outcome::Finished);
}

#[test]
fn the_deadline_ends_a_tick_whose_fuel_would_last() {
    let limits = MatchLimits { tick_fuel: 1 << 40, tick_deadline_ms: 20, ..MatchLimits::default() };
    let host = TestHost::with(Policy { matches: limits, ..Policy::default() }, 4);
    let id = host.start(&sim("", "(loop $l br $l) i32.const 0"), 60);
    let Outcome::Faulted(fault) = host.told.end_of(&id).outcome else { panic!("it ended well") };
    assert_eq!((fault.kind, fault.tick), (FaultKind::Deadline, Some(0)));
}

#[test]
fn a_fault_names_the_guests_functions_escaped() {
    let host = TestHost::new();
    let items = "(func $\"\\1b[31mred\" (result i32) unreachable) (func $outer (result i32) call $\"\\1b[31mred\")";
    let id = host.start(&sim(items, "call $outer"), 60);
    let Outcome::Faulted(fault) = host.told.end_of(&id).outcome else { panic!("it ended well") };
    let names: Vec<&str> = fault.frames.iter().map(|frame| frame.function.as_str()).collect();
    assert!(names[0].contains("red") && !names[0].contains('\u{1b}'), "{names:?}");
    assert!(names[1].contains("outer") && fault.frames[0].offset.is_some(), "{names:?}");
}

#[test]
fn a_heavy_match_does_not_take_the_others_ticks() {
    let host = TestHost::new();
    // Divisions that wait for each other: within a tick's fuel, and far over a 240th of a second.
    let spin = "(local $n i64) (i64.store (i32.const 0) (i64.const 1)) (local.set $n (i64.const -1))
        (loop $l
          (local.set $n (i64.add (i64.div_u (local.get $n) (i64.load (i32.const 0))) (i64.const -1)))
          (br_if $l (i64.gt_u (local.get $n) (i64.const -4000000))))
        i32.const 0";
    let heavy = host.start(&sim("", spin), 240);
    let light = host.start(ECHO, 30);
    host.told.start_of(&light);
    let link = host.fleet.live(&light).unwrap().connect(PlayerId(1), Bytes::new()).unwrap();
    let runtime = runtime();
    let first = next_tick(&runtime, &link);
    for tick in first + 1..first + 60 {
        assert_eq!(next_tick(&runtime, &link), tick);
    }
    let (heavy, light) =
        (host.fleet.live(&heavy).unwrap().status(), host.fleet.live(&light).unwrap().status());
    assert!(heavy.late_ticks > 0 && heavy.dropped_periods > 0, "{heavy:?}");
    assert!(light.dropped_periods <= heavy.dropped_periods / 10, "{light:?} beside {heavy:?}");
}

#[test]
fn the_same_match_twice_uses_the_same_fuel() {
    let host = TestHost::new();
    let program =
        sim("", "(memory.fill (i32.const 0) (i32.const 7) (i32.const 70000)) i32.const 1");
    let ends = [host.start(&program, 60), host.start(&program, 60)].map(|id| host.told.end_of(&id));
    assert_eq!(ends[0], ends[1]);
    assert!(ends[0].fuel > 70_000, "{} fuel for a fill of 70,000 bytes", ends[0].fuel);
}

#[test]
fn compiled_code_is_kept_on_disk_and_damage_is_found() {
    let host = TestHost::new();
    let wat = sim("", "i32.const 1");
    host.program(&wat);
    let folder = host.folder.path().join("code");
    let files: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let whole = fs::read(&files[0]).unwrap();
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(&files[0], &damaged).unwrap();

    let again = TestHost::with_cache(&folder);
    let id = again.start(&wat, 60);
    assert_eq!(again.told.end_of(&id).outcome, Outcome::Finished);
    assert_eq!(fs::read(&files[0]).unwrap().len(), whole.len(), "compiled and written anew");
    assert_ne!(fs::read(&files[0]).unwrap(), damaged);
}
