//! What clang and wasm-ld make of a sim, by the command that authors use, without our headers.

use std::{fs, path::PathBuf, process::Command};

use lattice_policies::{
    admission::{Admitted, Rejection},
    policy::AdmissionLimits,
};
use tempfile::TempDir;

use crate::sim::{expect_of, scan};

const LINK: [&str; 4] = ["--target=wasm32", "-nostdlib", "-Wl,--no-entry", "-Wl,--allow-undefined"];

/// What a header would declare.
const DECLARATIONS: &str = r#"
    #ifdef __cplusplus
    #define SIM extern "C"
    #else
    #define SIM
    #endif
    #define EXPORT(name) SIM __attribute__((export_name(#name)))
    SIM void lattice_ms_log(int level, const char *text, int length);
    EXPORT(lattice_abi_v1) void lattice_abi_v1(void) {}
"#;

const PLAIN: &str = r#"
    static int twice(int x) { return 2 * x; }
    static int next(int x) { return x + 1; }
    static int (*const steps[2])(int) = { twice, next };
    struct Body { float x, y; } bodies[64];
    EXPORT(lattice_sim_init) int lattice_sim_init(long long seed, int tick_hz) {
        for (int i = 0; i < 64; i++) bodies[i].x = (float)(seed + i);
        lattice_ms_log(2, "ready", 5);
        return 0;
    }
    EXPORT(lattice_sim_tick) int lattice_sim_tick(long long tick) {
        return steps[tick & 1]((int)bodies[tick & 63].x) == 7;
    }
"#;

const CONSTRUCTED: &str = r#"
    struct World { int bodies; World() { lattice_ms_log(2, "made", 4); bodies = 3; } };
    static World world;
    EXPORT(lattice_sim_init) int lattice_sim_init(long long, int) { return 0; }
    EXPORT(lattice_sim_tick) int lattice_sim_tick(long long) { return world.bodies; }
"#;

fn build(name: &str, source: &str, flags: &[&str]) -> Result<Admitted, Rejection> {
    let folder = TempDir::new().unwrap();
    let file: PathBuf = folder.path().join(name);
    let wasm = folder.path().join("game_sim.wasm");
    fs::write(&file, format!("{DECLARATIONS}{source}")).unwrap();
    let clang = Command::new("clang").args(flags).arg("-o").arg(&wasm).arg(&file).output();
    let clang = clang.unwrap_or_else(|error| panic!("clang, with lld, is needed: {error}"));
    assert!(clang.status.success(), "{}", String::from_utf8_lossy(&clang.stderr));
    scan(fs::read(&wasm).unwrap(), &AdmissionLimits::default())
}

fn link<'a>(further: &[&'a str]) -> Vec<&'a str> {
    [&LINK[..], further].concat()
}

#[test]
fn a_plain_sim_is_admitted_at_every_level() {
    for level in ["-O0", "-O1", "-O2", "-O3", "-Os"] {
        for name in ["game_sim.c", "game_sim.cpp"] {
            let outcome = build(name, PLAIN, &link(&[level]));
            expect_of(&format!("{name} {level}"), &outcome, "");
            assert_eq!(outcome.unwrap().imports(), ["lattice_ms_log"]);
        }
    }
}

#[test]
fn what_newer_compilers_do_by_default_is_admitted() {
    let features = [
        "-O3",
        "-mbulk-memory",
        "-mnontrapping-fptoint",
        "-msign-ext",
        "-mmutable-globals",
        "-mmultivalue",
        "-mreference-types",
        "-msimd128",
    ];
    expect_of("features", &build("game_sim.cpp", PLAIN, &link(&features)), "");
    let stack = ["-O2", "-Wl,--stack-first", "-Wl,-z,stack-size=1048576", "-Wl,--export-table"];
    expect_of("a larger stack", &build("game_sim.c", PLAIN, &link(&stack)), "");
}

#[test]
fn exports_that_the_linker_wrapped_are_refused() {
    for level in ["-O0", "-O2"] {
        let outcome = build("game_sim.cpp", CONSTRUCTED, &link(&[level]));
        expect_of(level, &outcome, "EXPORTS_WRAPPED");
    }
    // With the constructors called in one place, the linker leaves the exports alone.
    let initialized = format!(
        r#"{CONSTRUCTED}
        extern "C" void __wasm_call_ctors(void);
        EXPORT(_initialize) void initialize(void) {{ __wasm_call_ctors(); }}"#
    );
    let admitted = build("game_sim.cpp", &initialized, &link(&["-O2"])).unwrap();
    assert_eq!(admitted.facts().optional_exports, ["_initialize"]);
}

#[test]
fn other_ways_to_link_are_refused_by_name() {
    for (flag, codes) in [
        ("-Wl,--import-memory", "IMPORT_KIND IMPORT_NOT_ALLOWED EXPORT_MISSING MEMORY_MISSING"),
        ("-Wl,--growable-table", "TABLE_UNBOUNDED LIMIT_TABLE"),
        ("-Wl,--import-table", "IMPORT_KIND IMPORT_NOT_ALLOWED"),
        ("-Wl,--max-memory=1073741824", "LIMIT_MEMORY"),
    ] {
        expect_of(flag, &build("game_sim.c", PLAIN, &link(&["-O2", flag])), codes);
    }
    let object = build("game_sim.c", PLAIN, &["--target=wasm32", "-c"]).unwrap_err();
    let hints = object.reasons.iter().filter_map(|reason| reason.hint.as_deref());
    assert!(hints.into_iter().any(|hint| hint.contains("link it with wasm-ld")), "{object:#?}");
}
