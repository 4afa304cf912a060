//! Why the store could not do what it was asked: the caller's mistakes, and the database's
//! failures in one clear line each.

use lattice_policies::{GameId, MatchId, Sha256};
use rusqlite::{ErrorCode, ffi};
use semver::Version;
use thiserror::Error;

/// Why a request to the store failed. Whatever the reason, nothing was written.
#[derive(Debug, Error)]
pub enum StoreError {
    #[error("there is no game {0}")]
    NoSuchGame(GameId),
    #[error("game {game} has no build {version}")]
    NoSuchBuild { game: GameId, version: Version },
    #[error("there is no match {0}")]
    NoSuchMatch(MatchId),
    #[error("build {version} is not schedulable: it is {why}")]
    NotSchedulable { version: Version, why: String },
    #[error("the build holds the module {expected}, not {found}")]
    OtherModule { expected: Sha256, found: Sha256 },
    #[error("match {0} has ended")]
    MatchEnded(MatchId),
    #[error("the match has had its {most} players")]
    TooManyPlayers { most: u32 },
    #[error("`{0}` is no place in this list to go on after")]
    BadCursor(String),
    #[error("the module {0} is stored with other bytes than its hash says")]
    BlobAltered(Sha256),
    #[error("the disk is full")]
    DiskFull,
    #[error("the database cannot be written: its file or its disk is read-only")]
    ReadOnly,
    #[error("the database is locked by another process that does not let go")]
    Busy,
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    #[error("the disk fails: {0}")]
    Disk(String),
    #[error("the database refuses: {0}")]
    Database(rusqlite::Error),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        if error.sqlite_extended_error_code() == Some(ffi::SQLITE_IOERR_SHMSIZE) {
            return StoreError::DiskFull; // the index of the write-ahead log could not grow
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::DiskFull,
            Some(ErrorCode::ReadOnly) => StoreError::ReadOnly,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                StoreError::Corrupt(error.to_string())
            }
            Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => {
                StoreError::Disk(error.to_string())
            }
            _ => StoreError::of_value(error),
        }
    }
}

impl StoreError {
    /// A value of another type than its column has was not written by this platform.
    fn of_value(error: rusqlite::Error) -> Self {
        match error {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..) => StoreError::Corrupt(error.to_string()),
            other => StoreError::Database(other),
        }
    }
}
