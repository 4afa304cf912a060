//! Imports: membership is by module and name as they are, then kind, then type.

use crate::sim::{Sim, expect, importing};

#[test]
fn a_name_that_is_not_in_the_table_is_refused_however_near_it_is() {
    for (module, name) in [
        ("env", "system"),
        ("env", "lattice_ms_"),
        ("env", "lattice_ms_logs"),
        ("env", "lattice_ms_lo"),
        ("env", " lattice_ms_log"),
        ("env", "lattice_ms_log\\00"),
        ("env", "lattice_ms_l\u{43e}g"),
        ("env", "LATTICE_MS_LOG"),
        ("env", ""),
        ("", "lattice_ms_log"),
        ("env ", "lattice_ms_log"),
        ("Env", "lattice_ms_log"),
        ("env.lattice_ms_log", ""),
        ("wasi_snapshot_preview1", "proc_exit"),
        ("wasi_snapshot_preview1", "lattice_ms_log"),
    ] {
        let import = format!(r#"(import "{module}" "{name}" (func (param i32 i32 i32)))"#);
        expect(&import, &importing(&import), "IMPORT_NOT_ALLOWED");
    }
}

#[test]
fn a_granted_name_is_refused_with_any_other_type() {
    for ty in [
        "",
        "(param i32 i32)",
        "(param i32 i32 i32 i32)",
        "(param i32 i32 i32) (result i32)",
        "(param i32 i32 f32)",
        "(param i32 i64 i32)",
        "(param i32 i32 i32) (result i32 i32)",
        "(param i32 i32 v128)",
    ] {
        let import = format!(r#"(import "env" "lattice_ms_log" (func {ty}))"#);
        expect(&import, &importing(&import), "IMPORT_SIGNATURE");
    }
    let import = r#"(import "env" "lattice_ms_gauge" (func (param i32 i32 f32) (result i32)))"#;
    expect("a float gauge", &importing(import), "IMPORT_SIGNATURE");
}

#[test]
fn both_types_are_shown() {
    let import = r#"(import "env" "lattice_ms_gauge" (func (param i64) (result f32 f64)))"#;
    let rejection = importing(import).scan().unwrap_err();
    let shown = "env.lattice_ms_gauge is (i32, i32, f64) -> i32, not (i64) -> (f32, f64)";
    assert_eq!(rejection.reasons[0].detail, shown);
}

#[test]
fn only_functions_are_imported() {
    for (kind, codes) in [
        ("(global i32)", "IMPORT_KIND"),
        ("(global (mut i64))", "IMPORT_KIND"),
        ("(table 1 1 funcref)", "IMPORT_KIND"),
        ("(table 1 externref)", "IMPORT_KIND FEATURE_DISABLED"),
        ("(memory 1 1)", "IMPORT_KIND FEATURE_DISABLED"),
        ("(tag)", "IMPORT_KIND FEATURE_DISABLED"),
    ] {
        let import = format!(r#"(import "env" "lattice_ms_log" {kind})"#);
        expect(&import, &importing(&import), codes);
        let foreign = format!(r#"(import "env" "other" {kind})"#);
        expect(&foreign, &importing(&foreign), &format!("IMPORT_NOT_ALLOWED {codes}"));
    }
}

#[test]
fn an_imported_memory_is_no_memory_of_the_module() {
    let sim = Sim {
        imports: r#"(import "env" "memory" (memory 2 64)) (export "memory" (memory 0))"#,
        memory: "",
        ..Sim::default()
    };
    expect("shared with the host", &sim, "IMPORT_NOT_ALLOWED IMPORT_KIND MEMORY_MISSING");
    let shared = sim.imports.replace("2 64", "2 64 shared");
    expect(
        "shared with threads",
        &Sim { imports: &shared, ..sim },
        "IMPORT_NOT_ALLOWED IMPORT_KIND MEMORY_MISSING FEATURE_DISABLED",
    );
}

#[test]
fn every_occurrence_is_checked() {
    let twice = r#"(import "env" "lattice_ms_log" (func (param i32 i32 i32)))"#.repeat(2);
    let admitted = importing(&twice).scan().unwrap();
    assert_eq!(admitted.imports(), ["lattice_ms_log"]);

    let other_type = format!(r#"{twice} (import "env" "lattice_ms_log" (func))"#);
    expect("another type", &importing(&other_type), "IMPORT_SIGNATURE");
    let other_module = format!(r#"{twice} (import "evn" "lattice_ms_log" (func))"#);
    expect("another module", &importing(&other_module), "IMPORT_NOT_ALLOWED");
}

#[test]
fn the_names_come_in_order_of_appearance() {
    let imports = r#"
        (import "env" "lattice_ms_kick" (func (param i32 i32) (result i32)))
        (import "env" "lattice_ms_event_peek" (func (result i32)))
        (import "env" "lattice_ms_kick" (func (param i32 i32) (result i32)))"#;
    let admitted = importing(imports).scan().unwrap();
    assert_eq!(admitted.imports(), ["lattice_ms_kick", "lattice_ms_event_peek"]);
}

#[test]
fn the_whole_table_can_be_imported() {
    use lattice_policies::functions::HOST_FUNCTIONS;
    let import = |function: &lattice_policies::functions::HostFunction| {
        let params: String =
            function.signature.params.iter().map(|param| format!("(param {param})")).collect();
        let result = function.signature.result.map(|result| format!("(result {result})"));
        let result = result.unwrap_or_default();
        format!(r#"(import "env" "{}" (func {params} {result}))"#, function.name)
    };
    let imports: String = HOST_FUNCTIONS.iter().map(import).collect();
    let admitted = importing(&imports).scan().unwrap();
    assert_eq!(admitted.imports().len(), HOST_FUNCTIONS.len());
}
