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
