//! What a sim may say and hear: the semantics of every host function, once.
//!
//! Owns the events in, the outbox out, the quotas, the codes and the fuel charges of one match.
//! Never knows how a sim is run: a transport (the wasm host, a native runner) supplies memory,
//! takes the price of a [`Call`] and then asks the [`Surface`] to act on it.

mod blobs;
mod call;
mod codec;
mod event;
mod fetch;
mod gauge;
mod input_log;
mod log;
mod memory;
mod outbox;
mod phase;
mod prompt;
mod record;
mod surface;
mod transcript;

pub use call::{Call, FetchCall};
pub use event::{Event, EventQueue, HEADER_BYTES, QueueFull, response_payload};
pub use fetch::{Fetch, Refused, SharedRules};
pub use gauge::Gauge;
pub use input_log::{BadLog, InputLog, LogPart};
pub use log::{Level, LogBook, LogLine};
pub use memory::{BadPointer, GuestMemory};
pub use outbox::{Kick, Message, Outbox, Recipient};
pub use phase::Phase;
pub use prompt::{Prompt, PromptLimits};
pub use record::{
    BadRecord, LoggedCall, LoggedEnd, LoggedEnding, MatchHeader, Record, Records, Segment,
    TickInputs, hashes_after,
};
pub use surface::{BadState, Surface};
pub use transcript::Said;
