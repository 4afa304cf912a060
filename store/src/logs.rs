//! What sims log: lines kept per match, within a number of bytes; the oldest make room.

use jiff::Timestamp;
use lattice_policies::MatchId;

use crate::{Store, StoreError};

/// Bytes of log kept for one match: its lines' text, and [`LINE_BYTES`] for each line.
pub const LOG_BYTES_PER_MATCH: u64 = 4 << 20;
/// What a line counts beside its text, so that empty lines are not free.
pub const LINE_BYTES: u64 = 64;

/// A line that a sim logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    pub match_id: MatchId,
    pub tick: i64,
    /// 0 trace, 1 debug, 2 info, 3 warn, 4 error.
    pub level: u8,
    pub text: String,
}

/// A line as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLog {
    /// Its number in its match, from 1 without gaps; a first line above 1 says that older ones
    /// made room.
    pub seq: i64,
    pub tick: i64,
    pub level: u8,
    pub text: String,
    pub at: Timestamp,
}

impl Store {
    /// Keeps lines of any matches, in their order, in one transaction.
    pub fn append_logs(&self, lines: &[LogLine]) -> Result<(), StoreError> {
        todo!()
    }

    /// A match's lines behind the one numbered `after`, oldest first; at most `limit`, and never
    /// more than [`Page::MOST`](crate::Page::MOST).
    pub fn logs(
        &self,
        match_id: &MatchId,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<StoredLog>, StoreError> {
        todo!()
    }
}
