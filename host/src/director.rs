//! The director: what should run here, compared with what does. Pure; the fleet acts.

use std::collections::{BTreeMap, BTreeSet};

use lattice_policies::MatchId;

use crate::{fleet::Action, matches::MatchSpec};

/// What is wanted of a match.
#[derive(Clone)]
pub enum Wanted {
    Running(Box<MatchSpec>),
    Stopped,
}

/// The actions that lead from what runs to what is wanted, in the order of the matches' ids.
///
/// A match that runs and that nobody wants is stopped. One that is wanted and was started before
/// is no longer in `wanted` once it has ended, so nothing is started twice.
pub fn plan(wanted: &BTreeMap<MatchId, Wanted>, running: &BTreeSet<MatchId>) -> Vec<Action> {
    let starts = wanted.iter().filter_map(|(id, wanted)| match wanted {
        Wanted::Running(spec) if !running.contains(id) => Some(Action::Start((**spec).clone())),
        _ => None,
    });
    let unwanted = |id: &&MatchId| !matches!(wanted.get(*id), Some(Wanted::Running(_)));
    let stops = running.iter().filter(unwanted).cloned().map(Action::Stop);
    starts.chain(stops).collect()
}
