//! The outside view of a running match: connect to it, look at it, ask it to stop.

use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicBool, Ordering},
    mpsc,
};

use bytes::Bytes;
use lattice_policies::{MatchId, PlayerId, admission::Packaging, policy::MatchLimits};
use thiserror::Error;

use super::{
    MatchStatus, PlayerLink, Runner,
    inbox::{Inbox, Input},
};
use crate::program::Program;

/// Why a player can't connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ConnectError {
    #[error("the match has ended")]
    Ended,
    #[error("the player has left this match, and a player who left does not come back")]
    Left,
    #[error("too many connections came in this tick; try again in a moment")]
    Full,
}

/// A running match, shared between the worker that owns it and everybody else.
#[derive(Clone)]
pub struct LiveMatch {
    shared: Arc<Shared>,
}

struct Shared {
    id: MatchId,
    inbox: Arc<Inbox>,
    status: Mutex<MatchStatus>,
    /// It takes one of the native tier's places.
    is_native: AtomicBool,
}

impl LiveMatch {
    pub(crate) fn new(id: MatchId, limits: Arc<MatchLimits>) -> Self {
        let inbox = Arc::new(Inbox::new(limits));
        let (status, is_native) = Default::default();
        Self { shared: Arc::new(Shared { id, inbox, status, is_native }) }
    }

    pub fn id(&self) -> &MatchId {
        &self.shared.id
    }

    /// How the match is, as of its last tick.
    pub fn status(&self) -> MatchStatus {
        self.edit().clone()
    }

    /// Connects a player; the sim is told of the join at the player's first connection. An older
    /// link of the same player is closed as replaced.
    pub fn connect(&self, player: PlayerId, name: Bytes) -> Result<PlayerLink, ConnectError> {
        let queue = self.shared.inbox.connect(player, name)?;
        Ok(PlayerLink::new(player, queue, Arc::clone(&self.shared.inbox)))
    }

    /// Asks the sim to stop, and ends the match some ticks later.
    pub fn stop(&self) {
        self.shared.inbox.stop();
    }

    /// Takes the match itself, between two ticks, from the thread that runs it. Whoever has it must
    /// place it again. `None` if it ends before.
    pub(crate) fn take(&self) -> Option<Box<Runner>> {
        let (to, runner) = mpsc::channel();
        self.shared.inbox.control(Input::HandOver(to));
        runner.recv().ok()
    }

    /// The match is one of that program from now on.
    pub(crate) fn runs(&self, program: &Program) {
        let is_native = program.packaging() == Packaging::Native;
        self.shared.is_native.store(is_native, Ordering::Relaxed);
    }

    pub(crate) fn is_native(&self) -> bool {
        self.shared.is_native.load(Ordering::Relaxed)
    }

    pub(super) fn inbox(&self) -> &Inbox {
        &self.shared.inbox
    }

    /// The status, to be changed by the match's worker between ticks.
    pub(super) fn edit(&self) -> MutexGuard<'_, MatchStatus> {
        crate::lock::lock(&self.shared.status)
    }
}
