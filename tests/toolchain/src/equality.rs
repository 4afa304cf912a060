//! The same source gives the same bits in wasm, and by gcc and by clang as a native program and as a
//! shared object, at every level.

use std::path::Path;

use crate::cell::Cell;
use crate::compile;
use crate::sim::Sim;

const COMPILERS: [[&str; 2]; 2] = [["gcc", "clang"], ["g++", "clang++"]];
const LEVELS: [&str; 3] = ["-O0", "-O2", "-O3"];

/// Runs a sim in wasm and natively, in every way, and returns the hashes that all of them gave.
fn equal_hashes(source: &str, language: &[&str], ticks: u32) -> Vec<u64> {
    let file = compile::sim(source);
    let expected =
        Sim::started(&compile::wasm_with(&[&["-O2"], language].concat(), &[&file])).hashes(ticks);
    let is_cxx = source.ends_with("cpp") || language == ["-xc++"];
    for level in LEVELS {
        let flags = [&[level], language].concat();
        let wasm = Sim::started(&compile::wasm_with(&flags, &[&file])).hashes(ticks);
        assert!(wasm == expected, "{source} in wasm {flags:?}");
        for compiler in COMPILERS[usize::from(is_cxx)] {
            let native = compile::native_hashes(compiler, &flags, &file, ticks);
            assert!(native == expected, "{source} by {compiler} {flags:?}");
        }
        assert_same_as_object("clang", &flags, &file, &expected);
    }
    assert_same_as_object("gcc", &[&["-O2"], language].concat(), &file, &expected);
    expected
}

fn assert_same_as_object(compiler: &str, flags: &[&str], file: &Path, expected: &[u64]) {
    let object = Cell::of(compiler, flags, file).hashes(expected.len() as u32);
    assert!(object == expected, "{} as a shared object by {compiler} {flags:?}", file.display());
}

fn all_different(hashes: &[u64]) -> bool {
    let mut sorted = hashes.to_vec();
    sorted.sort_unstable();
    sorted.windows(2).all(|pair| pair[0] != pair[1])
}

#[test]
fn a_mixed_workload_has_equal_bits_on_every_target() {
    let c = equal_hashes("workload.c", &[], 300);
    let cxx = equal_hashes("workload.c", &["-xc++"], 300);
    assert!(all_different(&c));
    assert_eq!(c, cxx, "C and C++ map to the same functions");
}

#[test]
fn constants_fold_to_what_is_computed_on_every_target() {
    let c = equal_hashes("folding.c", &[], 1);
    assert_eq!(c, equal_hashes("folding.c", &["-xc++"], 1));
}

#[test]
fn a_sim_in_the_dialect_of_c_engines_is_equal() {
    assert!(all_different(&equal_hashes("engine_c.c", &["-std=c17"], 200)));
}

#[test]
fn a_sim_in_the_dialect_of_cxx_engines_is_equal() {
    let old = equal_hashes("engine_cxx.cpp", &["-std=c++11"], 200);
    assert!(all_different(&old[..20]));
    assert_eq!(old, equal_hashes("engine_cxx.cpp", &["-std=c++20"], 200));
}

#[test]
fn virtual_functions_and_statics_are_equal() {
    assert!(all_different(&equal_hashes("statics.cpp", &[], 200)));
}

#[test]
fn dynamic_casts_find_what_the_system_s_library_finds() {
    equal_hashes("casts.cpp", &[], 3);
}
