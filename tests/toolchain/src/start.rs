//! Static constructors run once, and the linker wraps no export: the marker's body stays empty.

use std::path::PathBuf;

use crate::compile;
use crate::module::Facts;

const LEVELS: [&str; 4] = ["-O0", "-O1", "-O2", "-Os"];
/// The documented flags that put the stack below the data.
const STACK_FIRST: [&str; 2] = ["-Wl,--stack-first", "-Wl,-z,stack-size=1048576"];

/// Sims with and without static constructors, of one file and of several.
fn shapes() -> Vec<(&'static str, Vec<&'static str>, Vec<PathBuf>)> {
    let files = |names: &[&str]| names.iter().map(|name| compile::sim(name)).collect::<Vec<_>>();
    vec![
        ("C", vec![], files(&["minimal.c"])),
        ("C++ without constructors", vec!["-xc++"], files(&["minimal.c"])),
        ("C++ with constructors", vec![], files(&["statics.cpp"])),
        ("two files of C++", vec![], files(&["statics.cpp", "unit.cpp"])),
        ("C and C++", vec![], files(&["statics.cpp", "unit.c"])),
    ]
}

fn assert_unwrapped(wasm: &[u8], what: &str) {
    let facts = Facts::of(wasm);
    let marker = facts.body("lattice_abi_v1");
    assert!(marker == ["end"] || marker == ["return", "end"], "{what}: {marker:?}");
    assert_eq!(
        facts.callers(facts.constructors()),
        1,
        "{what}: only _initialize runs constructors"
    );
    for import in &facts.imports {
        assert!(import.starts_with("env.lattice_ms_"), "{what}: imports {import}");
    }
}

#[test]
fn no_export_is_wrapped_in_any_language_level_or_number_of_files() {
    for (what, language, files) in shapes() {
        for level in LEVELS {
            let flags = [&[level], language.as_slice()].concat();
            let files: Vec<_> = files.iter().map(PathBuf::as_path).collect();
            let wasm = if language.is_empty() {
                compile::wasm_in_units(&flags, &files)
            } else {
                compile::wasm_with(&flags, &files)
            };
            assert_unwrapped(&wasm, &format!("{what} {level}"));
        }
    }
}

#[test]
fn the_documented_stack_flags_change_nothing_of_that() {
    let flags = [&["-O2"], STACK_FIRST.as_slice()].concat();
    let file = compile::sim("statics.cpp");
    assert_unwrapped(&compile::wasm_with(&flags, &[&file]), "stack first");
}

/// Without the header's `_initialize` the linker does wrap, and the test above would notice.
#[test]
fn a_module_without_the_header_is_wrapped() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("bare.cpp");
    let source = "volatile int runs; struct S { S() { runs = runs + 1; } } s;\n\
                  extern \"C\" __attribute__((export_name(\"lattice_abi_v1\"))) void marker() {}\n\
                  extern \"C\" __attribute__((export_name(\"lattice_sim_tick\"))) int tick(long long) { return runs; }\n";
    std::fs::write(&file, source).unwrap();
    let facts = Facts::of(&compile::wasm(&file));
    assert!(facts.body("lattice_abi_v1").len() > 2, "{:?}", facts.body("lattice_abi_v1"));
    assert!(!facts.exports.contains_key("_initialize"));
}
