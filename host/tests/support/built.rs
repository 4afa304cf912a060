//! `lattice-cell` as tests of this crate have it, those of its inside and those from outside.

use std::{path::PathBuf, process::Command, sync::OnceLock};

/// The program `lattice-cell`, built once; or the one that LATTICE_CELL names, for who runs these
/// tests as a user that can't build.
pub(crate) fn cell() -> PathBuf {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        if let Some(built) = std::env::var_os("LATTICE_CELL") {
            return built.into();
        }
        let cargo = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "--offline", "-p", "lattice-cell"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(cargo.unwrap().success());
        // This test's program is in `deps`, beside which the others are.
        let here = std::env::current_exe().unwrap();
        here.ancestors().nth(2).unwrap().join("lattice-cell")
    };
    PROGRAM.get_or_init(build).clone()
}
