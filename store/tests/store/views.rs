//! The views that a person reads: their columns are a promise, and their values are spelled out.

use lattice_store::MatchState;

use crate::world::*;

const COLUMNS: [(&str, &str); 4] = [
    (
        "audit",
        "seq, at, subject, token, address, request, action, game, target, outcome, detail, \
         previous, hash",
    ),
    (
        "builds",
        "game, version, sha256, size, packaging, imports, schedulable, policy, scanner, \
         uploaded_by, created_at, retired_at, refused",
    ),
    (
        "matches",
        "id, game, version, sha256, state, ticks, tick_hz, seed, players, fault, result_bytes, \
         figures, created_by, created_at, ended_at",
    ),
    (
        "rejections",
        "seq, at, subject, token, address, request, game, version, sha256, size, reasons_total, \
         reasons",
    ),
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
    world.store.end_match(&match_id(1), &end(MatchState::Finished)).unwrap();
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
