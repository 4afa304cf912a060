//! Sims compiled as their authors compile them: with the documented command, word for word.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The documented command, up to the source's name.
const COMMAND: &str = "clang --target=wasm32 -nostdlib -Wl,--no-entry -Wl,--allow-undefined \
    -O2 -Iinclude -o game_sim.wasm";

/// The project's folder.
pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap()
}

/// Compiles a source of the project's, such as `examples/hello/hello.c`.
pub(crate) fn compile(source: &str) -> Vec<u8> {
    compile_file(&project().join(source))
}

/// Compiles a source in a folder whose `include` is the project's.
pub(crate) fn compile_file(source: &Path) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(project().join("include"), folder.path().join("include")).unwrap();
    let command = format!("{COMMAND} {}", source.display());
    let built = Command::new("sh").args(["-c", &command]).current_dir(folder.path()).output();
    let built = built.expect("sh runs");
    let said = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success(), "{command}\n{said}\n(`make tools` installs clang and lld)");
    fs::read(folder.path().join("game_sim.wasm")).unwrap()
}
