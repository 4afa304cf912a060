//! A sim's source, compiled for the sandbox by the documented command, for a cell by the words of
//! `lattice build --native`, and for this machine with a driver of ours that plays a scripted match.

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
/// The words for a shared object, without those that only matter to libraries.
const CELL: &str = "clang --target=x86_64-unknown-linux-gnu -shared -nostdlib -nostdlibinc -fuse-ld=lld \
                    -DLATTICE_CELL -U__linux__ -U__unix__ -fPIC -fvisibility=hidden -msse4.1 \
                    -fignore-exceptions -fno-asynchronous-unwind-tables -fno-stack-protector \
                    -fstack-clash-protection -ffunction-sections -fdata-sections \
                    -Wl,--gc-sections -Wl,-Bsymbolic -Wl,-z,now -Wl,-z,relro -Wl,-z,separate-code \
                    -Wl,-z,noexecstack -Wl,--hash-style=sysv -O2 -ffp-contract=off \
                    -fno-math-errno -fsigned-char -fwrapv -Iinclude -o";
/// Links the sim with the driver, which uses the system's C library and not the sims' headers. The
/// sim takes `operator new` and instructions that are calls here, such as `ceilf`, from the system.
const DRIVER: &str = "clang -O2 -Wall -Wextra -Werror -o";

/// A sim's source compiled for all three.
pub(crate) struct Compiled {
    pub(crate) wasm: Vec<u8>,
    /// The shared object.
    pub(crate) library: Vec<u8>,
    program: PathBuf,
    folder: tempfile::TempDir,
}

/// What came of a match on this machine.
pub(crate) struct NativeMatch {
    /// In ticks alone.
    pub(crate) seconds: f64,
    /// Of everything that the sim queued.
    pub(crate) digest: u64,
    /// The most memory that the process had, in bytes.
    pub(crate) resident: u64,
}

impl Compiled {
    /// Compiles a source file, named from the root of the repository.
    pub(crate) fn new(source: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name);
        let (wasm, library) = (file("sim.wasm"), file("sim.so"));
        let (object, program) = (file("sim.o"), file("sim"));
        run(SANDBOX, &wasm, &[source.as_ref()]);
        run(CELL, &library, &[source.as_ref()]);
        run(NATIVE, &object, &[source.as_ref()]);
        let driver = Path::new("benches/native/driver.c");
        run(DRIVER, &program, &[driver, &object, "-lstdc++".as_ref(), "-lm".as_ref()]);
        let read = |file| std::fs::read(file).unwrap();
        Self { wasm: read(wasm), library: read(library), program, folder }
    }

    /// Plays a script, in the form that the driver describes.
    pub(crate) fn play(&self, script: &[u8]) -> NativeMatch {
        let path = self.folder.path().join("script");
        std::fs::write(&path, script).unwrap();
        let output = Command::new(&self.program).arg(path).output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "the native sim: {} {complaint}", output.status);
        let told = String::from_utf8(output.stdout).unwrap();
        let mut told = told.split_whitespace();
        let (seconds, digest) = (told.next().unwrap(), told.next().unwrap());
        let digest = u64::from_str_radix(digest, 16).unwrap();
        let kib: u64 = told.next().unwrap().parse().unwrap();
        NativeMatch { seconds: seconds.parse().unwrap(), digest, resident: kib << 10 }
    }
}

fn run(command: &str, output: &Path, inputs: &[&Path]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut words = command.split_whitespace();
    let mut compiler = Command::new(words.next().unwrap());
    let status = compiler.args(words).arg(output).args(inputs).current_dir(root).status();
    assert!(status.expect("clang is installed").success(), "{command} {inputs:?}");
}
