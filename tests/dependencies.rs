//! What the binary is made of: the bans of deny.toml that safety rests on, held also where
//! cargo-deny is not installed.

use std::{collections::BTreeSet, process::Command};

/// Every crate that is linked into what users run, as `name vVERSION`.
fn linked() -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--workspace", "--locked", "--offline", "--edges", "normal"])
        .args(["--prefix", "none", "--format", "{p}"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8(tree.stdout).unwrap();
    text.lines().filter(|line| !line.is_empty()).map(crate_of).collect()
}

fn crate_of(line: &str) -> String {
    line.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

fn versions<'a>(linked: &'a BTreeSet<String>, name: &str) -> Vec<&'a str> {
    let split = |entry: &'a String| entry.split_once(' ').unwrap();
    linked.iter().map(split).filter(|(found, _)| *found == name).map(|(_, v)| v).collect()
}

#[test]
fn no_part_of_wasi_is_linked() {
    let linked = linked();
    let banned = ["wasmtime-wasi", "wasi-common", "wiggle", "openssl-sys"];
    for entry in &linked {
        assert!(!banned.iter().any(|name| entry.starts_with(name)), "{entry}");
    }
    assert_eq!(versions(&linked, "wasmtime").len(), 1, "the list is of the right thing");
}

#[test]
fn the_scan_and_the_engine_read_modules_with_one_parser() {
    assert_eq!(versions(&linked(), "wasmparser").len(), 1);
}

#[test]
fn nothing_of_kvm_is_linked_unless_the_feature_asks_for_it() {
    let linked = linked();
    for name in ["kvm-ioctls", "kvm-bindings", "vmm-sys-util"] {
        assert_eq!(versions(&linked, name), [""; 0]);
    }
}
