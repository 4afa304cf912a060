//! A table of rates, one a key, of bounded size: the generic cell rate algorithm, which needs one
//! instant a key and no timer.
//!
//! Knows no HTTP; who is limited, and what that is answered, is the layers' business.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// How often something may happen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// The time that one event costs.
    interval: Duration,
    /// How far ahead of the steady rate a burst may run.
    tolerance: Duration,
}

impl Rate {
    /// `per_second` steadily, and `burst` at once after a rest. Both are at least 1.
    pub(crate) fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self { interval, tolerance: interval * (burst.max(1) - 1) }
    }

    /// Takes one event at `now` from a bucket that is full again at `full_at`: when it is full
    /// after that, or how long to wait.
    pub(crate) fn take(self, full_at: Option<Instant>, now: Instant) -> Result<Instant, Duration> {
        let full_at = full_at.map_or(now, |at| at.max(now));
        match (full_at - now).checked_sub(self.tolerance) {
            Some(wait) if !wait.is_zero() => Err(wait),
            _ => Ok(full_at + self.interval),
        }
    }
}

/// Rates of many keys. When the table is full of keys that are still busy, those that find no
/// place share one bucket, so that filling the table buys nobody anything.
#[derive(Debug)]
pub(crate) struct RateTable<K> {
    rate: Rate,
    most: usize,
    buckets: Mutex<Buckets<K>>,
}

#[derive(Debug)]
struct Buckets<K> {
    full_at: HashMap<K, Instant>,
    shared: Option<Instant>,
    swept_at: Option<Instant>,
}

impl<K: Hash + Eq + Clone> RateTable<K> {
    /// A table that remembers `most` keys.
    pub(crate) fn new(rate: Rate, most: usize) -> Self {
        let buckets = Buckets { full_at: HashMap::new(), shared: None, swept_at: None };
        Self { rate, most, buckets: Mutex::new(buckets) }
    }

    /// Takes one event of that key, or says how long to wait.
    pub(crate) fn take(&self, key: &K) -> Result<(), Duration> {
        self.take_at(key, Instant::now())
    }

    fn take_at(&self, key: &K, now: Instant) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(full_at) = buckets.full_at.get_mut(key) {
            *full_at = self.rate.take(Some(*full_at), now)?;
            return Ok(());
        }
        buckets.make_room(self.most, now);
        if buckets.full_at.len() < self.most {
            let full_at = self.rate.take(None, now)?;
            buckets.full_at.insert(key.clone(), full_at);
        } else {
            buckets.shared = Some(self.rate.take(buckets.shared, now)?);
        }
        Ok(())
    }
}

impl<K: Hash + Eq> Buckets<K> {
    /// Forgets the keys whose buckets are full again, which no one can tell from new ones. Looks
    /// through the table once a second at most.
    fn make_room(&mut self, most: usize, now: Instant) {
        const PAUSE: Duration = Duration::from_secs(1);
        let rested = self.swept_at.is_none_or(|at| now.saturating_duration_since(at) >= PAUSE);
        if self.full_at.len() < most || !rested {
            return;
        }
        self.swept_at = Some(now);
        self.full_at.retain(|_, full_at| *full_at > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_passes_then_the_steady_rate_binds() {
        let table = RateTable::new(Rate::new(10, 3), 8);
        let start = Instant::now();
        for _ in 0..3 {
            table.take_at(&"a", start).unwrap();
        }
        assert_eq!(table.take_at(&"a", start), Err(SECOND / 10));
        table.take_at(&"b", start).unwrap();
        table.take_at(&"a", start + SECOND / 10).unwrap();
        assert!(table.take_at(&"a", start + SECOND / 10).is_err());
    }

    #[test]
    fn a_full_table_forgets_the_rested_and_shares_one_bucket_among_the_rest() {
        let table = RateTable::new(Rate::new(1, 2), 2);
        let start = Instant::now();
        table.take_at(&1, start).unwrap();
        table.take_at(&2, start).unwrap();
        for _ in 0..2 {
            table.take_at(&3, start).unwrap();
        }
        assert!(table.take_at(&4, start).is_err(), "a key without a place shares its bucket");
        table.take_at(&4, start + SECOND).unwrap();
        assert!(table.buckets.lock().unwrap().full_at.len() <= 2);
    }
}
