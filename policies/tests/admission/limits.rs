//! Limits: at each one a module is admitted, one above it is not.

use lattice_policies::policy::AdmissionLimits;

use crate::sim::{Sim, codes, expect, expect_of, importing, scan, with};

/// What a limit is called, a sim that holds so many of what it limits, and the limit's own value.
type Limit = (&'static str, fn(u32) -> String, fn(&AdmissionLimits) -> u32);

/// The default sim holds 4 types, 3 functions, 4 exports and no segment.
const LIMITS: [Limit; 12] = [
    ("LIMIT_TYPES", |n| types(n - 4), |limits| limits.types),
    ("LIMIT_FUNCTIONS", |n| "(func)".repeat(n as usize - 3), |limits| limits.functions),
    ("LIMIT_GLOBALS", |n| "(global i32 (i32.const 0))".repeat(n as usize), |limits| limits.globals),
    ("LIMIT_EXPORTS", |n| exports(n - 4), |limits| limits.exports),
    (
        "LIMIT_PARAMS",
        |n| function(&"(param i32)".repeat(n as usize)),
        |limits| limits.function_params,
    ),
    (
        "LIMIT_RESULTS",
        |n| function(&format!("{} unreachable", "(result i32)".repeat(n as usize))),
        { |limits| limits.function_results },
    ),
    (
        "LIMIT_LOCALS",
        |n| function(&"(local i32)".repeat(n as usize)),
        |limits| limits.function_locals,
    ),
    ("LIMIT_NESTING", |n| function(&nested(n as usize)), |limits| limits.block_nesting),
    (
        "LIMIT_BR_TABLE",
        |n| function(&format!("i32.const 0 br_table {}", "0 ".repeat(n as usize + 1))),
        { |limits| limits.br_table_targets },
    ),
    // A body's size, count of locals and `end` are three bytes.
    (
        "LIMIT_BODY",
        |n| function(&"nop ".repeat(n as usize - 2)),
        |limits| limits.function_body_bytes,
    ),
    ("LIMIT_SEGMENTS", |n| "(data \"\")".repeat(n as usize), |limits| limits.segments),
    (
        "LIMIT_CUSTOM",
        |n| "(@custom \"x\" \"y\")".repeat(n as usize),
        |limits| limits.custom_sections,
    ),
];

fn function(fields: &str) -> String {
    format!("(func {fields})")
}

fn types(n: u32) -> String {
    (0..n).map(|n| format!("(type (func (param {}) (result f32 f64)))", digits(n))).collect()
}

/// A list of types that no other number has.
fn digits(n: u32) -> String {
    (0..12).map(|bit| if n >> bit & 1 == 0 { "i32 " } else { "i64 " }).collect()
}

fn exports(n: u32) -> String {
    let exports = (0..n).map(|n| format!(r#"(export "x{n}" (memory 0))"#));
    exports.collect()
}

fn nested(n: usize) -> String {
    "(block ".repeat(n) + &")".repeat(n)
}

#[test]
fn each_limit_is_the_last_value_that_is_admitted() {
    let limits = AdmissionLimits::default();
    for (code, fields, limit) in LIMITS {
        let most = limit(&limits);
        expect(code, &with(&fields(most)), "");
        expect(code, &with(&fields(most + 1)), code);
    }
}

#[test]
fn a_limit_of_the_policy_counts_and_not_its_default() {
    let wasm = with("(global i32 (i32.const 0)) (global i32 (i32.const 0))").wasm();
    let limits = |globals| AdmissionLimits { globals, ..AdmissionLimits::default() };
    expect_of("two of two", &scan(wasm.clone(), &limits(2)), "");
    expect_of("two of one", &scan(wasm, &limits(1)), "LIMIT_GLOBALS");
}

#[test]
fn a_module_over_the_limit_is_told_its_size_and_not_read() {
    let wasm = vec![0xff; 16 * 1024 * 1024 + 1];
    let rejection = scan(wasm, &AdmissionLimits::default()).unwrap_err();
    assert_eq!(rejection.size, 16_777_217);
    assert_eq!(rejection.total, 1);
    assert_eq!(
        rejection.reasons[0].to_string(),
        "LIMIT_MODULE bytes: 16777217, and the limit is 16777216"
    );
}

#[test]
fn imports_are_limited_and_each_is_still_named() {
    let log = r#"(import "env" "lattice_ms_log" (func (param i32 i32 i32)))"#;
    expect("64", &importing(&log.repeat(64)), "");
    expect("65", &importing(&log.repeat(65)), "LIMIT_IMPORTS");

    let foreign: String =
        (0..150).map(|n| format!(r#"(import "env" "foreign_{n}" (func))"#)).collect();
    let rejection = importing(&foreign).scan().unwrap_err();
    assert_eq!(rejection.total, 151);
    assert_eq!(rejection.reasons.len(), 100);
    assert!(rejection.reasons.iter().any(|reason| reason.detail == "env.foreign_98"));
}

#[test]
fn locals_are_limited_over_all_functions_too() {
    // Groups, so that the module is small: a bomb is.
    let function = format!("(func (local {}))", "i64 ".repeat(4_096));
    expect("48 times 4096", &with(&function.repeat(48)), "");
    expect("49 times 4096", &with(&function.repeat(49)), "LIMIT_LOCALS");
}

#[test]
fn data_and_element_segments_count_together() {
    let more = r#"(data "")"#.repeat(1_000) + &"(elem func)".repeat(24);
    expect("1024", &with(&more), "");
    let more = more + "(elem declare func)";
    expect("1025", &with(&more), "LIMIT_SEGMENTS");
}

#[test]
fn long_names_are_refused_and_cut() {
    let export = |bytes| format!(r#"(func (export "{}"))"#, "n".repeat(bytes));
    expect("128 bytes", &with(&export(128)), "");
    expect("129 bytes", &with(&export(129)), "LIMIT_NAME");
    let sim = export(50_000);
    let rejection = with(&sim).scan().unwrap_err();
    assert!(rejection.reasons[0].detail.len() < 100, "{}", rejection.reasons[0].detail);

    let module = format!(r#"(import "{}" "lattice_ms_log" (func))"#, "m".repeat(129));
    expect("a module's name", &importing(&module), "LIMIT_NAME IMPORT_NOT_ALLOWED");
    let identifiers = format!("(func ${})", "n".repeat(5_000));
    expect("a name for debuggers", &with(&identifiers), "");
}

#[test]
fn several_limits_are_told_together() {
    let more = types(5_000) + &"(global i32 (i32.const 0))".repeat(2_000) + &nested_function();
    let outcome = Sim { more: &more, tick: "", ..Sim::default() }.scan();
    let expected = ["EXPORT_MISSING", "LIMIT_GLOBALS", "LIMIT_NESTING", "LIMIT_TYPES"];
    assert_eq!(codes(&outcome), expected);
}

fn nested_function() -> String {
    function(&nested(600))
}
