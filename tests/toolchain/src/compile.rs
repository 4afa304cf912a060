//! Runs clang and gcc as a sim's author would. Never runs what they make, but for a native runner.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The command of the documentation, up to the level of optimisation.
const WASM: [&str; 4] = ["--target=wasm32", "-nostdlib", "-Wl,--no-entry", "-Wl,--allow-undefined"];
/// What the documentation asks of a native build.
const NATIVE: [&str; 4] = ["-ffp-contract=off", "-fno-math-errno", "-fsigned-char", "-fwrapv"];

/// What `lattice build` makes a shared object with, but for what only clang and lld know.
const OBJECT: [&str; 8] = [
    "-shared",
    "-nostdlib",
    "-DLATTICE_CELL",
    "-fPIC",
    "-fvisibility=hidden",
    "-msse4.1",
    "-fno-stack-protector",
    "-Wl,-Bsymbolic",
];
const CLANG_OBJECT: [&str; 10] = [
    "--target=x86_64-unknown-linux-gnu",
    "-nostdlibinc",
    "-fuse-ld=lld",
    "-U__linux__",
    "-U__unix__",
    "-fignore-exceptions",
    "-ffunction-sections",
    "-fdata-sections",
    "-Wl,--gc-sections",
    "-Wl,-z,now",
];
const GCC_OBJECT: [&str; 2] = ["-fno-exceptions", "-fcf-protection=none"];

/// The project's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A sim of these tests.
pub(crate) fn sim(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sims").join(name)
}

/// Builds one file by the documented command, word for word but for the two paths.
pub(crate) fn wasm(source: &Path) -> Vec<u8> {
    wasm_with(&["-O2"], &[source])
}

/// Builds files into one module, with these flags in the place of `-O2`.
pub(crate) fn wasm_with(flags: &[&str], sources: &[&Path]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("game_sim.wasm");
    let mut clang = clang(flags);
    clang.arg("-o").arg(&out).args(sources);
    succeed(&mut clang);
    std::fs::read(out).unwrap()
}

/// Builds each file to an object on its own, then links the objects.
pub(crate) fn wasm_in_units(flags: &[&str], sources: &[&Path]) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let objects: Vec<PathBuf> =
        (0..sources.len()).map(|i| dir.path().join(format!("{i}.o"))).collect();
    for (source, object) in sources.iter().zip(&objects) {
        succeed(clang(flags).arg("-c").arg("-o").arg(object).arg(source));
    }
    let objects: Vec<&Path> = objects.iter().map(PathBuf::as_path).collect();
    wasm_with(flags, &objects)
}

/// Builds files into one shared object for the native tier, at `out`.
pub(crate) fn object(compiler: &str, flags: &[&str], sources: &[&Path], out: &Path) {
    let own: &[&str] = if compiler == "clang" { &CLANG_OBJECT } else { &GCC_OBJECT };
    let mut command = Command::new(compiler);
    command.current_dir(root()).args(OBJECT).args(own).args(NATIVE).args(flags);
    succeed(command.arg("-Iinclude").arg("-o").arg(out).args(sources));
}

/// Builds a C file of these tests that needs nothing of a sim's to an object file for shared objects.
pub(crate) fn unit(source: &Path, out: &Path) {
    succeed(Command::new("gcc").args(["-O1", "-fPIC", "-c", "-o"]).arg(out).arg(source));
}

/// Builds a C program of these tests that needs nothing of a sim's.
pub(crate) fn program(source: &Path, out: &Path) {
    succeed(Command::new("gcc").args(["-O1", "-rdynamic", "-o"]).arg(out).arg(source));
}

/// What the compiler said when it refused the source.
pub(crate) fn refusal(flags: &[&str], source: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("game_sim.c");
    std::fs::write(&file, source).unwrap();
    let out = dir.path().join("game_sim.wasm");
    let output = clang(flags).arg("-o").arg(&out).arg(&file).output().unwrap();
    assert!(!output.status.success(), "compiled, and should not have: {source}");
    assert!(!out.exists());
    String::from_utf8(output.stderr).unwrap()
}

/// Builds a sim natively with the test's own runner, runs `ticks` ticks, and returns the hash after
/// each.
pub(crate) fn native_hashes(compiler: &str, flags: &[&str], source: &Path, ticks: u32) -> Vec<u64> {
    let dir = tempfile::tempdir().unwrap();
    let (object, program) = (dir.path().join("sim.o"), dir.path().join("sim"));
    let mut compile = Command::new(compiler);
    compile.current_dir(root()).args(NATIVE).args(flags).args(["-Iinclude", "-c", "-o"]);
    succeed(compile.arg(&object).arg(source));
    let runner = Path::new(env!("CARGO_MANIFEST_DIR")).join("native/runner.c");
    let runner_object = dir.path().join("runner.o");
    succeed(Command::new("gcc").args(["-O1", "-c", "-o"]).arg(&runner_object).arg(&runner));
    succeed(
        Command::new(compiler).arg("-o").arg(&program).args([&object, &runner_object]).arg("-lm"),
    );
    let output = succeed(Command::new(&program).arg(ticks.to_string()));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().map(|line| u64::from_str_radix(line, 16).unwrap()).collect()
}

fn clang(flags: &[&str]) -> Command {
    let mut clang = Command::new("clang");
    clang.current_dir(root()).args(WASM).args(flags).arg("-Iinclude");
    clang
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
