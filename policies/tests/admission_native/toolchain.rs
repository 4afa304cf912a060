//! What compilers and linkers make of a sim, by the command that authors use, without our headers.

use std::{fs, process::Command, sync::OnceLock};

use lattice_policies::{Policy, admission::NativeRights};
use tempfile::TempDir;

use crate::{
    invariants,
    verdict::{Outcome, refused_as, scan},
};

const DECLARATIONS: &str = r#"
    #ifdef __cplusplus
    #define SIM extern "C"
    #else
    #define SIM extern
    #endif
    #define EXPORT SIM __attribute__((visibility("default")))
    SIM void lattice_ms_log(int level, const char *text, int length);
    SIM int lattice_ms_broadcast(const char *bytes, int length, int flags);
    #ifdef __cplusplus
    extern "C" {
    #endif
    __attribute__((visibility("default"))) struct { void *begin; unsigned long size; } lattice_arena;
    #ifdef __cplusplus
    }
    #endif
    EXPORT void lattice_abi_v1(void);
    void lattice_abi_v1(void) {}
"#;

/// Function pointers to its own and the host's, data of every kind, and a static constructor.
const PLAIN: &str = r#"
    static int twice(int x) { return 2 * x; }
    static int next(int x) { return x + 1; }
    int (*const steps[2])(int) = { twice, next };
    void (*logs[2])(int, const char *, int) = { lattice_ms_log, lattice_ms_log };
    struct Body { float x, y; } bodies[6400];
    const char *names[2] = { "tick", "tock" };
    static volatile int made;
    __attribute__((constructor)) static void make(void) { made = 3; }
    EXPORT int lattice_sim_init(long long seed, int tick_hz) {
        for (int i = 0; i < 6400; i++) bodies[i].x = (float)(seed + i);
        logs[seed & 1](2, "ready", 5);
        return made != 3;
    }
    EXPORT int lattice_sim_tick(long long tick) {
        lattice_ms_broadcast(names[tick & 1], 4, 0);
        return steps[tick & 1]((int)bodies[tick & 63].x) == 7;
    }
"#;

const LINK: [&str; 4] = ["-shared", "-nostdlib", "-fPIC", "-Wl,-z,now"];

/// The linked object's bytes.
fn link(compiler: &str, name: &str, source: &str, flags: &[&str]) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    let (file, elf) = (folder.path().join(name), folder.path().join("game_sim.so"));
    fs::write(&file, format!("{DECLARATIONS}{source}")).unwrap();
    let output = Command::new(compiler).args(flags).arg("-o").arg(&elf).arg(&file).output();
    let output = output.unwrap_or_else(|error| panic!("{compiler} is needed: {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read(&elf).unwrap()
}

fn build(name: &str, source: &str, further: &[&str]) -> Outcome {
    scan(&link("clang", name, source, &[&LINK[..], further].concat()))
}

/// A small object by clang and lld.
pub(crate) fn small() -> &'static [u8] {
    static SMALL: OnceLock<Vec<u8>> = OnceLock::new();
    SMALL.get_or_init(|| {
        let flags = [&LINK[..], &["-fuse-ld=lld", "-O2", "-fvisibility=hidden"]].concat();
        link("clang", "game_sim.c", PLAIN, &flags)
    })
}

#[test]
fn a_plain_sim_is_admitted_from_every_compiler_and_linker() {
    for compiler in ["clang", "gcc"] {
        for linker in ["-fuse-ld=lld", "-fuse-ld=bfd", "-fuse-ld=gold"] {
            for level in ["-O0", "-O1", "-O2", "-O3", "-Os"] {
                for name in ["game_sim.c", "game_sim.cpp"] {
                    let flags = [&LINK[..], &[linker, level]].concat();
                    let outcome = scan(&link(compiler, name, PLAIN, &flags));
                    let what = format!("{compiler} {linker} {level} {name}");
                    check_plain(&what, outcome);
                }
            }
        }
    }
}

fn check_plain(what: &str, outcome: Outcome) {
    let admitted = outcome.unwrap_or_else(|rejection| panic!("{what}: {rejection:#?}"));
    invariants::check(&admitted, &Policy::default());
    let mut imports = admitted.imports().to_vec();
    imports.sort_unstable();
    assert_eq!(imports, ["lattice_ms_broadcast", "lattice_ms_log"], "{what}");
    let module = admitted.native().unwrap();
    assert_eq!(module.initializers.len(), 1, "{what}");
    assert!(module.arena.is_some(), "{what}");
    let fixed = module.segments.iter().filter(|it| it.rights == NativeRights::Read).count();
    assert!(fixed >= 1, "{what}: what is only read once relocated");
    let named = module
        .symbols
        .iter()
        .any(|(address, name)| name.contains("make") && *address == module.initializers[0]);
    assert!(named, "{what}: {:?}", module.symbols);
}

#[test]
fn other_ways_to_link_a_sim_well_are_admitted() {
    for flags in [
        &["-fuse-ld=bfd", "-Wl,-z,noseparate-code"][..],
        &["-fuse-ld=lld", "-Wl,-z,noseparate-code"],
        &["-fuse-ld=lld", "-Wl,-z,separate-code"],
        &["-fuse-ld=lld", "-Wl,-z,norelro"],
        &["-fuse-ld=lld", "-Wl,-z,lazy"],
        &["-fuse-ld=lld", "-Wl,-z,max-page-size=2097152"],
        &["-fuse-ld=lld", "-Wl,--hash-style=sysv"],
        &["-fuse-ld=bfd", "-Wl,--hash-style=gnu"],
        &["-fuse-ld=lld", "-Wl,-Bsymbolic"],
        &["-fuse-ld=lld", "-Wl,-soname,sim", "-Wl,-rpath,/nowhere"],
        &["-fuse-ld=lld", "-g", "-fno-asynchronous-unwind-tables"],
        &[
            "-fuse-ld=lld",
            "-flto",
            "-fvisibility=hidden",
            "-ffunction-sections",
            "-Wl,--gc-sections",
        ],
    ] {
        let flags = [&["-O2"], flags].concat();
        let outcome = build("game_sim.c", PLAIN, &flags);
        let admitted = outcome.unwrap_or_else(|rejection| panic!("{flags:?}: {rejection:#?}"));
        invariants::check(&admitted, &Policy::default());
    }
}

#[test]
fn a_stripped_sim_has_the_names_of_its_exports() {
    let stripped = build("game_sim.c", PLAIN, &["-O2", "-s"]).unwrap();
    let module = stripped.native().unwrap();
    let names: Vec<_> = module.symbols.iter().map(|(_, name)| &**name).collect();
    assert_eq!(names.len(), 3);
    for (name, address) in &module.exports {
        assert!(module.symbols.contains(&(*address, (*name).to_owned())), "{name}: {names:?}");
    }
}

#[test]
fn ways_that_no_sim_is_linked_are_refused_by_name() {
    for (flags, codes, text) in [
        (&["-lc"][..], "ELF_NEEDED", "libc.so.6"),
        (&["-Wl,--omagic"], "ELF_WRITE_EXECUTE", "separate-code"),
        (&["-Wl,-z,execstack"], "ELF_WRITE_EXECUTE", "stack"),
        (
            &["-fuse-ld=lld", "-Wl,--pack-dyn-relocs=relr"],
            "ELF_CONSTRUCTORS ELF_RELOCATION",
            "RELR",
        ),
        (&["-Wl,-init,lattice_sim_init"], "ELF_CONSTRUCTORS", "DT_INIT"),
        (&["-m32", "-ffreestanding"], "ELF_CLASS ELF_MACHINE", "machine 3 (386)"),
    ] {
        let flags = [&["-O2"], flags].concat();
        let outcome = if flags.contains(&"-m32") {
            // Without 32-bit headers and start files, it is compiled and linked all the same.
            build("game_sim.c", "EXPORT int lattice_sim_tick(long long t) { return 0; }", &flags)
        } else {
            build("game_sim.c", PLAIN, &flags)
        };
        let reasons = outcome.as_ref().err().map_or(&[][..], |rejection| &rejection.reasons);
        let told = reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        for code in codes.split(' ') {
            assert!(told.contains(code), "{flags:?}: no {code} in {outcome:#?}");
        }
        assert!(told.contains(text), "{flags:?}: {told}");
    }
    let program = link("clang", "game_sim.c", PLAIN, &["-c", "-fPIC"]);
    refused_as(&scan(&program), "ELF_KIND", "link it with -shared");
}

#[test]
fn what_a_sim_has_no_use_for_is_refused_by_name() {
    for (name, source, flags, codes, text) in [
        ("a.c", "__thread int t; int *at(void) { return &t; }", &[][..], "ELF_TLS", "one thread"),
        (
            "a.c",
            "int printf(const char *, ...); void hi(int n) { printf(\"%d\", n); }",
            &[],
            "IMPORT_NOT_ALLOWED",
            "printf",
        ),
        (
            "a.c",
            "static int one(void) { return 1; } static void *pick(void) { return one; }\n int f(void) __attribute__((ifunc(\"pick\"))); int g(void) { return f(); }",
            &[],
            "ELF_IFUNC",
            "target_clones",
        ),
        (
            "a.c",
            "int x; __asm__(\".text\\n .quad x\");",
            &["-Wl,-z,notext"],
            "ELF_TEXTREL",
            "-fPIC",
        ),
        ("a.cpp", "int main() { throw 1; }", &[], "IMPORT_NOT_ALLOWED", "-fno-exceptions"),
        (
            "a.c",
            "extern int weak(void) __attribute__((weak)); int f(void) { return weak ? weak() : 0; }",
            &[],
            "IMPORT_NOT_ALLOWED",
            "weak",
        ),
    ] {
        let outcome = build(name, &format!("{PLAIN}{source}"), &[&["-O1"], flags].concat());
        let rejection = outcome.expect_err(source);
        let told = rejection.reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(told.contains(codes) && told.contains(text), "{source}: {told}");
    }
}
