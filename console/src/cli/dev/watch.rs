//! Notices that a sim's source changed, by looking at times and sizes every now and then: that
//! works on every file system, and for every editor's way of saving.
//! Never reads a file.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// Folders below the watched one at most, and files in all: a source tree, not a disk.
const DEPTH: u32 = 4;
const FILES: usize = 2_000;

const LOOK_EVERY: Duration = Duration::from_millis(200);

type Looks = BTreeMap<PathBuf, (SystemTime, u64)>;

/// The source and header files of one folder.
#[derive(Debug)]
pub(super) struct Watch {
    folder: PathBuf,
    seen: Looks,
}

impl Watch {
    /// Watches the folder that `file` lies in.
    pub(super) fn beside(file: &Path) -> Self {
        let folder = match file.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let seen = look(&folder);
        Self { folder, seen }
    }

    /// Waits for a change, and then until the files hold still: an editor may be half way.
    pub(super) async fn changed(&mut self) {
        while !self.looks_changed() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        tokio::time::sleep(LOOK_EVERY).await;
        while self.looks_changed() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Whether anything differs from the last time this was asked.
    fn looks_changed(&mut self) -> bool {
        let now = look(&self.folder);
        let changed = now != self.seen;
        self.seen = now;
        changed
    }
}

fn look(folder: &Path) -> Looks {
    let mut looks = Looks::new();
    look_into(folder, DEPTH, &mut looks);
    looks
}

/// A folder or file that cannot be read is as good as absent: it may be there the next time.
fn look_into(folder: &Path, depth: u32, looks: &mut Looks) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let Ok(about) = entry.metadata() else { continue };
        if about.is_dir() && depth > 0 && !is_hidden(&path) {
            look_into(&path, depth - 1, looks);
        } else if about.is_file() && is_source(&path) && looks.len() < FILES {
            let changed = about.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            looks.insert(path, (changed, about.len()));
        }
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with('.'))
}

fn is_source(path: &Path) -> bool {
    const KINDS: [&str; 9] = ["c", "cc", "cpp", "cxx", "h", "hh", "hpp", "inc", "wasm"];
    path.extension().and_then(OsStr::to_str).is_some_and(|kind| KINDS.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_or_new_header_is_noticed_and_other_files_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("sim.c");
        fs::write(&source, "int a;").unwrap();
        fs::create_dir(folder.path().join("parts")).unwrap();
        let mut watch = Watch::beside(&source);
        assert!(!watch.looks_changed());

        fs::write(folder.path().join("parts/new.h"), "").unwrap();
        assert!(watch.looks_changed());
        fs::write(&source, "int longer;").unwrap();
        assert!(watch.looks_changed());
        fs::write(folder.path().join("notes.txt"), "").unwrap();
        assert!(!watch.looks_changed());
        fs::remove_file(&source).unwrap();
        assert!(watch.looks_changed());
    }
}
