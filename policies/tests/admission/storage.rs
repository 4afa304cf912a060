//! Memory, tables and globals: one memory, at most one table, both bounded.

use crate::sim::{Sim, expect, with};

fn with_memory(memory: &str) -> Sim<'_> {
    Sim { memory, ..Sim::default() }
}

#[test]
fn one_memory_within_the_limit() {
    for (memory, codes) in [
        (r#"(memory (export "memory") 0)"#, ""),
        (r#"(memory (export "memory") 1)"#, ""),
        (r#"(memory (export "memory") 1024 1024)"#, ""),
        (r#"(memory (export "memory") 1025)"#, "LIMIT_MEMORY"),
        (r#"(memory (export "memory") 1 1025)"#, "LIMIT_MEMORY"),
        (r#"(memory (export "memory") 65536 65536)"#, "LIMIT_MEMORY"),
        (r#"(memory (export "memory") 1 64 shared)"#, "FEATURE_DISABLED"),
        (r#"(memory (export "memory") i64 1 64)"#, "FEATURE_DISABLED"),
        (r#"(memory (export "memory") i64 1 0x1000000000000)"#, "FEATURE_DISABLED LIMIT_MEMORY"),
        (r#"(memory (export "memory") 1 64 (pagesize 1))"#, "FEATURE_DISABLED"),
        (r#"(memory (export "memory") 67108865 (pagesize 1))"#, "FEATURE_DISABLED LIMIT_MEMORY"),
        (r#"(memory (export "memory") 1 64) (memory 1)"#, "FEATURE_DISABLED"),
    ] {
        expect(memory, &with_memory(memory), codes);
    }
}

#[test]
fn what_is_known_of_the_memory() {
    let facts = with_memory(r#"(memory (export "memory") 3)"#).scan().unwrap().facts().clone();
    assert_eq!((facts.memory_min_pages, facts.memory_max_pages), (3, None));
    let facts = Sim::default().scan().unwrap().facts().clone();
    assert_eq!((facts.memory_min_pages, facts.memory_max_pages), (2, Some(64)));
}

#[test]
fn one_table_with_a_maximum() {
    for (table, codes) in [
        ("(table 0 0 funcref)", ""),
        ("(table 10000 10000 funcref)", ""),
        ("(table 1 10000 funcref)", ""),
        ("(table 1 10001 funcref)", "LIMIT_TABLE"),
        ("(table 10001 10001 funcref)", "LIMIT_TABLE"),
        ("(table 1 funcref)", "TABLE_UNBOUNDED LIMIT_TABLE"),
        ("(table 1 1 funcref) (table 1 1 funcref)", "TABLE_COUNT"),
        ("(table 1 1 externref)", "FEATURE_DISABLED"),
        ("(table 1 1 funcref) (table 1 1 externref)", "FEATURE_DISABLED TABLE_COUNT"),
        ("(table i64 1 1 funcref)", "FEATURE_DISABLED"),
        ("(func $f) (table 1 1 (ref func) (ref.func $f))", "FEATURE_DISABLED"),
    ] {
        expect(table, &with(table), codes);
    }
}

#[test]
fn globals_grant_nothing() {
    for (global, codes) in [
        (r#"(global (export "stack") (mut i32) (i32.const 65536))"#, ""),
        ("(global v128 (v128.const i64x2 1 2))", ""),
        ("(global funcref (ref.null func))", ""),
        ("(global i32 (i32.add (i32.const 1) (i32.const 2)))", ""),
        ("(global externref (ref.null extern))", "FEATURE_DISABLED"),
        ("(global anyref (ref.null any))", "FEATURE_DISABLED"),
    ] {
        expect(global, &with(global), codes);
    }
}

#[test]
fn what_no_snapshot_holds_is_known_and_speaks_against_nothing() {
    let table = "(table 2 2 funcref) (func $f) (elem $e func $f)";
    let data = r#"(data $d "x")"#;
    let reference = "a mutable global of a reference type";
    for (more, expected) in [
        ("", &[][..]),
        ("(func (data.drop $d))", &["data.drop"]),
        ("(func (elem.drop $e))", &["elem.drop"]),
        ("(func (table.set (i32.const 0) (ref.func $f)))", &["table.set"]),
        ("(func (drop (table.grow (ref.null func) (i32.const 1))))", &["table.grow"]),
        ("(func (table.fill (i32.const 0) (ref.null func) (i32.const 1)))", &["table.fill"]),
        ("(func (table.copy (i32.const 0) (i32.const 1) (i32.const 1)))", &["table.copy"]),
        ("(func (table.init $e (i32.const 0) (i32.const 0) (i32.const 1)))", &["table.init"]),
        ("(global (mut funcref) (ref.null func))", &[reference]),
        (
            "(global (mut funcref) (ref.null func)) (func (if (i32.const 0) (then elem.drop $e)))
             (func data.drop $d data.drop $d)",
            &["data.drop", "elem.drop", reference],
        ),
        // These are in a snapshot, or never change.
        ("(global (mut i64) (i64.const 1)) (global (mut v128) (v128.const i64x2 1 2))", &[]),
        ("(global funcref (ref.null func))", &[]),
        ("(func (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)))", &[]),
        ("(func (drop (table.get (i32.const 0))) (drop (table.size)))", &[]),
        ("(func (call_indirect (i32.const 0)))", &[]),
    ] {
        let more = format!("{table} {data} {more}");
        let admitted = with(&more).scan().unwrap();
        assert_eq!(admitted.facts().replay_only, expected, "{more}");
    }
}
