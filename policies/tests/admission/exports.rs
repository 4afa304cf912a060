//! Exports: what the host calls is there, has its type, and does what it says.

use lattice_policies::functions::EXPORTS;

use crate::sim::{Sim, expect, with};

#[test]
fn each_required_export_is_missed_by_name() {
    let base = Sim::default();
    for (name, sim) in [
        ("lattice_abi_v1", Sim { marker: "", ..base.clone() }),
        ("lattice_sim_init", Sim { init: "", ..base.clone() }),
        ("lattice_sim_tick", Sim { tick: "", ..base.clone() }),
        ("memory", Sim { memory: "(memory 2 64)", ..base.clone() }),
    ] {
        expect(name, &sim, "EXPORT_MISSING");
        assert_eq!(sim.scan().unwrap_err().reasons[0].detail, name);
    }
    let misnamed = Sim { memory: r#"(memory (export "mem") 2 64)"#, ..base.clone() };
    expect("another name", &misnamed, "EXPORT_MISSING");
    expect("no memory", &Sim { memory: "", ..base }, "MEMORY_MISSING EXPORT_MISSING");
}

#[test]
fn all_that_is_missing_is_told_at_once() {
    let empty = Sim { imports: "", memory: "", marker: "", init: "", tick: "", more: "" }.scan();
    let rejection = empty.unwrap_err();
    assert_eq!(rejection.total, 5, "{rejection:#?}");
}

#[test]
fn a_known_export_has_its_type() {
    let base = Sim::default();
    for init in [
        r#"(func (export "lattice_sim_init"))"#,
        r#"(func (export "lattice_sim_init") (param i32 i32) (result i32) i32.const 0)"#,
        r#"(func (export "lattice_sim_init") (param i64 i32))"#,
        r#"(func (export "lattice_sim_init") (param i64 i32) (result i64) i64.const 0)"#,
        r#"(func (export "lattice_sim_init") (param i32 i64) (result i32) i32.const 0)"#,
        r#"(global (export "lattice_sim_init") i32 (i32.const 0))"#,
        r#"(table (export "lattice_sim_init") 1 1 funcref)"#,
    ] {
        expect(init, &Sim { init, ..base.clone() }, "EXPORT_SIGNATURE");
    }
    let marker = r#"(func (export "lattice_abi_v1") (result i32) i32.const 0)"#;
    let wrong = "EXPORT_SIGNATURE EXPORTS_WRAPPED";
    expect("a marker that answers", &Sim { marker, ..base.clone() }, wrong);
    let global = r#"(global (export "lattice_abi_v1") i32 (i32.const 1))"#;
    expect("a marker by value", &Sim { marker: global, ..base }, "EXPORT_SIGNATURE");
}

#[test]
fn an_optional_export_has_its_type_if_it_is_there() {
    for export in EXPORTS.iter().filter(|export| !export.required) {
        let name = export.name;
        let wrong = format!(r#"(func (export "{name}") (param f32))"#);
        expect(name, &with(&wrong), "EXPORT_SIGNATURE");

        let result = export.signature.result;
        let typed = result.map(|ty| format!("(result {ty}) {ty}.const 0")).unwrap_or_default();
        let right = format!(r#"(func (export "{name}") {typed})"#);
        let admitted = with(&right).scan().unwrap();
        assert_eq!(admitted.facts().optional_exports, [name]);
    }
    assert!(Sim::default().scan().unwrap().facts().optional_exports.is_empty());
}

#[test]
fn an_import_handed_through_is_no_export_of_the_module() {
    let sim = Sim {
        imports: r#"(import "env" "lattice_ms_event_peek" (func $peek (result i32)))"#,
        more: r#"(export "lattice_sim_save" (func $peek))"#,
        ..Sim::default()
    };
    expect("even of the right type", &sim, "EXPORT_SIGNATURE");
}

#[test]
fn two_exports_may_share_a_function() {
    let more = r#"(func $both (result i32) i32.const 0)
        (export "lattice_sim_save" (func $both)) (export "lattice_sim_load" (func $both))"#;
    let admitted = with(more).scan().unwrap();
    assert_eq!(admitted.facts().optional_exports, ["lattice_sim_save", "lattice_sim_load"]);
}

#[test]
fn the_marker_is_empty() {
    let marker = |body: &str| format!(r#"(func $marker (export "lattice_abi_v1") {body})"#);
    for body in ["", "return", "(local i32)"] {
        let marker = marker(body);
        let sim = Sim { marker: &marker, ..Sim::default() };
        expect(body, &sim, "");
    }
    for body in [
        "call $constructors",
        "call $constructors return",
        "return call $constructors",
        "nop",
        "return return",
        "unreachable",
        "(loop br 0)",
    ] {
        let marker = marker(body);
        let sim = Sim { marker: &marker, more: "(func $constructors)", ..Sim::default() };
        expect(body, &sim, "EXPORTS_WRAPPED");
        let hint = sim.scan().unwrap_err().reasons[0].hint.clone().unwrap();
        assert!(hint.contains("_initialize"), "{hint}");
    }
}

#[test]
fn nothing_runs_at_instantiation() {
    let sim = with("(func $start) (start $start)");
    expect("a start section", &sim, "START_FUNCTION");
    let hint = sim.scan().unwrap_err().reasons[0].hint.clone().unwrap();
    assert!(hint.contains("--exportStart _initialize"), "{hint}");
}

#[test]
fn other_exports_are_let_be() {
    let more = r#"(func (export "game_debug") (param f64)) (global (export "x") i64 (i64.const 1))
        (table (export "__indirect_function_table") 1 1 funcref)"#;
    expect("harmless", &with(more), "");
}
