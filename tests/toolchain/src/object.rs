//! What a sim's shared object says of itself: it imports and exports what its module does, and an
//! arena; it needs no library, and nothing in it is writable and executable.

use std::collections::BTreeSet;
use std::path::Path;

use goblin::elf::{
    Elf,
    dynamic::DF_TEXTREL,
    program_header::{PF_W, PF_X, PT_LOAD, PT_TLS},
};

use crate::compile;
use crate::module::Facts;

fn built(source: &Path) -> (Vec<u8>, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let object = folder.path().join("sim.so");
    compile::object("clang", &["-O2"], &[source], &object);
    (compile::wasm(source), std::fs::read(object).unwrap())
}

/// The names of the dynamic symbols that the object leaves to its loader, and of those it defines.
fn symbols(elf: &Elf<'_>) -> (BTreeSet<String>, BTreeSet<String>) {
    let named = elf.dynsyms.iter().map(|symbol| (symbol, elf.dynstrtab.get_at(symbol.st_name)));
    let named = named.filter_map(|(symbol, name)| Some((symbol.is_import(), name?.to_owned())));
    let (imports, exports): (Vec<_>, Vec<_>) =
        named.filter(|(_, name)| !name.is_empty()).partition(|(import, _)| *import);
    let names = |symbols: Vec<(bool, String)>| symbols.into_iter().map(|(_, name)| name).collect();
    (names(imports), names(exports))
}

#[track_caller]
fn assert_like_its_module(source: &Path) {
    let (wasm, object) = built(source);
    let module = Facts::of(&wasm);
    let elf = Elf::parse(&object).unwrap();
    let (imports, exports) = symbols(&elf);
    let calls = module.imports.iter().map(|name| name.strip_prefix("env.").unwrap().to_owned());
    assert_eq!(imports, calls.collect(), "{}", source.display());
    let functions = module.exports.keys().filter(|name| *name != "_initialize").cloned();
    assert_eq!(exports, functions.chain(["lattice_arena".to_owned()]).collect());

    assert!(elf.libraries.is_empty(), "{:?}", elf.libraries);
    assert!(elf.dynamic.as_ref().unwrap().info.flags & DF_TEXTREL == 0);
    assert!(elf.program_headers.iter().all(|part| part.p_type != PT_TLS));
    let both = PF_W | PF_X;
    let parts = elf.program_headers.iter().filter(|part| part.p_type == PT_LOAD);
    assert!(parts.into_iter().all(|part| part.p_flags & both != both));
    assert!(object.len() < wasm.len() * 3 / 2 + 16 * 1024, "{} of {}", object.len(), wasm.len());
}

#[test]
fn every_example_imports_and_exports_what_its_module_does() {
    for source in [
        "hello/hello.c",
        "arena/game_sim.cpp",
        "leaderboard/leaderboard.cpp",
        "physics/physics.cpp",
    ] {
        assert_like_its_module(&compile::root().join("examples").join(source));
    }
}

#[test]
fn a_sim_that_uses_the_whole_surface_imports_and_exports_all_of_it() {
    assert_like_its_module(&compile::sim("every_call.c"));
}

#[test]
fn statics_casts_and_a_throw_leave_nothing_of_cxx_to_the_host() {
    assert_like_its_module(&compile::sim("statics.cpp"));
    assert_like_its_module(&compile::sim("casts.cpp"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("throws.cpp");
    let source = "#include <lattice_managed.h>\n\
                  LATTICE_EXPORT int32_t lattice_sim_init(int64_t, int32_t) { return 0; }\n\
                  LATTICE_EXPORT int32_t lattice_sim_tick(int64_t tick) {\n\
                      try { if (tick == 1) throw 5; } catch (int caught) { return caught; }\n\
                      return 0;\n\
                  }\n";
    std::fs::write(&file, source).unwrap();
    assert_like_its_module(&file);
}
