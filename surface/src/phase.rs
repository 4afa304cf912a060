//! Which part of a match's life a guest is in, and which host functions work there.

use crate::Call;

/// The call into the guest that is running.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// `_initialize`: static constructors.
    Initialize,
    /// `lattice_sim_init`.
    Init,
    /// `lattice_sim_tick`.
    Tick,
    /// `lattice_sim_hash`, at the end of a tick.
    Hash,
    /// `lattice_sim_shutdown`.
    Shutdown,
}

impl Phase {
    /// Whether `call` works in this phase; otherwise it answers NOT_NOW.
    pub(crate) fn allows(self, call: &Call) -> bool {
        match self {
            _ if matches!(call, Call::StateWrite { .. } | Call::StateRead { .. }) => false,
            Phase::Initialize => matches!(call, Call::Log { .. } | Call::Config { .. }),
            Phase::Init | Phase::Tick => true,
            Phase::Hash => false,
            Phase::Shutdown => !matches!(call, Call::Kick { .. } | Call::HttpRequest { .. }),
        }
    }
}
