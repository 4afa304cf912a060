//! What a surface keeps from tick to tick, as bytes: a part of a match's snapshot. Never what only
//! one call has: its messages, its log lines, what it said.
//!
//! The same state has the same bytes, and other bytes are another state or none.

use std::{collections::BTreeSet, sync::Arc};

use lattice_policies::{PlayerId, policy::MatchLimits};
use thiserror::Error;

use super::Surface;
use crate::{
    EventQueue, LogBook, Outbox, SharedRules,
    blobs::ResultBlob,
    codec::{Reader, is_ascending, put_list},
    fetch::Fetches,
    gauge::Gauges,
    transcript::Transcript,
};

/// The version of the encoding, with which it begins.
const FORMAT: u32 = 1;

/// Bytes that are no surface's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("at byte {at}, the state of the sim's surface is malformed: {why}")]
pub struct BadState {
    pub at: usize,
    pub why: &'static str,
}

impl Surface {
    /// All that the surface keeps from tick to tick, little-endian: `u32` version; the
    /// transcript's chain and `u64` number of calls; `u64` dropped log lines; the ids in the
    /// match and those that left, ascending; the last call's kicks, as `u32` player and `i32`
    /// reason; `u64` accepted requests and the ids of those in flight; `u64` responses pulled and
    /// the events that are not, as the sim gets them; the gauges by name with their bits; the
    /// result, if any. A list has its `u32` count before it, text and bytes their `u32` length.
    ///
    /// To be called between two ticks, when what came of the last has been handed on.
    pub fn save(&self) -> Vec<u8> {
        let mut out = FORMAT.to_le_bytes().to_vec();
        self.transcript.save(&mut out);
        out.extend_from_slice(&self.log.dropped().to_le_bytes());
        save_players(&self.roster, &mut out);
        save_players(&self.left, &mut out);
        self.outbox.save(&mut out);
        self.fetches.save(&mut out);
        self.events.save(&mut out);
        self.gauges.save(&mut out);
        self.result.save(&mut out);
        out
    }

    /// The surface that goes on where another was [saved](Self::save), to be begun with a tick.
    /// Requests that were in flight stay so until their responses are pushed; none is sent again.
    pub fn restore(
        limits: Arc<MatchLimits>,
        config: Arc<[u8]>,
        egress: Arc<SharedRules>,
        state: &[u8],
    ) -> Result<Self, BadState> {
        let mut from = Reader::new(state);
        let mut surface = Self::new(limits, config, Arc::clone(&egress));
        let read = surface.read(egress, &mut from);
        read.map_err(|why| BadState { at: state.len() - from.len(), why })?;
        Ok(surface)
    }

    fn read(
        &mut self,
        egress: Arc<SharedRules>,
        from: &mut Reader<'_>,
    ) -> Result<(), &'static str> {
        if u32::from_le_bytes(from.array()?) != FORMAT {
            return Err("a version of the encoding that is not known");
        }
        self.transcript = Transcript::restore(from)?;
        self.log = LogBook::restored(from.count()?);
        self.roster = restore_players(from)?;
        self.left = restore_players(from)?;
        self.outbox = Outbox::restore(from)?;
        self.fetches = Fetches::restore(egress, from)?;
        self.events = EventQueue::restore(from)?;
        self.gauges = Gauges::restore(from)?;
        self.result = ResultBlob::restore(from)?;
        if from.is_empty() { Ok(()) } else { Err("bytes behind its end") }
    }
}

fn save_players(players: &BTreeSet<PlayerId>, out: &mut Vec<u8>) {
    put_list(out, players.iter(), |out, player| out.extend_from_slice(&player.0.to_le_bytes()));
}

fn restore_players(from: &mut Reader<'_>) -> Result<BTreeSet<PlayerId>, &'static str> {
    let players = from.list(|from| from.array().map(u32::from_le_bytes).map(PlayerId))?;
    if !is_ascending(&players) {
        return Err("players that are not in the order of their ids");
    }
    Ok(players.into_iter().collect())
}
