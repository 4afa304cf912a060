//! A copy of the database in one file, made while it is in use.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};
use thiserror::Error;

use crate::{Store, StoreError, database::connect};

/// Every page in one step: the copy is of one moment, and no write makes it start over.
const ALL_PAGES: i32 = -1;

/// Why there is no backup.
#[derive(Debug, Error)]
pub enum BackupError {
    #[error("{} is there already: a backup never overwrites a file", .0.display())]
    Exists(PathBuf),
    #[error("cannot write the backup {}: {source}", .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("cannot write the backup {}: {source}", .path.display())]
    Store { path: PathBuf, source: StoreError },
}

impl Store {
    /// Copies the database, as of one moment, to a new file. The name appears when the copy is
    /// whole and on the disk, and never replaces a file.
    pub fn backup(&self, to: &Path) -> Result<(), BackupError> {
        let io_error = |source| BackupError::Io { path: to.to_owned(), source };
        if to.try_exists().map_err(io_error)? {
            return Err(BackupError::Exists(to.to_owned()));
        }
        let draft = Draft::make(to).map_err(io_error)?;
        self.new_reader()
            .and_then(|reader| copy(&reader, &draft.0))
            .map_err(|source| BackupError::Store { path: to.to_owned(), source })?;
        draft.publish(to).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists(to.to_owned()),
            _ => io_error(source),
        })
    }

    /// Moves what the write-ahead log holds into the database file.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        let moved = |_: &rusqlite::Row<'_>| Ok(());
        Ok(self.writer().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], moved)?)
    }
}

/// The copy leaves the write-ahead mode, so that its one file is all of it.
fn copy(from: &Connection, to: &Path) -> Result<(), StoreError> {
    let mut copy = connect(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    match Backup::new(from, &mut copy)?.step(ALL_PAGES)? {
        StepResult::Done => {}
        _ => return Err(StoreError::Busy),
    }
    Ok(copy.pragma_update(None, "journal_mode", "DELETE")?)
}

/// A file beside the wanted one, which goes away unless it is published.
struct Draft(PathBuf);

impl Draft {
    fn make(to: &Path) -> io::Result<Self> {
        let name = to.file_name().ok_or(io::ErrorKind::IsADirectory)?.display();
        let path = to.with_file_name(format!(".{name}.{}.partial", std::process::id()));
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Self(path))
    }

    /// A link refuses to take the place of a file, which a rename would not.
    fn publish(self, to: &Path) -> io::Result<()> {
        File::open(&self.0)?.sync_all()?;
        fs::hard_link(&self.0, to)?;
        let dir = to.parent().filter(|dir| !dir.as_os_str().is_empty());
        File::open(dir.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0); // what is left of a failed copy is no one's backup
    }
}
