//! Features: those that are on are admitted, each that is off is named.

use lattice_policies::{
    admission::{FEATURES, Rejection},
    policy::AdmissionLimits,
};
use wasmparser::WasmFeatures;

use crate::sim::{Sim, expect, scan, with};

/// Each feature that is off, with what uses it.
const OFF: [(&str, &str); 17] = [
    ("exceptions", "(tag $t) (func (throw $t))"),
    ("legacy-exceptions", "(func try catch_all end)"),
    ("threads", "(func (drop (i32.atomic.load (i32.const 0))))"),
    ("shared-everything-threads", "(global (shared i32) (i32.const 0))"),
    ("tail-call", "(func $f return_call $f)"),
    (
        "relaxed-simd",
        "(func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))",
    ),
    ("multi-memory", "(memory 1)"),
    ("memory64", "(table i64 1 1 funcref)"),
    ("function-references", "(type $t (func)) (func (param (ref $t)))"),
    ("gc", "(type (struct (field i32)))"),
    ("gc-types", "(func (param externref))"),
    ("custom-page-sizes", ""),
    ("memory-control", "(func (memory.discard (i32.const 0) (i32.const 0)))"),
    ("stack-switching", "(type $f (func)) (type (cont $f))"),
    (
        "wide-arithmetic",
        "(func (param i64) (result i64 i64) (i64.add128 (local.get 0) (local.get 0) (local.get 0) (local.get 0)))",
    ),
    ("custom-descriptors", ""),
    ("compact-imports", ""),
];

/// What the text format of the tests cannot say, or what takes another part's place.
fn wasm(feature: &str, more: &str) -> Vec<u8> {
    let memory = r#"(memory (export "memory") 1 1 (pagesize 1))"#;
    match feature {
        "custom-page-sizes" => Sim { memory, ..Sim::default() }.wasm(),
        "custom-descriptors" => exact_import(),
        "compact-imports" => compact_import(),
        _ => with(more).wasm(),
    }
}

/// The one import's kind is made that of a function with an exact type.
fn exact_import() -> Vec<u8> {
    const NAME: &[u8] = b"lattice_ms_log";
    let mut wasm = Sim::default().wasm();
    let name = wasm.windows(NAME.len()).position(|window| window == NAME).unwrap();
    wasm[name + NAME.len()] = 0x20;
    wasm
}

/// A module of nothing but one import in the compact encoding.
fn compact_import() -> Vec<u8> {
    let types = [1, 4, 1, 0x60, 0, 0];
    let imports = [2, 12, 1, 3, b'e', b'n', b'v', 0, 0x7f, 1, 1, b'x', 0, 0];
    [b"\0asm\x01\0\0\0", &types[..], &imports[..]].concat()
}

fn disabled(rejection: &Rejection) -> Vec<&str> {
    let named = rejection.reasons.iter().filter(|reason| reason.code.text() == "FEATURE_DISABLED");
    named.map(|reason| &*reason.detail).collect()
}

#[test]
fn each_feature_that_is_off_is_named() {
    for (feature, more) in OFF {
        let rejection = scan(wasm(feature, more), &AdmissionLimits::default()).unwrap_err();
        let named = disabled(&rejection);
        assert!(named.contains(&feature), "{feature}: {:#?}", rejection.reasons);
        let malformed = rejection.reasons.iter().any(|reason| reason.code.text() == "MALFORMED");
        assert!(!malformed, "{feature}: {:#?}", rejection.reasons);
    }
}

#[test]
fn the_table_above_holds_every_feature_of_core_modules_that_is_off() {
    for (name, _) in WasmFeatures::all().difference(FEATURES).iter_names() {
        let name = name.to_lowercase().replace('_', "-");
        let of_components = name.starts_with("cm") || name == "component-model";
        let listed = OFF.iter().any(|(feature, _)| *feature == name);
        assert!(listed || of_components, "{name} is off, and nothing shows that it is named");
    }
}

#[test]
fn several_are_named_together() {
    let more = "(tag $t) (func (throw $t)) (func $f return_call $f)
        (func (drop (i32.atomic.load (i32.const 0)))) (memory 1)";
    let rejection = with(more).scan().unwrap_err();
    assert_eq!(disabled(&rejection), ["threads", "tail-call", "multi-memory", "exceptions"]);
}

#[test]
fn what_is_off_is_found_wherever_a_type_stands() {
    for more in [
        "(func (local externref))",
        "(func (result externref) unreachable)",
        "(func (block (result externref) unreachable) drop)",
        "(func (drop (ref.null extern)))",
        "(func (drop (select (result anyref) (unreachable) (unreachable) (unreachable))))",
        "(elem externref)",
        "(global exnref (ref.null exn))",
        "(rec (type (func)))",
        "(type (sub (func)))",
        "(type (array i8))",
        "(type (func (param (ref null 0))))",
        "(memory 1 1 shared)",
        "(func (drop (memory.atomic.notify (i32.const 0) (i32.const 0))))",
        "(func atomic.fence)",
        "(func (param funcref) (drop (ref.as_non_null (local.get 0))))",
        "(func (drop (ref.i31 (i32.const 0))))",
        "(func (try_table (catch_all 0)))",
    ] {
        expect(more, &with(more), "FEATURE_DISABLED");
    }
}

#[test]
fn what_is_on_is_admitted() {
    for more in [
        "(func (drop (i32.extend8_s (i32.const 1))))",
        "(func (drop (i64.trunc_sat_f64_u (f64.const -1))))",
        "(func (result i32 i64) (i32.const 1) (i64.const 2))",
        "(func (block (result i32 i32) (i32.const 1) (i32.const 2)) drop drop)",
        "(func (memory.copy (i32.const 0) (i32.const 1) (i32.const 2)))",
        "(func (memory.fill (i32.const 0) (i32.const 1) (i32.const 2)))",
        r#"(data $d "x") (func (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))
            (data.drop $d))"#,
        "(table 1 1 funcref) (func (drop (table.grow (ref.null func) (i32.const 1))))",
        "(table 1 1 funcref) (func $f) (elem declare func $f)
            (func (table.set (i32.const 0) (ref.func $f)))",
        "(table 2 2 funcref) (func (table.copy (i32.const 0) (i32.const 1) (i32.const 1)))",
        "(func (drop (ref.is_null (ref.null func))))",
        "(func (drop (i32x4.add (v128.const i32x4 1 2 3 4) (v128.const i32x4 1 2 3 4))))",
        "(func (drop (f32.sqrt (f32.const 2))))",
        "(func (drop (memory.grow (i32.const 1))))",
    ] {
        expect(more, &with(more), "");
    }
}
