//! The scores, highest first, and the keys of those that were posted. Bounded, in memory, gone with
//! the process. Knows nothing of HTTP.

use std::collections::{HashSet, VecDeque};

use serde::{Deserialize, Serialize};

/// Scores that are kept; lower ones are forgotten.
const KEPT: usize = 100;
/// Keys that are remembered; the oldest are forgotten.
const KEYS: usize = 10_000;
/// The longest name, in bytes.
const NAME_BYTES: usize = 24;
/// The longest key, in bytes.
const KEY_BYTES: usize = 64;
/// The highest score.
const MOST_POINTS: u32 = 1_000_000;
/// How many the standings have.
const TOP: usize = 10;

/// What one player achieved in one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Score {
    /// 1 to 24 bytes, no control characters.
    pub name: String,
    /// 0 to 1,000,000.
    pub points: u32,
}

/// Why something is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("Name has 1 to {NAME_BYTES} bytes and no control characters")]
    Name,
    #[error("Points are 0 to {MOST_POINTS}")]
    Points,
    #[error("the key has 1 to {KEY_BYTES} visible ASCII characters")]
    Key,
}

/// What became of a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    New,
    /// Its key was here before: whoever posted it did not hear the answer, and asked again.
    Known,
}

/// The scores and the keys.
#[derive(Debug, Default)]
pub struct Board {
    scores: Vec<Score>,
    known: HashSet<String>,
    keys: VecDeque<String>, // those of `known`, oldest first
}

impl Board {
    /// Keeps a score, once for each key. Among equals the earlier one stands higher.
    pub fn post(&mut self, key: &str, score: Score) -> Result<Posted, Refused> {
        check(key, &score)?;
        if !self.remember(key) {
            return Ok(Posted::Known);
        }
        let rank = self.scores.partition_point(|other| other.points >= score.points);
        self.scores.insert(rank, score);
        self.scores.truncate(KEPT);
        Ok(Posted::New)
    }

    /// The ten highest, highest first.
    pub fn top(&self) -> &[Score] {
        &self.scores[..self.scores.len().min(TOP)]
    }

    fn remember(&mut self, key: &str) -> bool {
        if !self.known.insert(key.to_owned()) {
            return false;
        }
        self.keys.push_back(key.to_owned());
        if self.keys.len() > KEYS {
            let oldest = self.keys.pop_front();
            oldest.map(|oldest| self.known.remove(&oldest));
        }
        true
    }
}

fn check(key: &str, score: &Score) -> Result<(), Refused> {
    if !(1..=KEY_BYTES).contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Refused::Key);
    }
    if !(1..=NAME_BYTES).contains(&score.name.len()) || score.name.chars().any(char::is_control) {
        return Err(Refused::Name);
    }
    if score.points > MOST_POINTS {
        return Err(Refused::Points);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(name: &str, points: u32) -> Score {
        Score { name: name.to_owned(), points }
    }

    #[test]
    fn the_top_has_the_ten_highest_and_the_earlier_one_among_equals() {
        let mut board = Board::default();
        for i in 0..12 {
            board.post(&format!("a{i}"), score("first", i)).unwrap();
        }
        board.post("b", score("second", 11)).unwrap();
        let top: Vec<_> = board.top().iter().map(|s| (s.name.as_str(), s.points)).collect();
        assert_eq!(top[..3], [("first", 11), ("second", 11), ("first", 10)]);
        assert_eq!((top.len(), top[9]), (10, ("first", 3)));
    }

    #[test]
    fn a_key_counts_once() {
        let mut board = Board::default();
        assert_eq!(board.post("k", score("Ada", 7)), Ok(Posted::New));
        assert_eq!(board.post("k", score("Ada", 7)), Ok(Posted::Known));
        assert_eq!(board.top(), [score("Ada", 7)]);
    }

    #[test]
    fn neither_scores_nor_keys_grow_without_bound() {
        let mut board = Board::default();
        for i in 0..=KEYS {
            board.post(&i.to_string(), score("Ada", 1)).unwrap();
        }
        assert_eq!((board.scores.len(), board.keys.len(), board.known.len()), (KEPT, KEYS, KEYS));
        assert!(!board.known.contains("0"), "the oldest key is forgotten");
    }

    #[test]
    fn what_is_out_of_bounds_is_refused_and_leaves_nothing() {
        let mut board = Board::default();
        let long = "n".repeat(NAME_BYTES + 1);
        for name in ["", &long, "a\nb"] {
            assert_eq!(board.post("k", score(name, 1)), Err(Refused::Name), "{name:?}");
        }
        assert_eq!(board.post("k", score("Ada", MOST_POINTS + 1)), Err(Refused::Points));
        for key in ["", "a b", "é", &"k".repeat(KEY_BYTES + 1)] {
            assert_eq!(board.post(key, score("Ada", 1)), Err(Refused::Key), "{key:?}");
        }
        assert!(board.top().is_empty() && board.known.is_empty());
    }
}
