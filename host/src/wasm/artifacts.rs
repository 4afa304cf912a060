//! Compiled code on disk, by hash of module, engine and policy. Only this process's own compiler
//! writes here; nothing that a user sent is ever loaded as code.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

use lattice_policies::Sha256;
use wasmtime::Module;

use crate::engine::Engine;

/// Bytes of a checksum in front of each artefact.
const CHECKSUM: usize = 32;

/// Bytes that the folder holds at most; the code written longest ago goes first.
const MOST_BYTES: u64 = 4 << 30;

/// The folder of compiled code. Losing it costs time and nothing else.
#[derive(Debug, Clone)]
pub(crate) struct Artifacts {
    folder: PathBuf,
}

impl Artifacts {
    /// Opens the folder, and makes it for this user alone if it is not there. What another engine
    /// left in it, or a write that was cut off, is removed.
    pub(crate) fn open(folder: &Path, engine: &Engine) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let artifacts = Self { folder: folder.to_owned() };
        let ours = suffix(engine);
        for file in artifacts.files()? {
            if !file.path.to_string_lossy().ends_with(&ours) {
                fs::remove_file(&file.path)?;
            }
        }
        Ok(artifacts)
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
        let written = write(&self.path(engine, hash), module).and_then(|()| self.prune(MOST_BYTES));
        if let Err(error) = written {
            tracing::warn!(module = %hash, %error, "compiled code can't be kept on disk");
        }
    }

    /// Removes the oldest files until the rest is within `most` bytes.
    fn prune(&self, most: u64) -> io::Result<()> {
        let mut files = self.files()?;
        files.sort_by_key(|file| file.written);
        let mut bytes: u64 = files.iter().map(|file| file.bytes).sum();
        for file in files {
            if bytes <= most {
                break;
            }
            fs::remove_file(&file.path)?;
            bytes -= file.bytes;
        }
        Ok(())
    }

    fn files(&self) -> io::Result<Vec<KeptFile>> {
        let kept = |entry: io::Result<fs::DirEntry>| {
            let entry = entry?;
            let about = entry.metadata()?;
            Ok(KeptFile { path: entry.path(), bytes: about.len(), written: about.modified()? })
        };
        fs::read_dir(&self.folder)?.map(kept).collect()
    }

    fn path(&self, engine: &Engine, module: Sha256) -> PathBuf {
        self.folder.join(format!("{module}{}", suffix(engine)))
    }
}

struct KeptFile {
    path: PathBuf,
    bytes: u64,
    written: SystemTime,
}

/// How the names of this engine's files end.
fn suffix(engine: &Engine) -> String {
    format!("-{}.code", &engine.fingerprint().to_string()[..16])
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

#[cfg(test)]
mod tests {
    use lattice_policies::Policy;

    use super::*;

    #[test]
    fn the_folder_keeps_to_its_bound_and_to_its_own_engine() {
        let engine = Engine::new(&Policy::default(), 1).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let ours = suffix(&engine);
        for (at, name) in ["a", "b", "c"].iter().enumerate() {
            let path = folder.path().join(format!("{name}{ours}"));
            fs::write(&path, [0; 100]).unwrap();
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(at as u64);
            fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
        }
        fs::write(folder.path().join("d-0123456789abcdef.code"), [0; 100]).unwrap();
        fs::write(folder.path().join(format!("e{ours}.77.new")), [0; 100]).unwrap();

        let artifacts = Artifacts::open(folder.path(), &engine).unwrap();
        assert_eq!(artifacts.files().unwrap().len(), 3, "another engine's and a torn one are gone");
        artifacts.prune(250).unwrap();
        let mut left: Vec<_> =
            artifacts.files().unwrap().into_iter().map(|file| file.path).collect();
        left.sort();
        assert_eq!(left, ["b", "c"].map(|name| folder.path().join(format!("{name}{ours}"))));
    }
}
