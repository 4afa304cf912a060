//! One C source, as a module and as a shared object; and hosts that run both.

use std::{fs, path::Path, process::Command};

use lattice_host::{CellSettings, NativeTier, Program};
use lattice_policies::{Policy, admission::Packaging};

use crate::{built, support::TestHost};

/// A policy that wants native sims, and the digests of sims every so many ticks.
pub fn policy() -> Policy {
    let mut policy = Policy::default();
    policy.native.enabled = true;
    policy.matches.hash_every_ticks = 7;
    policy
}

pub fn cells(slots: u32) -> CellSettings {
    CellSettings { program: built::cell(), slots, ..CellSettings::default() }
}

/// A host with so many places for native matches.
pub fn host(policy: Policy, slots: u32) -> TestHost {
    let host = TestHost::with_cells(policy, 16, cells(slots));
    let tier = host.fleet.native_tier();
    assert!(matches!(tier, NativeTier::Ready(_)), "{tier:?}");
    host
}

/// Builds a source beside this file, with a definition or none.
pub fn build(source: &str, packaging: Packaging, define: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sim");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/native").join(source);
    let words: &[&str] = match packaging {
        Packaging::Wasm => &["--target=wasm32", "-nostdlib", "-Wl,--no-entry,--export-dynamic"],
        Packaging::Native => &[
            "-shared",
            "-nostdlib",
            "-fPIC",
            "-Wl,-z,now",
            "-Wl,-z,separate-code",
            "-Wl,-Bsymbolic",
        ],
    };
    let clang = Command::new("clang")
        .args(words)
        .args(["-O2", "-ffreestanding", "-ffp-contract=off", "-fvisibility=hidden", define])
        .args([source.as_os_str(), "-o".as_ref(), out.as_os_str()])
        .status();
    assert!(clang.unwrap().success());
    fs::read(out).unwrap()
}

/// The source's program of that packaging.
pub fn program(host: &TestHost, source: &str, packaging: Packaging) -> Program {
    host.compile_as(packaging, &build(source, packaging, "-DPLAIN"))
}

pub fn counter(host: &TestHost, packaging: Packaging) -> Program {
    program(host, "counter.c", packaging)
}
