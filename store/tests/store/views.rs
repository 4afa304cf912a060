//! The views that a person reads: their columns are a promise, and their values are spelled out.

use lattice_store::{Fork, MatchState, NewMatch};

use crate::world::*;

const COLUMNS: [(&str, &str); 11] = [
    (
        "audit",
        "seq, at, subject, token, address, request, action, game, target, outcome, detail, \
         previous, hash",
    ),
    ("audit_heads", "seq, hash, at, envelope"),
    (
        "builds",
        "game, version, sha256, size, packaging, imports, schedulable, policy, scanner, \
         uploaded_by, created_at, retired_at, refused, verified_at",
    ),
    (
        "fetches",
        "seq, at, game, match_id, tick, id, method, origin, url, outcome, status, address, \
         sent_bytes, received_bytes, waited_ms, took_ms, why",
    ),
    ("input_logs", "match_id, chunks, bytes, stored_bytes, hash, cut"),
    (
        "matches",
        "id, game, version, sha256, state, ticks, tick_hz, seed, players, fault, result_bytes, \
         figures, created_by, created_at, ended_at, forked_from, forked_at, mark, packaging, \
         isolation",
    ),
    ("receipts", "seq, kind, game, version, match_id, envelope"),
    ("refused_fetches", "seq, at, game, match_id, first_tick, last_tick, code, reason, count"),
    (
        "rejections",
        "seq, at, subject, token, address, request, game, version, sha256, size, reasons_total, \
         reasons",
    ),
    ("segments", "match_id, n, tick, game, version, sha256, why, at"),
    ("snapshots", "match_id, tick, state, base, pages, stored_bytes, at"),
];

#[test]
fn the_columns_are_the_promised_ones() {
    let world = World::new();
    let raw = world.raw();
    for (view, columns) in COLUMNS {
        let query = raw.prepare(&format!("SELECT * FROM {view}")).unwrap();
        assert_eq!(query.column_names().collect::<Vec<_>>().join(", "), columns, "{view}");
    }
    let views: i64 = raw
        .query_row("SELECT count(*) FROM sqlite_schema WHERE type = 'view'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(views as usize, COLUMNS.len());
}

#[test]
fn the_values_are_a_persons() {
    let world = World::with_game();
    let build = world.upload("1.0.0");
    world.start(1, &build);
    world.store.end_match(&match_id(1), &end(MatchState::Finished), None).unwrap();
    let rejection = rejection("2.0.0");
    world.store.record_rejection(&ada(), &game(), &version("2.0.0"), &rejection).unwrap();

    let raw = world.raw();
    let text = |sql: &str| raw.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(text("SELECT sha256 FROM builds"), build.sha256.to_string());
    assert_eq!(text("SELECT imports FROM builds"), "lattice_ms_log");
    assert_eq!(text("SELECT policy FROM builds"), POLICY.to_string());
    assert_eq!(text("SELECT seed FROM matches"), u64::MAX.to_string());
    assert_eq!(text("SELECT state FROM matches"), "finished");
    assert_eq!(text("SELECT sha256 FROM rejections"), rejection.sha256.to_string());
    assert!(text("SELECT reasons FROM rejections").contains("IMPORT_NOT_ALLOWED env.system"));
    let at = text("SELECT at FROM audit WHERE seq = 1");
    assert!(at.len() == 27 && at.ends_with('Z') && &at[10..11] == "T", "{at}");
}

#[test]
fn a_forks_origin_and_what_was_signed_are_a_persons_too() {
    let world = World::with_match();
    let build = world.store.latest_schedulable(&game()).unwrap().unwrap();
    let fork = Some(Fork { of: match_id(1), at: 45 });
    world.store.insert_match(&ada(), &NewMatch { fork, ..new_match(2, &build) }).unwrap();
    world.store.put_marks(&[(match_id(2), 70)]).unwrap();
    let end = end(MatchState::Finished);
    world.store.end_match(&match_id(2), &end, Some(&|_| "signed".into())).unwrap();
    let head = world.store.put_audit_head(&|_| "signed too".into()).unwrap().unwrap();

    let raw = world.raw();
    let text = |sql: &str| raw.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    let of_fork = "FROM matches WHERE forked_at = 45 AND mark = 70";
    assert_eq!(text(&format!("SELECT forked_from {of_fork}")), match_id(1).to_string());
    assert_eq!(text("SELECT sha256 FROM segments"), build.sha256.to_string());
    assert_eq!(
        text("SELECT match_id || ' ' || tick || ' ' || why FROM segments"),
        format!("{} 45 fork", match_id(2))
    );
    let signed = "FROM receipts JOIN audit USING (seq) WHERE action = 'match.end'";
    assert_eq!(
        text(&format!("SELECT kind || ' ' || target || ' ' || envelope {signed}")),
        format!("match {} signed", match_id(2))
    );
    assert_eq!(
        text("SELECT hash || ' ' || envelope FROM audit_heads"),
        format!("{} signed too", head.hash)
    );
}

#[test]
fn a_fetch_is_spelled_out_whatever_its_url_is_like() {
    let world = World::with_game();
    let urls = [
        ("https://api.example.com:443/v1/x?...", "https://api.example.com:443"),
        ("http://127.0.0.1:9000/a://b/c", "http://127.0.0.1:9000"),
        ("https://[2001:db8::1]:443/", "https://[2001:db8::1]:443"),
        ("https://api.example.com:443", "https://api.example.com:443"),
    ];
    for (url, _) in urls {
        world.record_fetch(url);
    }
    let raw = world.raw();
    let mut query = raw.prepare("SELECT url, origin FROM fetches ORDER BY seq").unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let rows: Vec<(String, String)> = rows.map(Result::unwrap).collect();
    assert_eq!(rows, urls.map(|(url, origin)| (url.into(), origin.into())));
    let all: (String, String, i64, i64, String, Option<String>) = raw
        .query_row(
            "SELECT method, match_id, id, sent_bytes, address, why FROM fetches LIMIT 1",
            [],
            |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
            },
        )
        .unwrap();
    let match_id = match_id(1).to_string();
    assert_eq!(all, ("POST".into(), match_id, 7, 120, "93.184.216.34:443".into(), None));

    world.record_refused_fetches();
    let refused: (String, i64, i64, i64) = raw
        .query_row("SELECT code, first_tick, last_tick, count FROM refused_fetches", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .unwrap();
    assert_eq!(refused, ("LATTICE_HTTP_NOT_ALLOWED".into(), 3, 9, 12));
}
