//! The compilers' words for a sim: for its module, its native program and its shared object.
//! Never runs a build and never writes a file.

use std::path::{Path, PathBuf};

use super::{
    CliError,
    build_flags::is_native_only,
    build_libcxx::{Libcxx, missing_header},
};

/// A source file, and what it is compiled with.
#[derive(Debug, Clone)]
pub(super) struct Source {
    file: PathBuf,
    /// The folder of `lattice_managed.h`.
    include: PathBuf,
    /// The author's own.
    flags: Vec<String>,
    is_c: bool,
    libcxx: Option<Libcxx>,
}

/// The documented command's words, with the stack where an overflow of it faults.
const WASM: &str = "--target=wasm32 -nostdlib -Wl,--no-entry -Wl,--allow-undefined \
                    -Wl,--stack-first -Wl,-z,stack-size=1048576 -O2";
const NATIVE: &str = "-O2 -g";
/// Nothing of a system, as for the module; one instruction where wasm has one; throws and catches
/// compiled as they are there; each function on its own, so that the linker drops what is not
/// called; a frame larger than a page touches each of its pages, so that a stack overflow faults.
const CELL: &str = "--target=x86_64-unknown-linux-gnu -shared -nostdlib -nostdlibinc -fuse-ld=lld \
                    -DLATTICE_CELL -U__linux__ -U__unix__ -fPIC -fvisibility=hidden -msse4.1 \
                    -fignore-exceptions -fno-asynchronous-unwind-tables -fno-stack-protector \
                    -fstack-clash-protection -ffunction-sections -fdata-sections \
                    -Wl,--gc-sections -Wl,-Bsymbolic -Wl,-z,now -Wl,-z,relro -Wl,-z,separate-code \
                    -Wl,-z,noexecstack -Wl,--hash-style=sysv -O2";
/// What the header promises equality under, in both programs; behind the author's own flags.
const EQUAL: &str = "-ffp-contract=off -fno-math-errno -fsigned-char -fwrapv";
/// libc++'s: what is thrown could not be caught in the sandbox.
const WASM_LIBCXX: &str = "-fno-exceptions";
const CELL_LIBCXX: &str = "-fno-exceptions -Wl,--exclude-libs,ALL";
const NATIVE_LIBCXX: &str = "-stdlib=libc++ -fno-exceptions";

impl Source {
    /// A C or C++ file, as its name says; any other is refused.
    pub(super) fn new(file: &Path, include: PathBuf, flags: &[String]) -> Result<Self, CliError> {
        let kind = file.extension().and_then(|kind| kind.to_str());
        if !matches!(kind, Some("c" | "cc" | "cpp" | "cxx")) {
            return Err(CliError::Usage(format!("{} is neither C nor C++", file.display())));
        }
        let (file, flags) = (file.to_owned(), flags.to_vec());
        Ok(Self { file, include, flags, is_c: kind == Some("c"), libcxx: None })
    }

    /// With libc++ if it is `wanted` or a header that the source includes is missing without it;
    /// says which. Blocks: clang lists the headers.
    pub(super) fn find_libcxx(
        &mut self,
        wanted: bool,
        native: bool,
    ) -> Result<Option<String>, CliError> {
        if wanted && self.is_c {
            return Err(CliError::usage("--libcxx is for C++, and this is C"));
        }
        let asked_by = if wanted { Some("--libcxx".to_owned()) } else { self.missing_header()? };
        let Some(asked_by) = asked_by else { return Ok(None) };
        let libcxx = Libcxx::installed(&asked_by, native)?;
        let found = format!("{asked_by}: with {}", libcxx.name());
        self.libcxx = Some(libcxx);
        Ok(Some(found))
    }

    fn missing_header(&self) -> Result<Option<String>, CliError> {
        if self.is_c {
            return Ok(None);
        }
        let words = [self.bare_flags(), vec![self.included(), shown(&self.file)]].concat();
        Ok(missing_header(&words)?.map(|header| format!("#include <{header}>")))
    }

    /// clang's, for the module.
    pub(super) fn wasm(&self, module: &Path) -> Vec<String> {
        let mut words = split(WASM);
        if self.libcxx.is_some() {
            words.extend(split(WASM_LIBCXX));
            words.extend(self.without_debug_information());
        }
        words.extend(self.bare_flags());
        words.extend(self.common());
        words.extend(self.libcxx.iter().flat_map(Libcxx::wasm_headers));
        words.extend(self.places(module));
        words.extend(self.libcxx.iter().flat_map(Libcxx::wasm_libraries));
        words
    }

    /// The compiler's, for the native program.
    pub(super) fn native(&self, program: &Path, runner: &Path) -> Vec<String> {
        let mut words = split(NATIVE);
        words.extend(self.libcxx.iter().flat_map(|_| split(NATIVE_LIBCXX)));
        words.extend_from_slice(&self.flags);
        words.extend(self.common());
        words.extend(self.places(program));
        words.extend([shown(runner), "-lm".to_owned()]);
        words
    }

    /// clang's, for the shared object.
    pub(super) fn cell(&self, object: &Path) -> Vec<String> {
        let mut words = split(CELL);
        words.extend(self.libcxx.iter().flat_map(|_| split(CELL_LIBCXX)));
        words.extend(self.bare_flags());
        words.extend(self.common());
        words.extend(self.libcxx.iter().flat_map(Libcxx::cell_headers));
        words.extend(self.places(object));
        words.extend(self.libcxx.iter().flat_map(Libcxx::cell_libraries));
        words
    }

    /// For the native program: the one for C++ links the library that `operator new` is in.
    pub(super) fn native_compiler(&self) -> &'static str {
        if self.is_c { "clang" } else { "clang++" }
    }

    /// Behind the author's flags, in all of them.
    fn common(&self) -> Vec<String> {
        let mut words = split(EQUAL);
        words.push(self.included());
        words.extend(self.libcxx.iter().map(|_| Libcxx::in_front(&self.include)));
        words
    }

    /// Without those that need a system's library.
    fn bare_flags(&self) -> Vec<String> {
        self.flags.iter().filter(|flag| !is_native_only(flag)).cloned().collect()
    }

    /// Debian's libraries have some, which is most of a module's size.
    fn without_debug_information(&self) -> Option<String> {
        let wanted = self.flags.iter().any(|flag| flag.starts_with("-g"));
        (!wanted).then(|| "-Wl,--strip-debug".to_owned())
    }

    fn included(&self) -> String {
        format!("-I{}", self.include.display())
    }

    fn places(&self, output: &Path) -> [String; 3] {
        ["-o".to_owned(), shown(output), shown(&self.file)]
    }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn split(words: &str) -> Vec<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_is_built_by_the_documented_words_and_more() {
        let source = Source::new(Path::new("game_sim.cpp"), "include".into(), &[]).unwrap();
        let words = source.wasm(Path::new("game_sim.wasm"));
        let documented = "--target=wasm32 -nostdlib -Wl,--no-entry -Wl,--allow-undefined -O2 -Iinclude \
            -o game_sim.wasm game_sim.cpp";
        assert!(documented.split_whitespace().all(|word| words.iter().any(|it| it == word)));
    }

    #[test]
    fn all_have_the_flags_of_equality_behind_the_authors() {
        let flags = ["-fsanitize=address".to_owned(), "-O1".to_owned()];
        let source = Source::new(Path::new("sim.c"), "include".into(), &flags).unwrap();
        let wasm = source.wasm(Path::new("sim.wasm")).join(" ");
        let native = source.native(Path::new("sim"), Path::new("runner.a")).join(" ");
        let cell = source.cell(Path::new("sim.so")).join(" ");
        assert!(wasm.contains(&format!(" -O1 {EQUAL} ")), "{wasm}");
        assert!(cell.contains(&format!(" -O1 {EQUAL} ")), "{cell}");
        assert!(native.contains(&format!(" -fsanitize=address -O1 {EQUAL} ")), "{native}");
        assert!(![wasm, cell].concat().contains("-fsanitize"));
    }
}
