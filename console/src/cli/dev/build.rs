//! From the sim's source to its module, by the command of `lattice build`.
//! Never runs it, and never looks into the module.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use crate::cli::{CliError, build_words};

/// What `lattice dev` was given to run.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// C or C++, compiled at each change.
    Code { file: PathBuf, include: PathBuf, module: PathBuf },
    /// A module that something else builds.
    Module(PathBuf),
}

impl Source {
    pub(super) fn is_code(file: &Path) -> bool {
        let extension = file.extension().and_then(OsStr::to_str);
        matches!(extension, Some("c" | "cc" | "cpp" | "cxx"))
    }

    /// clang's words for the module, if it is for us to make. Blocks.
    pub(super) fn words(&self) -> Result<Option<Vec<String>>, CliError> {
        let Source::Code { file, include, module } = self else { return Ok(None) };
        let mut source = build_words::Source::new(file, include.clone(), &[])?;
        source.find_libcxx(false, false)?;
        Ok(Some(source.wasm(module)))
    }

    pub(super) fn file(&self) -> &Path {
        match self {
            Source::Code { file, .. } | Source::Module(file) => file,
        }
    }

    /// Whether it is a native module, by its file's name.
    pub(super) fn is_native(&self) -> bool {
        matches!(self, Source::Module(file) if file.extension().is_some_and(|kind| kind == "so"))
    }

    /// Where the module lies once it is built.
    pub(super) fn module(&self) -> &Path {
        match self {
            Source::Code { module, .. } | Source::Module(module) => module,
        }
    }
}
