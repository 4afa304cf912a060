//! How a call of a replay ended, and what that makes of its match.

use crate::{fault::Fault, guest::Moment, reports::Outcome};

/// How a call into the sim ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Called {
    GoesOn,
    Finished,
    Faulted(Fault),
}

impl Called {
    /// The end of a match that stood there and had no other.
    pub(super) fn outcome(self, at: Moment) -> Option<Outcome> {
        match self {
            Called::GoesOn => None,
            Called::Finished if at.ends_at.is_some() => Some(Outcome::Stopped),
            Called::Finished => Some(Outcome::Finished),
            Called::Faulted(fault) => Some(Outcome::Faulted(fault)),
        }
    }

    /// As a difference says it.
    pub(super) fn words(&self) -> String {
        match self {
            Called::GoesOn => "it went on".to_owned(),
            Called::Finished => "the sim finished".to_owned(),
            Called::Faulted(fault) => format!("fault {}", fault.kind),
        }
    }
}
