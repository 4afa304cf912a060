//! The demo, from its first line to its last, without a person.

use std::{fs, path::Path, process::Command};

#[test]
fn the_demo_shows_the_whole_path_and_leaves_nothing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let built = Path::new(env!("CARGO_BIN_EXE_lattice")).parent().unwrap();
    for beside in ["arena-bots", "leaderboard-service", "leaderboard-player"] {
        assert!(built.join(beside).exists(), "`cargo test --workspace` builds {beside} as well");
    }
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
        "scores: LATTICE_HTTP_NOT_ALLOWED for http://127.0.0.1:",
        "ok: the service got nothing",
        "ok: the audit has the refusals",
        "ok: the game's owner may not",
        "ok: Ada's score is at the service",
        "the leaderboard, as the match heard it:",
        "ok: two scores came, from this game",
        "ok: the audit has both posts",
        "ok: the console ended well",
        "ok: the service's port is closed",
        "ok: nothing that was started is left",
    ] {
        assert!(told.contains(what), "no {what:?} in\n{told}");
    }
    assert!(!told.contains("FAILED: "), "{told}");
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0, "its folder is removed");
}
