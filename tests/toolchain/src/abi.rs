//! The header says what the table in `policies` says: functions, signatures, exports, codes.

use std::fmt::Write as _;

use lattice_policies::{Code, functions};
use wasmtime::{Engine, ExternType, FuncType, Module};

use crate::compile;

fn signature_text(ty: &FuncType) -> String {
    let list = |types: Vec<String>| types.join(" ").to_uppercase();
    format!(
        "{} -> {}",
        list(ty.params().map(|ty| ty.to_string()).collect()),
        list(ty.results().map(|ty| ty.to_string()).collect())
    )
}

fn table_text(signature: &functions::Signature) -> String {
    let params: Vec<String> = signature.params.iter().map(|p| format!("{p:?}")).collect();
    format!(
        "{} -> {}",
        params.join(" "),
        signature.result.map_or(String::new(), |r| format!("{r:?}"))
    )
}

#[test]
fn a_sim_that_calls_everything_imports_the_table_and_nothing_else() {
    let wasm = compile::wasm(&compile::sim("every_call.c"));
    let module = Module::new(&Engine::default(), &wasm).unwrap();
    let mut imports: Vec<(String, String)> = module
        .imports()
        .map(|import| {
            assert_eq!(import.module(), functions::IMPORT_MODULE);
            let ExternType::Func(ty) = import.ty() else {
                panic!("{} is no function", import.name())
            };
            (import.name().to_owned(), signature_text(&ty))
        })
        .collect();
    let mut table: Vec<(String, String)> = functions::HOST_FUNCTIONS
        .iter()
        .map(|function| (function.name.to_owned(), table_text(&function.signature)))
        .collect();
    imports.sort();
    table.sort();
    assert_eq!(imports, table);
}

#[test]
fn a_sim_that_defines_everything_exports_the_table_with_its_signatures() {
    let wasm = compile::wasm(&compile::sim("every_call.c"));
    let module = Module::new(&Engine::default(), &wasm).unwrap();
    for export in &functions::EXPORTS {
        let Some(ExternType::Func(ty)) = module.get_export(export.name) else {
            panic!("{} is not exported as a function", export.name)
        };
        assert_eq!(signature_text(&ty), table_text(&export.signature), "{}", export.name);
    }
    assert!(matches!(module.get_export("memory"), Some(ExternType::Memory(_))));
    let others: Vec<&str> = module
        .exports()
        .map(|export| export.name())
        .filter(|name| *name != "memory" && functions::EXPORTS.iter().all(|e| e.name != *name))
        .collect();
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn every_code_has_its_name_and_value_in_the_header() {
    let mut source = "#include <lattice_managed.h>\n".to_owned();
    for code in Code::ALL {
        writeln!(source, "_Static_assert({} == {}, \"\");", code.name(), code.value()).unwrap();
    }
    source += "int32_t lattice_sim_init(int64_t seed, int32_t hz) { return (void)seed, hz; }\n";
    source += "int32_t lattice_sim_tick(int64_t tick) { return (int32_t)tick; }\n";
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("codes.c");
    std::fs::write(&file, source).unwrap();
    compile::wasm(&file);
}

#[test]
fn a_wrong_signature_does_not_compile() {
    let said = compile::refusal(
        &["-O2"],
        "#include <lattice_managed.h>\nLATTICE_EXPORT int32_t lattice_sim_tick(int32_t tick) { return tick; }\n",
    );
    assert!(said.contains("conflicting types for 'lattice_sim_tick'"), "{said}");
}
