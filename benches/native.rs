//! A sim's source, compiled twice: by the documented command for the sandbox, and for this machine
//! with a driver of ours that plays a scripted match.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The documented command; the sim's source follows.
const SANDBOX: &str = "clang --target=wasm32 -nostdlib -Wl,--no-entry -Wl,--allow-undefined \
                       -O2 -Iinclude -o";
/// The flags under which the header promises the same bits.
const NATIVE: &str = "clang -O2 -ffp-contract=off -fno-math-errno -fsigned-char -fwrapv \
                      -Iinclude -c -o";
/// Links the sim with the driver, which uses the system's C library and not the sims' headers. The
/// sim takes `operator new` and instructions that are calls here, such as `ceilf`, from the system.
const DRIVER: &str = "clang -O2 -Wall -Wextra -Werror -o";

/// A sim's source compiled for both.
pub(crate) struct Compiled {
    pub(crate) wasm: Vec<u8>,
    program: PathBuf,
    folder: tempfile::TempDir,
}

/// What came of a match on this machine.
pub(crate) struct NativeMatch {
    /// In ticks alone.
    pub(crate) seconds: f64,
    /// Of everything that the sim queued.
    pub(crate) digest: u64,
}

impl Compiled {
    /// Compiles a source file, named from the root of the repository.
    pub(crate) fn new(source: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let (wasm, object, program) = (file("sim.wasm"), file("sim.o"), file("sim"));
        run(SANDBOX, &wasm, &[source.as_ref()]);
        run(NATIVE, &object, &[source.as_ref()]);
        let driver = Path::new("benches/native/driver.c");
        run(DRIVER, &program, &[driver, &object, "-lstdc++".as_ref(), "-lm".as_ref()]);
        Self { wasm: std::fs::read(wasm).unwrap(), program, folder }
    }

    /// Plays a script, in the form that the driver describes.
    pub(crate) fn play(&self, script: &[u8]) -> NativeMatch {
        let path = self.folder.path().join("script");
        std::fs::write(&path, script).unwrap();
        let output = Command::new(&self.program).arg(path).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the native sim: {} {complaint}", output.status);
        let told = String::from_utf8(output.stdout).unwrap();
        let (seconds, digest) = told.trim().split_once(' ').unwrap();
        let digest = u64::from_str_radix(digest, 16).unwrap();
        NativeMatch { seconds: seconds.parse().unwrap(), digest }
    }
}

fn run(command: &str, output: &Path, inputs: &[&Path]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut words = command.split_whitespace();
    let mut compiler = Command::new(words.next().unwrap());
    let status = compiler.args(words).arg(output).args(inputs).current_dir(root).status();
    assert!(status.expect("clang is installed").success(), "{command} {inputs:?}");
}
