//! The C++ library of a sim: whether its source asks for it, and where Debian has it.
//! Never runs a build.

use std::{
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::CliError;

/// libc++ in the version of the compiler: for wasm, and the same for x86-64.
#[derive(Debug, Clone)]
pub(super) struct Libcxx {
    /// The compiler's installation.
    llvm: PathBuf,
    version: String,
}

/// Debian's C library for wasm, which libc++'s compiled part calls.
const LIBC: &str = "/usr/lib/wasm32-wasi/libc.a";
/// The version that `include/lattice/libcxx` is made for: Debian 12's. From 16 on, libc++ takes no
/// other C headers in front of its own.
const VERSION: &str = "14";

impl Libcxx {
    /// What is installed. A refusal names what asked for it, what is missing, and the packages.
    pub(super) fn installed(asked_by: &str, native: bool) -> Result<Self, CliError> {
        let found = Self::of_clang()?;
        if found.version != VERSION {
            return Err(CliError::failed(format!(
                "{asked_by} asks for libc++, and clang's is {}: the sims' headers go with {VERSION}, \
                 so let the clang that is found first in PATH be clang-{VERSION}",
                found.version
            )));
        }
        let mut parts = found.wasm_parts();
        if native {
            parts.extend(found.native_parts());
        }
        match parts.into_iter().find(|part| !part.is_file()) {
            None => Ok(found),
            Some(missing) => Err(CliError::failed(format!(
                "{asked_by} asks for libc++, and {} is not there: {}",
                missing.display(),
                found.how_to_install(native)
            ))),
        }
    }

    fn of_clang() -> Result<Self, CliError> {
        let said = clang(&["-print-resource-dir".to_owned()])?;
        let resources = Path::new(said.trim());
        let version = resources.file_name().unwrap_or_default().to_string_lossy();
        let version = version.split('.').next().unwrap_or_default().to_owned();
        // LLVM/lib/clang/VERSION
        let llvm = resources.ancestors().nth(3).unwrap_or(Path::new("/usr")).to_owned();
        Ok(Self { llvm, version })
    }

    pub(super) fn name(&self) -> String {
        format!("libc++ {}", self.version)
    }

    /// The folder of our headers that stand in front of libc++'s own, on every target.
    pub(super) fn in_front(include: &Path) -> String {
        format!("-I{}", include.join("lattice/libcxx").display())
    }

    /// The module's; the native program's are known to the compiler.
    pub(super) fn wasm_headers(&self) -> [String; 2] {
        ["-isystem".to_owned(), self.wasm_folder().display().to_string()]
    }

    /// What the module is linked with, behind the source.
    pub(super) fn wasm_libraries(&self) -> [String; 3] {
        let library = |name| self.llvm.join("lib/wasm32-wasi").join(name).display().to_string();
        [library("libc++.a"), library("libc++abi.a"), LIBC.to_owned()]
    }

    /// The shared object's.
    pub(super) fn cell_headers(&self) -> [String; 2] {
        ["-isystem".to_owned(), self.llvm.join("include/c++/v1").display().to_string()]
    }

    /// What the shared object is linked with, behind the source.
    pub(super) fn cell_libraries(&self) -> [String; 2] {
        ["lib/libc++.a", "lib/libc++abi.a"].map(|it| self.llvm.join(it).display().to_string())
    }

    fn wasm_folder(&self) -> PathBuf {
        self.llvm.join("include/wasm32-wasi/c++/v1")
    }

    fn wasm_parts(&self) -> Vec<PathBuf> {
        let libraries = self.wasm_libraries().map(PathBuf::from);
        [vec![self.wasm_folder().join("__config")], libraries.to_vec()].concat()
    }

    fn native_parts(&self) -> Vec<PathBuf> {
        let shared = ["include/c++/v1/__config", "lib/libc++.so", "lib/libc++abi.so"];
        let shared = shared.map(|it| self.llvm.join(it));
        [&shared[..], &self.cell_libraries().map(PathBuf::from)].concat()
    }

    fn how_to_install(&self, native: bool) -> String {
        let of = &self.version;
        let wasm =
            format!("apt-get install libc++-{of}-dev-wasm32 libc++abi-{of}-dev-wasm32 wasi-libc");
        if native { format!("{wasm} libc++-{of}-dev libc++abi-{of}-dev") } else { wasm }
    }
}

/// The first header of a C++ source that is in no folder of `words` and has a name like those of
/// the C++ library, which are words without a dot.
pub(super) fn missing_header(words: &[String]) -> Result<Option<String>, CliError> {
    let list = ["--target=wasm32", "-w", "-M", "-MG"].map(str::to_owned);
    let said = clang(&[&list[..], words].concat())?;
    Ok(said.split_whitespace().find(|name| is_like_the_librarys(name)).map(str::to_owned))
}

fn is_like_the_librarys(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}

/// What clang answers on stdout; what it complains of goes to stderr.
fn clang(words: &[String]) -> Result<String, CliError> {
    let said = Command::new("clang").args(words).stderr(Stdio::inherit()).output();
    let said = said.map_err(|error| not_run("clang", &error))?;
    if said.status.success() {
        return Ok(String::from_utf8_lossy(&said.stdout).into_owned());
    }
    Err(CliError::failed(format!("clang failed ({})", said.status)))
}

/// Why there is no compiler.
pub(super) fn not_run(compiler: &str, error: &io::Error) -> CliError {
    CliError::failed(format!("{compiler} cannot be run ({error}): apt-get install clang lld"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_librarys_headers_are_told_from_files() {
        for name in ["vector", "unordered_map", "string_view"] {
            assert!(is_like_the_librarys(name), "{name}");
        }
        for name in ["sim.o:", "sim.cpp", "include/vector", "\\", "Eigen", "box2d.h"] {
            assert!(!is_like_the_librarys(name), "{name}");
        }
    }
}
