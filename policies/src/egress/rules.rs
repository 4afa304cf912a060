//! The rules of one game at one moment: what it may reach and within which limits, put together
//! from the policy of all games and the game's own. Once made, they are right and never change.

use std::{collections::BTreeSet, sync::Arc};

use thiserror::Error;

use super::{ENTRIES, EgressPolicy, Entry, FetchLimits, GameEgress, Origin, limits::Range};

/// What holds for a game now. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Sorted by origin, each once.
    entries: Arc<[Entry]>,
    limits: FetchLimits,
}

/// A value that no rules can have, by the key it was given as.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadRule {
    #[error("`{key}` is {value}, and must lie between {least} and {most}")]
    OutOfRange { key: &'static str, value: u64, least: u64, most: u64 },
    #[error("`{key}` has {count} entries, and must have at most {ENTRIES}")]
    TooManyEntries { key: &'static str, count: usize },
    #[error("`{key}` lists `{entry}` more than once; leave one")]
    Duplicate { key: &'static str, entry: Entry },
}

impl Rules {
    /// What holds for a game, or everything that is wrong in either part.
    ///
    /// An entry that both have is no mistake, or a change for all games could make a game's own
    /// policy wrong; it may be private if either says so.
    pub fn new(policy: &EgressPolicy, game: &GameEgress) -> Result<Self, Vec<BadRule>> {
        let mut bad: Vec<BadRule> =
            policy.ranges().chain(game.ranges()).filter_map(out_of_range).collect();
        bad.extend(policy.bad_entries());
        bad.extend(bad_entries("Allow", &game.allow));
        if !bad.is_empty() {
            return Err(bad);
        }
        let entries = merge(policy.allow.iter().chain(&game.allow));
        Ok(Self { entries, limits: policy.limits.with(game) })
    }

    /// The rules of a game that nobody has allowed anything.
    pub fn deny_all() -> Self {
        Self { entries: Arc::new([]), limits: FetchLimits::default() }
    }

    /// What every game may reach and what this one may, sorted by origin.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub fn limits(&self) -> &FetchLimits {
        &self.limits
    }

    /// The entry that lists exactly this origin.
    pub(super) fn entry(&self, origin: &Origin) -> Option<&Entry> {
        let index = self.entries.binary_search_by(|entry| entry.origin.cmp(origin)).ok()?;
        self.entries.get(index)
    }
}

impl EgressPolicy {
    /// What is wrong with the list of all games.
    pub(crate) fn bad_entries(&self) -> Vec<BadRule> {
        bad_entries("egress.allow", &self.allow)
    }
}

fn out_of_range((key, value, least, most): Range) -> Option<BadRule> {
    let bad = BadRule::OutOfRange { key, value, least, most };
    (!(least..=most).contains(&value)).then_some(bad)
}

fn bad_entries(key: &'static str, entries: &[Entry]) -> Vec<BadRule> {
    if entries.len() > ENTRIES {
        return vec![BadRule::TooManyEntries { key, count: entries.len() }];
    }
    let (mut seen, mut named) = (BTreeSet::new(), BTreeSet::new());
    let again = entries.iter().filter(|entry| !seen.insert(&entry.origin));
    let once = again.filter(|entry| named.insert(&entry.origin));
    once.map(|entry| BadRule::Duplicate { key, entry: entry.clone() }).collect()
}

fn merge<'a>(entries: impl Iterator<Item = &'a Entry>) -> Arc<[Entry]> {
    let mut entries: Vec<Entry> = entries.cloned().collect();
    // Of two with one origin, the one that may be private comes first and stays.
    entries.sort_by(|a, b| a.origin.cmp(&b.origin).then(b.allow_private.cmp(&a.allow_private)));
    entries.dedup_by(|a, b| a.origin == b.origin);
    entries.into()
}
