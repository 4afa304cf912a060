//! Why the store could not do what it was asked: the caller's mistakes, and the database's
//! failures in one clear line each.

use lattice_policies::{GameId, MatchId, Sha256};
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
    #[error("build {version} holds the module {expected}, not {found}")]
    OtherModule { version: Version, expected: Sha256, found: Sha256 },
    #[error("match {0} has ended")]
    MatchEnded(MatchId),
    #[error("the match has had its {most} players")]
    TooManyPlayers { most: u32 },
    #[error("`{0}` is no place in this list to go on after")]
    BadCursor(String),
    #[error("the module {0} is stored with other bytes than its hash says")]
    BlobAltered(Sha256),
    #[error("the disk that holds the database is full")]
    DiskFull,
    #[error("the database cannot be written: its file or its disk is read-only")]
    ReadOnly,
    #[error("the database is locked by another process that does not let go")]
    Busy,
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    #[error("the database's disk fails: {0}")]
    Disk(String),
    #[error("the database: {0}")]
    Database(rusqlite::Error),
}
