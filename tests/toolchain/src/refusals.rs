//! What would break equality does not compile, and says why.

use crate::compile;

const SIM: &str = "#include <lattice_managed.h>\n\
                   int32_t lattice_sim_init(int64_t seed, int32_t hz) { return (void)seed, hz; }\n\
                   int32_t lattice_sim_tick(int64_t tick) { return (int32_t)tick; }\n";

#[test]
fn flags_that_break_equality_are_refused_with_the_reason() {
    for (flag, reason) in [
        ("-ffast-math", "-ffast-math, -Ofast and -ffinite-math-only"),
        ("-Ofast", "-ffast-math, -Ofast and -ffinite-math-only"),
        ("-ffinite-math-only", "-ffast-math, -Ofast and -ffinite-math-only"),
        ("-funsigned-char", "compile with -fsigned-char"),
        ("-matomics", "64-bit memories, threads and relaxed SIMD"),
    ] {
        let said = compile::refusal(&[flag], SIM);
        assert!(said.contains(reason), "{flag}: {said}");
    }
}

#[test]
fn a_clock_does_not_compile_and_the_advice_is_ticks() {
    let source = format!("#include <time.h>\n{SIM}long long now(void) {{ return time(0); }}\n");
    let said = compile::refusal(&["-O2"], &source);
    assert!(said.contains("a sim has no clock: its time is tick / tick_hz"), "{said}");
    // The types alone are harmless, and who asks for a clock that stands still has it.
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("types.c");
    std::fs::write(&file, format!("#include <time.h>\n{SIM}time_t never;\n")).unwrap();
    compile::wasm(&file);
    std::fs::write(&file, source).unwrap();
    compile::wasm_with(&["-O2", "-DLATTICE_STOPPED_CLOCK"], &[&file]);
}

#[test]
fn gcc_that_may_fuse_multiply_and_add_must_be_told_not_to() {
    let root = compile::root();
    let gcc = |flags: &[&str]| {
        let mut gcc = std::process::Command::new("gcc");
        gcc.current_dir(&root).args(flags).args(["-mfma", "-Iinclude", "-c", "-o", "/dev/null"]);
        gcc.arg(compile::sim("minimal.c")).output().unwrap()
    };
    let refused = gcc(&[]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("-ffp-contract=off"));
    assert!(gcc(&["-ffp-contract=off", "-DLATTICE_FP_CONTRACT_OFF"]).status.success());
}
