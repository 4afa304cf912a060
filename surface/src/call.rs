//! A host call as data: which function, with which arguments, and what it costs.

use lattice_policies::{
    PlayerId,
    functions::{self, HostFunction},
    policy::MatchLimits,
};

pub use crate::fetch::FetchCall;

/// One call of a host function. Pointers and lengths are unsigned.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Call {
    Log { level: u32, ptr: u32, len: u32 },
    EventPeek,
    EventNext { ptr: u32, cap: u32 },
    Send { player: PlayerId, ptr: u32, len: u32, flags: u32 },
    Broadcast { ptr: u32, len: u32, flags: u32 },
    Kick { player: PlayerId, reason: i32 },
    HttpRequest(FetchCall),
    Config { ptr: u32, cap: u32 },
    Result { ptr: u32, len: u32 },
    Gauge { ptr: u32, len: u32, value: f64 },
    StateWrite { ptr: u32, len: u32 },
    StateRead { ptr: u32, cap: u32 },
}

/// What the price depends on beside the call itself.
pub(crate) struct Sizes<'a> {
    pub(crate) limits: &'a MatchLimits,
    pub(crate) next_event: usize,
    pub(crate) config: usize,
    /// What is left of a saved state to be read.
    pub(crate) state: usize,
    /// Players in the match, who each get a broadcast.
    pub(crate) players: usize,
}

impl Call {
    /// The row of the surface table.
    pub fn function(&self) -> &'static HostFunction {
        match self {
            Call::Log { .. } => &functions::LOG,
            Call::EventPeek => &functions::EVENT_PEEK,
            Call::EventNext { .. } => &functions::EVENT_NEXT,
            Call::Send { .. } => &functions::SEND,
            Call::Broadcast { .. } => &functions::BROADCAST,
            Call::Kick { .. } => &functions::KICK,
            Call::HttpRequest(_) => &functions::HTTP_REQUEST,
            Call::Config { .. } => &functions::CONFIG,
            Call::Result { .. } => &functions::RESULT,
            Call::Gauge { .. } => &functions::GAUGE,
            Call::StateWrite { .. } => &functions::STATE_WRITE,
            Call::StateRead { .. } => &functions::STATE_READ,
        }
    }

    /// Fuel that the call is charged before it acts, by the table's formula.
    pub(crate) fn price(&self, sizes: &Sizes<'_>) -> u64 {
        let price = self.function().price;
        let bytes = u64::from(self.bytes(sizes));
        price.fixed + price.per_byte * bytes + price.per_player * sizes.players as u64
    }

    /// Bytes that the call can move: a length over the limit would be refused or cut.
    pub(crate) fn bytes(&self, sizes: &Sizes<'_>) -> u32 {
        let limits = sizes.limits;
        match *self {
            Call::Log { len, .. } => len.min(limits.log_record_bytes),
            Call::EventNext { cap, .. } => fitting(sizes.next_event, cap),
            Call::Send { len, .. } | Call::Broadcast { len, .. } => {
                len.min(limits.message_out_bytes)
            }
            Call::HttpRequest(call) => call.bytes(),
            Call::Config { cap, .. } => cap.min(sizes.config as u32),
            Call::Result { len, .. } => len.min(limits.result_bytes),
            Call::Gauge { len, .. } => len.min(limits.gauge_name_bytes),
            Call::StateWrite { len, .. } => len.min(limits.state_blob_bytes),
            Call::StateRead { cap, .. } => cap.min(sizes.state as u32),
            Call::EventPeek | Call::Kick { .. } => 0,
        }
    }
}

/// An event that does not fit is not copied.
fn fitting(event: usize, cap: u32) -> u32 {
    u32::try_from(event).ok().filter(|size| *size <= cap).unwrap_or(0)
}
