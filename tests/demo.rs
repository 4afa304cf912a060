//! The demo, from its first line to its last, without a person.

use std::{fs, path::Path, process::Command};

#[test]
fn the_demo_shows_the_whole_path_and_leaves_nothing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let built = Path::new(env!("CARGO_BIN_EXE_lattice")).parent().unwrap();
    assert!(built.join("arena-bots").exists(), "`cargo test --workspace` builds the bots as well");
    let temporary = tempfile::tempdir().unwrap();
    let demo = Command::new(root.join("scripts/demo.sh"))
        .env("CHECK", "1")
        .env("BIN", built)
        .env("TMPDIR", temporary.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&demo.stdout);
    assert!(demo.status.success(), "{told}{}", String::from_utf8_lossy(&demo.stderr));
    for what in [
        "clang --target=wasm32 -nostdlib -Wl,--no-entry -Wl,--allow-undefined",
        "ok: it is admitted and schedulable",
        "ok: the match ran on, without a fault",
        "ok: both imports are named",
        "ok: no byte of it is stored",
        "ok: one was rejected, for both imports",
        "whole: ",
        "ok: the console ended well",
        "ok: nothing that was started is left",
    ] {
        assert!(told.contains(what), "no {what:?} in\n{told}");
    }
    assert!(!told.contains("FAILED"), "{told}");
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0, "its folder is removed");
}
