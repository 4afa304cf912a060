//! docs/audit.md: every query in it runs and answers, and its rules for the chain are the chain's.

use std::{fs, process::Command};

use lattice_policies::{Sha256, isolation::Isolation};
use lattice_store::{AuditEntry, Fork, MatchEnd, MatchState, ModuleBuild, NewMatch, Refusal};
use rusqlite::{Connection, types::ValueRef};
use serde_json::json;

use crate::world::*;

/// Each fenced block of that language.
fn blocks(language: &str) -> Vec<String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/audit.md");
    let text = fs::read_to_string(path).unwrap();
    let fence = format!("```{language}\n");
    let starts = text.split(&fence).skip(1);
    starts.map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

/// A world in which everything happened that an auditor asks for.
fn eventful() -> World {
    let world = World::with_game();
    let build = world.upload("1.0.0");
    let refused = world.upload("1.1.0");
    world.store.refuse_build(&refused, Refusal::Altered { found: POLICY }).unwrap();
    let rejection = rejection("é 2.0.0");
    world.store.record_rejection(&ada(), &game(), &version("2.0.0"), &rejection).unwrap();
    world.store.create_token(&ada(), &new_token(1, "viewer")).unwrap();
    world.start(1, &build);
    let fault = Some(json!({"Kind": "FUEL"}));
    let end = MatchEnd { fault, ..end(MatchState::Faulted) };
    world.store.end_match(&match_id(1), &end, Some(&|_| "signed".into())).unwrap();
    let denial = AuditEntry {
        action: "request.permit",
        game: Some(&game()),
        target: "POST /games/\u{1F980}",
        outcome: "denied",
        detail: json!({"Needs": "the game's owner"}),
    };
    world.store.record(&ada(), &denial).unwrap();
    let policy = serde_json::from_value(json!({"Allow": ["api.example.com:443"]})).unwrap();
    world.store.set_egress(&ada(), &game(), &policy).unwrap();
    world.record_fetch("https://api.example.com:443/scores?...");
    world.record_refused_fetches();
    go_on(&world, &build);
    run_native(&world);
    world.store.set_native_gate(&ada(), &game(), true).unwrap();
    world.store.set_verified(&ada(), &game(), &build.version, json!({})).unwrap();
    world.store.put_audit_head(&|_| "signed".into()).unwrap();
    world
}

/// Matches that were forked, taken up again and lost.
fn go_on(world: &World, build: &ModuleBuild) {
    let fork = Some(Fork { of: match_id(1), at: 3 });
    world.store.insert_match(&ada(), &NewMatch { fork, ..new_match(2, build) }).unwrap();
    world.store.resumed(&match_id(2), 5, None).unwrap();
    world.store.lose(&match_id(2), "its log is damaged").unwrap();
}

/// A match of a native build, which the scan would have to admit.
fn run_native(world: &World) {
    let build = world.upload("1.2.0");
    let raw = world.raw();
    raw.execute_batch(
        "DROP TRIGGER module_build_is_immutable;
         UPDATE module_build SET packaging = 'native' WHERE version = '1.2.0'",
    )
    .unwrap();
    world.start(3, &build);
    world.store.match_running(&match_id(3), Some(&Isolation::all())).unwrap();
}

/// The rows of a query of the document, its parameters given.
fn rows(world: &World, sql: &str) -> usize {
    let raw = world.raw();
    let mut query = raw.prepare(sql).unwrap();
    let hash = module("1.0.0").sha256().to_string();
    let today = world.audit()[0].at.to_string()[..10].to_owned();
    for (name, value) in [
        (":sha256", hash.as_str()),
        (":seq", "1"),
        (":subject", "ada"),
        (":game", game().as_str()),
        (":match", match_id(1).as_str()),
        (":day", &today),
    ] {
        if let Some(at) = query.parameter_index(name).unwrap() {
            query.raw_bind_parameter(at, value).unwrap();
        }
    }
    let mut rows = query.raw_query();
    let mut count = 0;
    while rows.next().unwrap().is_some() {
        count += 1;
    }
    count
}

#[test]
fn every_query_runs_and_answers() {
    let world = eventful();
    let queries = blocks("sql");
    assert!(queries.len() >= 28);
    for sql in queries {
        let nothing_is_right = sql.starts_with("-- no rows");
        assert_eq!(rows(&world, &sql) == 0, nothing_is_right, "{sql}");
    }
}

#[test]
fn a_query_for_one_thing_reads_no_whole_table() {
    let world = eventful();
    let raw = world.raw();
    let for_one: Vec<_> = blocks("sql").into_iter().filter(|sql| sql.contains(" = :")).collect();
    assert_eq!(for_one.len(), 11);
    for sql in for_one {
        let mut plan = raw.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let mut steps = plan.raw_query();
        while let Some(step) = steps.next().unwrap() {
            let step: String = step.get("detail").unwrap();
            // The items of one row's JSON are no table.
            let reads_all = step.starts_with("SCAN") && !step.contains("VIRTUAL TABLE");
            assert!(!reads_all, "{step}: {sql}");
        }
    }
}

#[test]
fn the_queries_that_should_be_empty_are_not_when_something_is_wrong() {
    let world = eventful();
    world.record_fetch("https://evil.test:443/");
    let raw = world.raw();
    raw.execute_batch(
        "DROP TRIGGER signed_head_is_the_audits_end;
         INSERT INTO signed_head VALUES (999, zeroblob(32), '', 'signed');
         INSERT INTO blob VALUES
            ((SELECT unhex(sha256) FROM rejections), X'00');
         INSERT INTO module_build (game, version, precedence, prerelease, packaging, sha256,
            imports, policy, scanner, uploaded_by, created_at)
         SELECT game, '9.0.0', X'00', 0, 'wasm', unhex(sha256), '[]', zeroblob(32), 1, 'eve', at
         FROM rejections;",
    )
    .unwrap();
    let alarms: Vec<_> =
        blocks("sql").into_iter().filter(|sql| sql.starts_with("-- no rows")).collect();
    assert_eq!(alarms.len(), 4);
    for sql in alarms {
        assert_eq!(rows(&world, &sql), 1, "{sql}");
    }
}

/// The document's rules, followed word for word, with nothing of the store's.
fn hash_by_the_rules(raw: &Connection) -> Vec<(String, String, String)> {
    let mut query = raw.prepare("SELECT * FROM audit ORDER BY seq").unwrap();
    let mut rows = query.query([]).unwrap();
    let mut hashes = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let mut bytes = Vec::new();
        for column in 0..12 {
            let text = match row.get_ref(column).unwrap() {
                ValueRef::Null => {
                    bytes.extend([0xFF; 4]);
                    continue;
                }
                ValueRef::Integer(number) => number.to_string(),
                other => other.as_str().unwrap().to_owned(),
            };
            bytes.extend((text.len() as u32).to_be_bytes());
            bytes.extend(text.bytes());
        }
        let noted = row.get("hash").unwrap();
        hashes.push((row.get("previous").unwrap(), Sha256::of(&bytes).to_string(), noted));
    }
    hashes
}

#[test]
fn the_chain_is_made_by_the_documents_rules() {
    let world = eventful();
    let mut expected = Sha256::of(b"lattice audit 1").to_string();
    for (previous, made, noted) in hash_by_the_rules(&world.raw()) {
        assert_eq!((&previous, &made), (&expected, &noted));
        expected = noted;
    }
    assert_eq!(world.store.audit_head().unwrap().hash.to_string(), expected);
}

#[test]
fn the_documents_script_finds_the_chain_whole_and_broken() {
    let [script] = blocks("python").try_into().unwrap();
    let world = eventful();
    let run = || {
        let python = Command::new("python3").args(["-c", &script]).arg(world.database()).output();
        python.map(|output| (output.status.success(), String::from_utf8(output.stdout).unwrap()))
    };
    let Ok((whole, said)) = run() else {
        return eprintln!("python3 is not installed: the script was not run");
    };
    let head = world.store.audit_head().unwrap();
    assert!(whole);
    assert_eq!(said.trim(), format!("{} {}", head.seq, head.hash));

    let raw = world.raw();
    raw.execute_batch(
        "DROP TRIGGER audit_row_is_not_changed; UPDATE audit_row SET target = 'x' WHERE seq = 3",
    )
    .unwrap();
    assert!(!run().unwrap().0);
}
