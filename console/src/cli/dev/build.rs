//! From the sim's source to its module: the documented clang command, shown as it is run.
//! Never looks into the module.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

use thiserror::Error;

use crate::cli::shell::pasted;

/// What `lattice dev` was given to run.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// C or C++, compiled at each change.
    Code { file: PathBuf, include: PathBuf, module: PathBuf },
    /// A module that something else builds.
    Module(PathBuf),
}

/// Why there is no module.
#[derive(Debug, Error)]
pub(super) enum BuildError {
    #[error("clang cannot be run ({0}): on Debian, apt-get install clang lld")]
    NoCompiler(io::Error),
    /// clang has said on stderr what is wrong.
    #[error("clang failed ({0})")]
    Failed(ExitStatus),
}

impl Source {
    pub(super) fn is_code(file: &Path) -> bool {
        let extension = file.extension().and_then(OsStr::to_str);
        matches!(extension, Some("c" | "cc" | "cpp" | "cxx"))
    }

    /// The command that makes the module, if it is for us to make.
    pub(super) fn command(&self) -> Option<String> {
        let Source::Code { file, include, module } = self else { return None };
        Some(pasted("clang", &arguments(include, module, file)))
    }

    /// Makes the module, if it is for us to make. clang's complaints go to stderr as they come.
    /// Blocks.
    pub(super) fn build(&self) -> Result<(), BuildError> {
        let Source::Code { file, include, module } = self else { return Ok(()) };
        let arguments = arguments(include, module, file);
        let status =
            Command::new("clang").args(arguments).status().map_err(BuildError::NoCompiler)?;
        if status.success() { Ok(()) } else { Err(BuildError::Failed(status)) }
    }

    pub(super) fn file(&self) -> &Path {
        match self {
            Source::Code { file, .. } | Source::Module(file) => file,
        }
    }

    /// Where the module lies once it is built.
    pub(super) fn module(&self) -> &Path {
        match self {
            Source::Code { module, .. } | Source::Module(module) => module,
        }
    }
}

/// The documented command's words, with our include folder.
fn arguments(include: &Path, module: &Path, file: &Path) -> [String; 9] {
    [
        "--target=wasm32".into(),
        "-nostdlib".into(),
        "-Wl,--no-entry".into(),
        "-Wl,--allow-undefined".into(),
        "-O2".into(),
        format!("-I{}", include.display()),
        "-o".into(),
        module.display().to_string(),
        file.display().to_string(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_the_documented_one() {
        let source = Source::Code {
            file: "game_sim.cpp".into(),
            include: "include".into(),
            module: "game_sim.wasm".into(),
        };
        let documented = "clang --target=wasm32 -nostdlib -Wl,--no-entry -Wl,--allow-undefined \
            -O2 -Iinclude -o game_sim.wasm game_sim.cpp";
        assert_eq!(source.command().as_deref(), Some(documented));
        assert_eq!(Source::Module("game_sim.wasm".into()).command(), None);
    }
}
