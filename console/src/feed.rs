//! Wakes those who follow a match's log. Carries no lines: whoever is woken reads the store, so a
//! slow reader costs nothing and nothing is kept twice.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use lattice_policies::MatchId;
use tokio::sync::watch;

/// The followers of all matches.
#[derive(Debug, Default)]
pub(crate) struct LogFeed {
    followed: Mutex<HashMap<MatchId, watch::Sender<()>>>,
}

impl LogFeed {
    /// A receiver that changes whenever the match's log or state in the store has.
    pub(crate) fn follow(&self, id: &MatchId) -> watch::Receiver<()> {
        let mut followed = self.lock();
        followed.retain(|_, sender| !sender.is_closed());
        followed.entry(id.clone()).or_insert_with(|| watch::Sender::new(())).subscribe()
    }

    /// Tells a match's followers that there is something new.
    pub(crate) fn wake(&self, id: &MatchId) {
        if let Some(sender) = self.lock().get(id) {
            sender.send_replace(());
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<MatchId, watch::Sender<()>>> {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_wakes_its_own_followers_only_and_the_gone_are_forgotten() {
        let feed = LogFeed::default();
        let (one, other) = (MatchId::from_random([1; 10]), MatchId::from_random([2; 10]));
        let (mine, not_mine) = (feed.follow(&one), feed.follow(&other));
        feed.wake(&one);
        assert!(mine.has_changed().unwrap());
        assert!(!not_mine.has_changed().unwrap());
        drop((mine, not_mine));
        let _third = feed.follow(&one);
        assert_eq!(feed.lock().len(), 1);
    }
}
