//! Segments: what instantiation writes lies in what is there.

use crate::sim::{Sim, expect, with};

#[test]
fn a_data_segment_lies_in_the_memorys_minimum() {
    for (segment, codes) in [
        (r#"(data (i32.const 131068) "last")"#, ""),
        (r#"(data (i32.const 131072) "")"#, ""),
        (r#"(data (i32.const 131069) "over")"#, "DATA_OUT_OF_BOUNDS"),
        (r#"(data (i32.const 131073) "")"#, "DATA_OUT_OF_BOUNDS"),
        (r#"(data (i32.const -1) "a")"#, "DATA_OUT_OF_BOUNDS"),
        (r#"(data (i32.const -1) "wraps")"#, "DATA_OUT_OF_BOUNDS"),
        (r#"(data (i32.add (i32.const 131000) (i32.const 68)) "last")"#, ""),
        (r#"(data (i32.add (i32.const 131000) (i32.const 69)) "over")"#, "DATA_OUT_OF_BOUNDS"),
        (r#"(data (i32.sub (i32.const 4) (i32.const 4)) "zero")"#, ""),
        (r#"(data (i32.sub (i32.const 3) (i32.const 4)) "a")"#, "DATA_OUT_OF_BOUNDS"),
        (r#"(data (i32.mul (i32.const 65536) (i32.const 65536)) "wraps to zero")"#, ""),
        (r#"(data (i32.mul (i32.const 65536) (i32.const 2)) "a")"#, "DATA_OUT_OF_BOUNDS"),
        (r#"(data "passive, of any length")"#, ""),
    ] {
        expect(segment, &with(segment), codes);
    }
}

#[test]
fn a_place_that_is_not_known_ahead_is_refused() {
    let own = r#"(global $g i32 (i32.const 8)) (data (global.get $g) "x")"#;
    expect("of an own global", &with(own), "DATA_OUT_OF_BOUNDS FEATURE_DISABLED");
    let imported = Sim {
        imports: r#"(import "env" "__memory_base" (global $base i32))"#,
        more: r#"(data (global.get $base) "x") (table 4 4 funcref) (func $f)
            (elem (global.get $base) func $f)"#,
        ..Sim::default()
    };
    let codes = "IMPORT_KIND IMPORT_NOT_ALLOWED DATA_OUT_OF_BOUNDS ELEM_OUT_OF_BOUNDS";
    expect("of an import", &imported, codes);
}

#[test]
fn a_long_constant_expression_is_not_computed() {
    let sum = "i32.const 0 ".repeat(20) + &"i32.add ".repeat(19);
    let segment = format!(r#"(data (offset {sum}) "x")"#);
    expect("of 20 operands", &with(&segment), "DATA_OUT_OF_BOUNDS");
}

#[test]
fn an_element_segment_lies_in_the_tables_minimum() {
    let table = "(table 4 8 funcref) (func $f)";
    for (segment, codes) in [
        ("(elem (i32.const 3) func $f)", ""),
        ("(elem (i32.const 4) func)", ""),
        ("(elem (i32.const 4) func $f)", "ELEM_OUT_OF_BOUNDS"),
        ("(elem (i32.const 5) func)", "ELEM_OUT_OF_BOUNDS"),
        ("(elem (i32.const -1) func $f)", "ELEM_OUT_OF_BOUNDS"),
        ("(elem (i32.const 2) funcref (ref.func $f) (ref.null func))", ""),
        ("(elem (i32.const 3) funcref (ref.func $f) (ref.null func))", "ELEM_OUT_OF_BOUNDS"),
        ("(elem func $f $f $f $f $f)", ""),
        ("(elem declare func $f)", ""),
    ] {
        let more = format!("{table} {segment}");
        expect(segment, &with(&more), codes);
    }
    expect("without a table", &with("(func $f) (elem (i32.const 0) func $f)"), "MALFORMED");
}

#[test]
fn a_segment_longer_than_any_table_is_refused() {
    let functions = "$f ".repeat(10_001);
    let passive = format!("(func $f) (elem func {functions})");
    expect("passive", &with(&passive), "LIMIT_TABLE");
    let active = format!("(func $f) (table 8 8 funcref) (elem (i32.const 0) func {functions})");
    expect("active", &with(&active), "LIMIT_TABLE ELEM_OUT_OF_BOUNDS");

    let half = format!("(elem func {})", "$f ".repeat(5_000));
    expect("two halves", &with(&format!("(func $f) {half} {half}")), "");
    let more = format!("(func $f) {half} {half} (elem declare func $f)");
    expect("one more elsewhere", &with(&more), "LIMIT_TABLE");
}
