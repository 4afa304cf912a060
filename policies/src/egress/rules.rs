//! The rules of one game at one moment: what it may reach and within which limits, put together
//! from the policy of all games and the game's own. Once made, they are right and never change.

use std::{collections::BTreeSet, sync::Arc};

use thiserror::Error;

use super::{ENTRIES, EgressPolicy, Entry, FetchLimits, GameEgress, Origin, Scheme, limits::Range};

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
            policy.ranges().chain(policy.shared(game.ranges())).filter_map(out_of_range).collect();
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

    /// An entry of the origin's host with another port or scheme, which may be what was meant.
    pub(super) fn same_host(&self, Origin { scheme, host, .. }: &Origin) -> Option<&Entry> {
        let other = if *scheme == Scheme::Http { Scheme::Https } else { Scheme::Http };
        [*scheme, other].into_iter().find_map(|scheme| {
            let key =
                |entry: &Entry| (entry.origin.scheme, &entry.origin.host).cmp(&(scheme, host));
            let first = self.entries.partition_point(|entry| key(entry).is_lt());
            self.entries.get(first).filter(|entry| key(entry).is_eq())
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(text: &str) -> Entry {
        text.parse().unwrap()
    }

    fn private(text: &str) -> Entry {
        Entry { allow_private: true, ..entry(text) }
    }

    fn policy(allow: &[Entry]) -> EgressPolicy {
        EgressPolicy { allow: allow.to_vec(), ..EgressPolicy::default() }
    }

    fn game(allow: &[Entry]) -> GameEgress {
        GameEgress { allow: allow.to_vec(), ..GameEgress::default() }
    }

    fn complaints(policy: &EgressPolicy, game: &GameEgress) -> Vec<String> {
        Rules::new(policy, game).unwrap_err().iter().map(BadRule::to_string).collect()
    }

    #[test]
    fn a_game_reaches_what_all_may_and_what_is_its_own() {
        let all = policy(&[entry("b.example:443"), entry("d.example:443")]);
        let own = game(&[entry("http://c.example:80"), entry("a.example:443")]);
        let rules = Rules::new(&all, &own).unwrap();
        let shown: Vec<String> = rules.entries().iter().map(Entry::to_string).collect();
        let expected = ["http://c.example:80", "a.example:443", "b.example:443", "d.example:443"];
        assert_eq!(shown, expected);
        for entry in all.allow.iter().chain(&own.allow) {
            assert_eq!(rules.entry(&entry.origin), Some(entry));
        }
        let same_host = |text: &str| rules.same_host(&entry(text).origin);
        assert_eq!(same_host("b.example:444"), Some(&all.allow[0]));
        assert_eq!(same_host("c.example:443"), Some(&own.allow[0]));
        assert_eq!(same_host("bb.example:443"), None);
        for other in ["c.example:443", "a.example:444", "aa.example:443", "e.example:443"] {
            assert_eq!(rules.entry(&entry(other).origin), None, "{other}");
        }
    }

    #[test]
    fn nothing_is_reached_by_default() {
        let rules = Rules::new(&EgressPolicy::default(), &GameEgress::default()).unwrap();
        assert_eq!(rules, Rules::deny_all());
        assert!(rules.entries().is_empty());
    }

    #[test]
    fn what_both_lists_have_is_one_entry() {
        let open = [private("a.example:443")];
        let closed = [entry("a.example:443")];
        for (all, own) in [(&open, &closed), (&closed, &open)] {
            let rules = Rules::new(&policy(all), &game(own)).unwrap();
            assert_eq!(rules.entries(), open, "either may say that it is private");
        }
    }

    #[test]
    fn everything_wrong_is_named_at_once() {
        let mut all = policy(&[entry("a.example:443"), entry("A.example:443")]);
        all.limits.burst = 0;
        let mut own = game(&vec![private("b.example:443"); 3]);
        own.allow.push(entry("c.example:443"));
        own.in_flight = Some(17);
        own.request_body_bytes = Some(262_145);
        assert_eq!(
            complaints(&all, &own),
            [
                "`egress.burst` is 0, and must lie between 1 and 10000",
                "`InFlight` is 17, and must lie between 1 and 16",
                "`RequestBodyBytes` is 262145, and must lie between 0 and 262144",
                "`egress.allow` lists `a.example:443` more than once; leave one",
                "`Allow` lists `b.example:443` more than once; leave one",
            ]
        );
    }

    #[test]
    fn a_list_has_an_end() {
        let list = |length: usize| -> Vec<Entry> {
            (0..length).map(|number| entry(&format!("h{number}.example:443"))).collect()
        };
        let rules = Rules::new(&policy(&list(ENTRIES)), &game(&list(ENTRIES))).unwrap();
        assert_eq!(rules.entries().len(), ENTRIES);
        let long = "has 257 entries, and must have at most 256";
        let expected = [format!("`egress.allow` {long}"), format!("`Allow` {long}")];
        assert_eq!(complaints(&policy(&list(257)), &game(&list(257))), expected);
    }
}
