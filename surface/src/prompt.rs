//! Prompt answers: what a host function answers where all that decides it is known when the call
//! into the guest begins. A transport that takes a batch of calls to the surface later answers the
//! sim at once by these, and the surface then comes to the same. Never acts on anything.

use lattice_policies::{Code, PlayerId, policy::MatchLimits};

use crate::{Call, Phase};

/// Bit 0 of a message's flags: it may be dropped when a later one replaces it.
pub(crate) const MAY_BE_DROPPED: u32 = 1;

/// The limits that prompt answers rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PromptLimits {
    pub message_out_bytes: u32,
    pub tick_messages: u32,
    pub tick_message_bytes: u32,
    pub log_record_bytes: u32,
    pub result_bytes: u32,
}

impl From<&MatchLimits> for PromptLimits {
    fn from(limits: &MatchLimits) -> Self {
        Self {
            message_out_bytes: limits.message_out_bytes,
            tick_messages: limits.tick_messages,
            tick_message_bytes: limits.tick_message_bytes,
            log_record_bytes: limits.log_record_bytes,
            result_bytes: limits.result_bytes,
        }
    }
}

/// What a call into the guest has queued for players so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Quota {
    messages: u32,
    bytes: usize,
}

impl Quota {
    /// Takes a message in, or says why not.
    pub(crate) fn take(
        &mut self,
        len: usize,
        flags: u32,
        limits: &PromptLimits,
    ) -> Result<(), Code> {
        if flags & !MAY_BE_DROPPED != 0 {
            return Err(Code::Invalid);
        }
        if len > limits.message_out_bytes as usize {
            return Err(Code::TooLarge);
        }
        let bytes = self.bytes + len;
        if self.messages >= limits.tick_messages || bytes > limits.tick_message_bytes as usize {
            return Err(Code::QueueFull);
        }
        *self = Self { messages: self.messages + 1, bytes };
        Ok(())
    }
}

/// The prompt answers of one call into the guest.
#[derive(Debug, Clone, Copy)]
pub struct Prompt {
    phase: Phase,
    limits: PromptLimits,
    quota: Quota,
}

impl Prompt {
    pub fn begin(phase: Phase, limits: PromptLimits) -> Self {
        Self { phase, limits, quota: Quota::default() }
    }

    /// The host function's result (0 where it has none), or `None` where only the surface knows it.
    /// `in_memory` says whether the call's range, if it has one, lies in the sim's memory; `has`,
    /// whether a player was in the match when the call into the guest began.
    pub fn answer(
        &mut self,
        call: &Call,
        in_memory: bool,
        has: impl Fn(PlayerId) -> bool,
    ) -> Option<i32> {
        let answer = if self.phase.allows(call) {
            self.decide(call, in_memory, has)?
        } else {
            Err(Code::NotNow)
        };
        Some(answer.map_or_else(Code::value, |()| Code::Ok.value()))
    }

    fn decide(
        &mut self,
        call: &Call,
        in_memory: bool,
        has: impl Fn(PlayerId) -> bool,
    ) -> Option<Result<(), Code>> {
        Some(match *call {
            // A line with a bad pointer is dropped, and counted where the surface acts on it.
            Call::Log { .. } => Ok(()),
            Call::Send { .. }
            | Call::Broadcast { .. }
            | Call::Result { .. }
            | Call::EventNext { .. }
                if !in_memory =>
            {
                Err(Code::BadPointer)
            }
            Call::Send { player, .. } | Call::Kick { player, .. } if !has(player) => {
                Err(Code::NoSuchPlayer)
            }
            Call::Send { len, flags, .. } | Call::Broadcast { len, flags, .. } => {
                self.quota.take(len as usize, flags, &self.limits)
            }
            Call::Result { len, .. } if len > self.limits.result_bytes => Err(Code::TooLarge),
            Call::Kick { .. } | Call::Result { .. } => Ok(()),
            Call::EventPeek
            | Call::EventNext { .. }
            | Call::HttpRequest(_)
            | Call::Config { .. }
            | Call::Gauge { .. }
            | Call::StateWrite { .. }
            | Call::StateRead { .. } => return None,
        })
    }
}
