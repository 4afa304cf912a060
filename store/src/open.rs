//! Opening a data folder: its lock, its permissions, its schema.
//!
//! A folder that is made here is its owner's alone (0700). One that was there keeps its
//! permissions; the database in it is its owner's alone in any case (0600).

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags};
use thiserror::Error;

use crate::{Store, StoreError, database::connect, migrations};

const DATABASE: &str = "lattice.sqlite";
const LOCK: &str = "lock";
const OWNER_ONLY: u32 = 0o600;

/// Why a data folder cannot be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    #[error("{} is held by another lattice process: stop that one, or use another folder", .0.display())]
    Held(PathBuf),
    #[error("there is no database at {}: `lattice serve` makes it at its first start", .0.display())]
    Missing(PathBuf),
    #[error(
        "{} was written by a newer lattice: its schema has version {found}, this one knows {known}",
        .path.display()
    )]
    Newer { path: PathBuf, found: i64, known: i64 },
    #[error(
        "{} has the schema of an older lattice (version {found} of {known}): `lattice serve` \
         brings it up to date when it starts",
        .path.display()
    )]
    Older { path: PathBuf, found: i64, known: i64 },
    #[error("{} is a database, but not one of lattice", .0.display())]
    Foreign(PathBuf),
    #[error("cannot open {}: {source}", .path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("cannot open {}: {source}", .path.display())]
    Store { path: PathBuf, source: StoreError },
}

impl Store {
    /// Opens a data folder for this process alone; makes and migrates what is not there yet.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        make_dir(dir).map_err(io_error(dir))?;
        let folder = hold(dir)?;
        let path = dir.join(DATABASE);
        make_file(&path).map_err(io_error(&path))?;
        let mut writer = open_known(&path)?;
        writer
            .pragma_update(None, "journal_mode", "WAL")
            .map_err(StoreError::from)
            .and_then(|()| migrations::migrate(&mut writer))
            .map_err(store_error(&path))?;
        Ok(Store::new(&path, writer, Some(folder)))
    }

    /// Opens a folder that a server may be holding, for the command line's short acts. Makes
    /// nothing and migrates nothing.
    pub fn open_offline(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join(DATABASE);
        if !path.try_exists().map_err(io_error(&path))? {
            return Err(OpenError::Missing(path));
        }
        let writer = open_known(&path)?;
        let found = migrations::version(&writer).map_err(store_error(&path))?;
        if found < migrations::KNOWN {
            return Err(OpenError::Older { path, found, known: migrations::KNOWN });
        }
        Ok(Store::new(&path, writer, None))
    }
}

fn make_dir(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// SQLite gives the files that it puts beside the database the permissions of the database.
fn make_file(path: &Path) -> io::Result<()> {
    owner_only().open(path)?;
    fs::set_permissions(path, Permissions::from_mode(OWNER_ONLY))
}

/// Takes the folder's lock, which the kernel lets go when the process ends, however it ends.
fn hold(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join(LOCK);
    let file = owner_only().open(&path).map_err(io_error(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::Held(dir.to_owned())),
        Err(TryLockError::Error(source)) => Err(OpenError::Io { path, source }),
    }
}

fn owner_only() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(OWNER_ONLY);
    options
}

/// Connects to a database whose schema this program can speak or bring up to date.
fn open_known(path: &Path) -> Result<Connection, OpenError> {
    let found = || -> Result<_, StoreError> {
        let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let ours = migrations::is_ours(&connection)?;
        let version = migrations::version(&connection)?;
        Ok((connection, ours, version))
    };
    let known = migrations::KNOWN;
    match found().map_err(store_error(path))? {
        (_, false, _) => Err(OpenError::Foreign(path.to_owned())),
        (_, _, found) if found > known => {
            Err(OpenError::Newer { path: path.to_owned(), found, known })
        }
        (connection, ..) => Ok(connection),
    }
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> OpenError {
    move |source| OpenError::Io { path: path.to_owned(), source }
}

fn store_error(path: &Path) -> impl Fn(StoreError) -> OpenError {
    move |source| OpenError::Store { path: path.to_owned(), source }
}
