//! A copy of the database in one file, made while it is in use.

use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{Store, StoreError};

/// Why there is no backup.
#[derive(Debug, Error)]
pub enum BackupError {
    #[error("{0} is there already; a backup never overwrites a file")]
    Exists(PathBuf),
    #[error("cannot write {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Store {
    /// Copies the database, as of one moment, to a new file. The name appears when the copy is
    /// whole, and never replaces a file.
    pub fn backup(&self, to: &Path) -> Result<(), BackupError> {
        todo!()
    }

    /// Moves what the write-ahead log holds into the database file.
    pub fn checkpoint(&self) -> Result<(), StoreError> {
        todo!()
    }
}
