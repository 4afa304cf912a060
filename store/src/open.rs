//! Opening a data folder: its lock, its permissions, its schema.

use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{Store, StoreError};

/// Why a data folder cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    #[error("{0} is held by another lattice process; stop it, or give this one another folder")]
    Held(PathBuf),
    #[error("there is no database at {0}: start `lattice serve` once to make it")]
    Missing(PathBuf),
    #[error(
        "{path} was written by a newer lattice (its schema is {found}, this one knows {known})"
    )]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error(
        "{path} was written by an older lattice (its schema is {found}, this one's is {known}): start `lattice serve` once to bring it up"
    )]
    Older { path: PathBuf, found: i64, known: i64 },
    #[error("{0} is a database, but not of lattice")]
    Foreign(PathBuf),
    #[error("cannot open {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path}: {source}")]
    Store { path: PathBuf, source: StoreError },
}

impl Store {
    /// Opens a data folder for this process alone, making and migrating what is not there.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        todo!()
    }

    /// Opens a folder that a server may be holding, for the command line's short acts.
    pub fn open_offline(dir: &Path) -> Result<Self, OpenError> {
        todo!()
    }
}
