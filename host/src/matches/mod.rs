//! A match: a guest, its players and its place in time.

mod ending;
mod fetches;
mod held;
mod inbox;
mod link;
mod live;
mod origin;
mod recorder;
mod runner;
mod seats;
mod status;

use std::sync::Arc;

use lattice_policies::{GameId, MatchId};

pub use held::Written;
pub use link::{CloseReason, Outgoing, PlayerLink, SendError};
pub use live::{ConnectError, LiveMatch};
pub(crate) use origin::segment;
pub use origin::{Origin, Resume};
pub(crate) use runner::{Next, Runner, TickTimes};
pub use status::{MatchState, MatchStatus};

use crate::program::Program;

/// What determines a match, beside what its players do.
#[derive(Clone)]
pub struct MatchSpec {
    pub id: MatchId,
    /// Whose egress rules, rate and places the match's fetches take.
    pub game: GameId,
    pub program: Program,
    /// Ticks a second, 1 to 240.
    pub tick_hz: u16,
    pub seed: u64,
    pub config: Arc<[u8]>,
    pub origin: Origin,
}
