//! The audit chain: whole after honest work, and every kind of tampering found and named.

use lattice_store::{AuditBroken, AuditEntry, AuditFilter, Page, Why};
use rusqlite::Connection;
use serde_json::json;

use crate::world::*;

/// A store whose audit has ten rows.
fn ten_rows() -> World {
    let world = World::with_game();
    for n in 2..=10 {
        let detail = json!({"N": n});
        let entry = AuditEntry {
            action: "request.permit",
            game: None,
            target: "g",
            outcome: "denied",
            detail,
        };
        world.store.record(&ada(), &entry).unwrap();
    }
    world
}

/// The database in the hands of somebody who took the triggers away.
fn forced(world: &World) -> Connection {
    let raw = world.raw();
    let triggers: Vec<String> = raw
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    for trigger in triggers {
        raw.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
    }
    raw
}

/// What the check says after this was done to ten rows.
fn after(sql: &str) -> Option<(i64, Why)> {
    let world = ten_rows();
    forced(&world).execute_batch(sql).unwrap();
    match world.store.verify_audit() {
        Ok(_) => None,
        Err(AuditBroken::Row { row, why }) => Some((row, why)),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn honest_work_leaves_a_whole_chain() {
    let world = ten_rows();
    let check = world.store.verify_audit().unwrap();
    let head = world.store.audit_head().unwrap();
    assert_eq!((check.rows, check.head), (10, head.hash));
    let rows = world.audit();
    assert!(rows.is_sorted_by(|a, b| b.seq == a.seq + 1 && b.previous == a.hash));

    let empty = World::new();
    assert_eq!(empty.store.verify_audit().unwrap().rows, 0);
    assert_eq!(empty.store.audit_head().unwrap().hash, rows[0].previous);
}

#[test]
fn a_changed_row_is_found_whatever_was_changed() {
    for column in
        ["at", "subject", "token", "address", "request", "action", "game", "target", "outcome"]
    {
        let sql = format!("UPDATE audit_row SET {column} = 'x' WHERE seq = 4");
        assert_eq!(after(&sql), Some((4, Why::Changed)), "{column}");
    }
    for change in [
        "detail = '{}'",
        "token = NULL",
        "token = ''",
        "hash = zeroblob(32)",
        "previous = zeroblob(32)",
    ] {
        let sql = format!("UPDATE audit_row SET {change} WHERE seq = 4");
        assert_eq!(after(&sql), Some((4, Why::Changed)), "{change}");
    }
}

#[test]
fn the_first_and_the_last_row_are_no_weaker() {
    for seq in [1, 10] {
        let changed = format!("UPDATE audit_row SET subject = 'eve' WHERE seq = {seq}");
        assert_eq!(after(&changed), Some((seq, Why::Changed)));
        let removed = format!("DELETE FROM audit_row WHERE seq = {seq}");
        assert_eq!(after(&removed), Some((seq, Why::Removed)));
    }
    assert_eq!(after("DELETE FROM audit_row"), Some((1, Why::Removed)));
    assert_eq!(after("DELETE FROM audit_row WHERE seq > 7"), Some((8, Why::Removed)));
}

#[test]
fn a_removed_row_is_missed_even_when_the_rest_closes_up() {
    assert_eq!(after("DELETE FROM audit_row WHERE seq = 5"), Some((5, Why::Removed)));
    assert_eq!(
        after(
            "DELETE FROM audit_row WHERE seq = 5;
             UPDATE audit_row SET seq = -seq WHERE seq > 5;
             UPDATE audit_row SET seq = -seq - 1 WHERE seq < 0;
             UPDATE audit_head SET seq = 9;"
        ),
        Some((5, Why::Removed))
    );
}

/// Moves the rows from 5 on one place down, which leaves place 5 for a new one.
const MAKE_PLACE: &str = "
    UPDATE audit_row SET seq = -seq WHERE seq >= 5;
    UPDATE audit_row SET seq = -seq + 1 WHERE seq < 0;
    UPDATE audit_head SET seq = 11;";

#[test]
fn an_inserted_row_is_told_from_the_ones_that_it_pushed_down() {
    let copy = |of: i64| {
        format!(
            "{MAKE_PLACE} INSERT INTO audit_row
             SELECT 5, at, 'eve', token, address, request, action, game, target, outcome, detail,
                previous, hash FROM audit_row WHERE seq = {of};"
        )
    };
    assert_eq!(after(&copy(4)), Some((5, Why::Inserted)));
    assert_eq!(after(&copy(6)), Some((5, Why::Inserted)));
    let exact_copy = copy(3).replace("'eve'", "subject");
    assert_eq!(after(&exact_copy), Some((5, Why::Inserted)));
    let at_the_end = "INSERT INTO audit_row
        SELECT 11, at, subject, token, address, request, action, game, target, outcome, detail,
            previous, hash FROM audit_row WHERE seq = 3";
    assert_eq!(after(at_the_end), Some((11, Why::Inserted)));
    let before_the_first = at_the_end.replace("11", "0");
    assert_eq!(after(&before_the_first), Some((0, Why::Inserted)));
}

#[test]
fn a_row_inserted_with_a_right_hash_is_found_by_the_one_after_it() {
    let world = ten_rows();
    let raw = forced(&world);
    raw.execute_batch(MAKE_PLACE).unwrap();
    graft(&raw, &world);
    let broken = world.store.verify_audit().unwrap_err().to_string();
    assert_eq!(broken, "the audit chain is broken at row 5: it was inserted");
}

#[test]
fn a_row_replaced_with_a_right_hash_is_found_by_the_one_after_it() {
    let world = ten_rows();
    let raw = forced(&world);
    raw.execute("DELETE FROM audit_row WHERE seq = 5", []).unwrap();
    graft(&raw, &world);
    let broken = world.store.verify_audit().unwrap_err().to_string();
    assert_eq!(broken, "the audit chain is broken at row 5: its contents were changed");
}

/// Puts in a fifth row that follows the fourth with a right hash: what somebody would make who
/// knows the chain's rules.
fn graft(raw: &Connection, world: &World) {
    let fourth = world.audit().into_iter().find(|row| row.seq == 4).unwrap();
    let forger = World::new();
    forced(&forger).execute("UPDATE audit_head SET seq = 4, hash = ?1", [fourth.hash.0]).unwrap();
    let entry = AuditEntry {
        action: "token.create",
        game: None,
        target: "t",
        outcome: "ok",
        detail: json!({}),
    };
    forger.store.record(&ada(), &entry).unwrap();
    let made = forger.store.audit(&AuditFilter::default(), &Page::first(1)).unwrap().remove(0);
    assert_eq!((made.seq, made.previous), (5, fourth.hash));
    raw.execute("ATTACH ?1 AS forger", [forger.database().to_str().unwrap()]).unwrap();
    raw.execute("INSERT INTO audit_row SELECT * FROM forger.audit_row WHERE seq = 5", []).unwrap();
}

#[test]
fn reordered_rows_are_found() {
    let swap = |a: i64, b: i64| {
        format!(
            "UPDATE audit_row SET seq = -1 WHERE seq = {a};
             UPDATE audit_row SET seq = {a} WHERE seq = {b};
             UPDATE audit_row SET seq = {b} WHERE seq = -1;"
        )
    };
    assert_eq!(after(&swap(5, 6)), Some((5, Why::Reordered { from: 6 })));
    assert_eq!(after(&swap(2, 10)), Some((2, Why::Reordered { from: 10 })));
    assert_eq!(after(&swap(1, 2)), Some((1, Why::Reordered { from: 2 })));
}

#[test]
fn a_moved_head_is_found() {
    assert_eq!(after("UPDATE audit_head SET seq = 11"), Some((11, Why::Removed)));
    assert_eq!(after("UPDATE audit_head SET seq = 9"), Some((10, Why::Inserted)));
    assert_eq!(after("UPDATE audit_head SET hash = zeroblob(32)"), Some((10, Why::Changed)));
}

#[test]
fn a_broken_chain_is_never_healed_by_the_rows_that_follow() {
    let world = ten_rows();
    forced(&world).execute_batch("DELETE FROM audit_row WHERE seq = 10").unwrap();
    world.upload("1.0.0");
    let broken = world.store.verify_audit();
    assert!(matches!(broken, Err(AuditBroken::Row { row: 10, why: Why::Removed })));
}

#[test]
fn the_database_refuses_to_touch_the_chain() {
    let world = ten_rows();
    let raw = world.raw();
    for sql in [
        "UPDATE audit_row SET subject = 'eve'",
        "DELETE FROM audit_row WHERE seq = 10",
        "INSERT OR REPLACE INTO audit_row SELECT * FROM audit_row WHERE seq = 3",
        "INSERT INTO audit_row
            SELECT 12, at, subject, token, address, request, action, game, target, outcome,
                detail, previous, hash FROM audit_row WHERE seq = 10",
        "UPDATE audit_head SET seq = 9",
        "UPDATE audit_head SET hash = zeroblob(32)",
        "DELETE FROM audit_head",
    ] {
        let refused = raw.execute(sql, []).unwrap_err().to_string();
        assert!(refused.contains("audit"), "{sql}: {refused}");
    }
    assert_eq!(world.store.verify_audit().unwrap().rows, 10);
}

#[test]
fn the_audit_is_read_newest_first_by_page_and_by_game() {
    let world = ten_rows();
    world.upload("1.0.0");
    let seqs = |game: Option<_>, after: Option<&str>, limit| -> Vec<i64> {
        let page = Page { after: after.map(str::to_owned), limit };
        let rows = world.store.audit(&AuditFilter { game }, &page).unwrap();
        rows.iter().map(|row| row.seq).collect()
    };
    assert_eq!(seqs(None, None, 3), [11, 10, 9]);
    assert_eq!(seqs(None, Some("9"), 2), [8, 7]);
    assert_eq!(seqs(Some(game()), None, 10), [11, 1]);
    assert_eq!(seqs(Some(game()), Some("11"), 10), [1]);
}
