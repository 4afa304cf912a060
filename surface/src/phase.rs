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
    /// `lattice_sim_save`, on a copy of the match.
    Save,
    /// `lattice_sim_load`, after an `init` of which nothing counts.
    Load,
}

impl Phase {
    /// All of them; a phase's place here is its number.
    pub const ALL: [Self; 7] = [
        Self::Initialize,
        Self::Init,
        Self::Tick,
        Self::Hash,
        Self::Shutdown,
        Self::Save,
        Self::Load,
    ];

    /// Whether `call` works in this phase; otherwise it answers NOT_NOW.
    pub(crate) fn allows(self, call: &Call) -> bool {
        match self {
            Phase::Save if matches!(call, Call::StateWrite { .. }) => true,
            Phase::Load if matches!(call, Call::StateRead { .. }) => true,
            _ if matches!(call, Call::StateWrite { .. } | Call::StateRead { .. }) => false,
            Phase::Initialize | Phase::Save | Phase::Load => {
                matches!(call, Call::Log { .. } | Call::Config { .. })
            }
            Phase::Init | Phase::Tick => true,
            Phase::Hash => false,
            Phase::Shutdown => !matches!(call, Call::Kick { .. } | Call::HttpRequest { .. }),
        }
    }

    /// Whether what the sim says is in the match's transcript.
    pub(crate) fn is_transcribed(self) -> bool {
        !matches!(self, Phase::Save | Phase::Load)
    }
}
