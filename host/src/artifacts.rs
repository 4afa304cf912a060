//! Compiled code on disk, by hash of module, engine and policy. Only this process's own compiler
//! writes here; nothing that a user sent is ever loaded as code.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use lattice_policies::Sha256;
use wasmtime::Module;

use crate::engine::Engine;

/// Bytes of a checksum in front of each artefact.
const CHECKSUM: usize = 32;

/// The folder of compiled code. Losing it costs time and nothing else.
#[derive(Debug, Clone)]
pub(crate) struct Artifacts {
    folder: PathBuf,
}

impl Artifacts {
    /// Opens the folder, and makes it for this user alone if it is not there.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The module's code, if it is there and whole.
    pub(crate) fn load(&self, engine: &Engine, module: Sha256) -> Option<Module> {
        let file = fs::read(self.path(engine, module)).ok()?;
        let (checksum, code) = file.split_at_checked(CHECKSUM)?;
        if Sha256::of(code).0 != checksum {
            tracing::warn!(%module, "compiled code on disk is damaged; compiling again");
            return None;
        }
        #[allow(
            unsafe_code,
            reason = "the checksum says that these are the bytes `keep` wrote, \
            which came from this engine's compiler, into a folder of this user alone"
        )]
        let loaded = unsafe { Module::deserialize(engine.wasmtime(), code) };
        loaded.ok()
    }

    /// Writes the module's code. A failure costs the next start a compilation, so it is only told.
    pub(crate) fn keep(&self, engine: &Engine, hash: Sha256, module: &Module) {
        if let Err(error) = write(&self.path(engine, hash), module) {
            tracing::warn!(module = %hash, %error, "compiled code can't be kept on disk");
        }
    }

    fn path(&self, engine: &Engine, module: Sha256) -> PathBuf {
        let engine = engine.fingerprint().to_string();
        self.folder.join(format!("{module}-{}.code", &engine[..16]))
    }
}

/// The new file takes its name only when all of it is written.
fn write(path: &Path, module: &Module) -> io::Result<()> {
    let code = module.serialize().map_err(io::Error::other)?;
    let unfinished = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    let written = file.write_all(&Sha256::of(&code).0).and_then(|()| file.write_all(&code));
    written.and_then(|()| fs::rename(&unfinished, path)).inspect_err(|_| {
        let _ = fs::remove_file(&unfinished);
    })
}
