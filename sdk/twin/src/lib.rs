//! The twins of a sim, the module in the sandbox and the native program: the same match run
//! through either, what each said, and the first place where they differ.
//!
//! Owns the order of the calls, made-up players, the transcript file, the recording and the
//! comparison. Never knows how a sim is run: a [`Sim`] does that, and the surface has the semantics.

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::panic, reason = "in a test a panic is the verdict")
)]

mod compare;
mod describe;
mod hint;
mod players;
mod random;
mod recording;
mod run;
mod transcript;

pub use compare::{Compared, Difference, compare};
pub use describe::describe;
pub use players::{MadeUp, play};
pub use recording::Recording;
pub use run::{Called, Course, Extent, FromSnapshot, Sim, Told, check_playable, replay};
pub use transcript::{BadTranscript, Entry, TranscriptWriter, read_transcript};
