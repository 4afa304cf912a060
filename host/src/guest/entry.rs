//! The calls into a guest: which export each is, and which of its results is a fault that the sim
//! declares.

use lattice_surface::Phase;

use super::Fuel;

/// A call into a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    Initialize,
    Init { seed: u64, tick_hz: u16 },
    Tick(i64),
    Hash,
    Shutdown,
    Save,
    Load,
}

/// What one call into a guest may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CallLimits {
    pub(crate) fuel: Fuel,
    pub(crate) deadline_ms: u64,
}

/// What a call has come to: its result, widened, and the fuel that it used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Returned {
    pub(crate) value: i64,
    pub(crate) fuel: Fuel,
}

impl Entry {
    pub(crate) const TICK: &str = "lattice_sim_tick";
    pub(crate) const HASH: &str = "lattice_sim_hash";

    pub(crate) fn export(self) -> &'static str {
        match self {
            Self::Initialize => "_initialize",
            Self::Init { .. } => "lattice_sim_init",
            Self::Tick(_) => Self::TICK,
            Self::Hash => Self::HASH,
            Self::Shutdown => "lattice_sim_shutdown",
            Self::Save => "lattice_sim_save",
            Self::Load => "lattice_sim_load",
        }
    }

    pub(crate) fn phase(self) -> Phase {
        match self {
            Self::Initialize => Phase::Initialize,
            Self::Init { .. } => Phase::Init,
            Self::Tick(_) => Phase::Tick,
            Self::Hash => Phase::Hash,
            Self::Shutdown => Phase::Shutdown,
            Self::Save => Phase::Save,
            Self::Load => Phase::Load,
        }
    }

    /// The code of a fault that the sim declares by this result.
    pub(crate) fn declared(self, result: i64) -> Option<i32> {
        let code = result as i32;
        let is_fault = match self {
            Self::Init { .. } | Self::Save | Self::Load => code != 0,
            Self::Tick(_) => code < 0,
            Self::Initialize | Self::Hash | Self::Shutdown => false,
        };
        is_fault.then_some(code)
    }
}
