//! Matches: what ran, of which build, with which seed, and how it ended.

use jiff::Timestamp;
use lattice_policies::{GameId, MatchId, Sha256};
use semver::Version;
use serde_json::Value;

use crate::{Actor, Page, Store, StoreError};

/// Where a match stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MatchState {
    /// Asked for; its sim is being made.
    Starting,
    Running,
    /// Asked to stop, and not done with it.
    Stopping,
    /// The sim said that it is over.
    Finished,
    /// Ended because it was asked to.
    Stopped,
    /// Ended against its will.
    Faulted,
    /// The process ended under it.
    Lost,
}

impl MatchState {
    pub const ALL: [MatchState; 7] = [
        MatchState::Starting,
        MatchState::Running,
        MatchState::Stopping,
        MatchState::Finished,
        MatchState::Stopped,
        MatchState::Faulted,
        MatchState::Lost,
    ];

    /// The state as it stands in the store and in its views.
    pub const fn text(self) -> &'static str {
        match self {
            MatchState::Starting => "starting",
            MatchState::Running => "running",
            MatchState::Stopping => "stopping",
            MatchState::Finished => "finished",
            MatchState::Stopped => "stopped",
            MatchState::Faulted => "faulted",
            MatchState::Lost => "lost",
        }
    }

    /// Whether the match is over.
    pub const fn has_ended(self) -> bool {
        !matches!(self, MatchState::Starting | MatchState::Running | MatchState::Stopping)
    }
}

/// A match to be started.
#[derive(Debug, Clone)]
pub struct NewMatch {
    pub id: MatchId,
    pub game: GameId,
    pub version: Version,
    pub sha256: Sha256,
    pub tick_hz: u16,
    pub seed: u64,
    pub config: Vec<u8>,
}

/// One running sim with its players, or what is left of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    pub id: MatchId,
    pub game: GameId,
    pub version: Version,
    pub sha256: Sha256,
    pub tick_hz: u16,
    pub seed: u64,
    pub config: Vec<u8>,
    pub state: MatchState,
    /// Ticks that were run, once it has ended.
    pub ticks: Option<i64>,
    pub fault: Option<Value>,
    pub result: Option<Vec<u8>>,
    /// What the host counted over its life.
    pub figures: Option<Value>,
    /// The subject that started it.
    pub created_by: String,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// How a match ended.
#[derive(Debug, Clone)]
pub struct MatchEnd {
    /// `Finished`, `Stopped` or `Faulted`.
    pub state: MatchState,
    /// Ticks that were run.
    pub ticks: i64,
    pub fault: Option<Value>,
    pub result: Option<Vec<u8>>,
    pub figures: Option<Value>,
}

impl Store {
    /// Keeps a match that is about to start. Its build must be schedulable at this moment:
    /// [`StoreError::NoSuchBuild`], [`StoreError::NotSchedulable`].
    pub fn insert_match(&self, actor: &Actor, new: &NewMatch) -> Result<Match, StoreError> {
        todo!()
    }

    pub fn match_by_id(&self, id: &MatchId) -> Result<Option<Match>, StoreError> {
        todo!()
    }

    /// A game's matches, newest first.
    pub fn matches(&self, game: &GameId, page: &Page) -> Result<Vec<Match>, StoreError> {
        todo!()
    }

    /// Starting becomes running; `false` if the match was not starting.
    pub fn match_running(&self, id: &MatchId) -> Result<bool, StoreError> {
        todo!()
    }

    /// Starting or running becomes stopping; `false` if the match was neither.
    pub fn match_stopping(&self, actor: &Actor, id: &MatchId) -> Result<bool, StoreError> {
        todo!()
    }

    /// Keeps how a match ended; `false` if it had ended before.
    pub fn end_match(&self, id: &MatchId, end: &MatchEnd) -> Result<bool, StoreError> {
        todo!()
    }

    /// Marks as lost what a process before this one left unended.
    pub fn mark_lost(&self) -> Result<Vec<MatchId>, StoreError> {
        todo!()
    }
}
