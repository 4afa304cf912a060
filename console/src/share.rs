//! Places that are limited in all and by holder, so that no holder takes them all.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A number of places, of which one holder gets a part.
#[derive(Debug)]
pub(crate) struct Shares<K: Hash + Eq> {
    taken: Arc<Mutex<Taken<K>>>,
    most: usize,
    most_each: usize,
}

#[derive(Debug)]
struct Taken<K> {
    total: usize,
    by_holder: HashMap<K, usize>,
}

/// A place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place<K: Hash + Eq> {
    taken: Arc<Mutex<Taken<K>>>,
    holder: K,
}

impl<K: Hash + Eq + Clone> Shares<K> {
    pub(crate) fn new(most: usize, most_each: usize) -> Self {
        let taken = Taken { total: 0, by_holder: HashMap::new() };
        Self { taken: Arc::new(Mutex::new(taken)), most, most_each }
    }

    /// A place for that holder, if there is one.
    pub(crate) fn take(&self, holder: K) -> Option<Place<K>> {
        let mut taken = lock(&self.taken);
        let held = taken.by_holder.get(&holder).copied().unwrap_or(0);
        if taken.total >= self.most || held >= self.most_each {
            return None;
        }
        taken.total += 1;
        taken.by_holder.insert(holder.clone(), held + 1);
        Some(Place { taken: Arc::clone(&self.taken), holder })
    }

    /// Places taken now.
    pub(crate) fn taken(&self) -> usize {
        lock(&self.taken).total
    }
}

impl<K: Hash + Eq> Drop for Place<K> {
    fn drop(&mut self) {
        let mut taken = lock(&self.taken);
        taken.total -= 1;
        if let Some(held) = taken.by_holder.get_mut(&self.holder) {
            *held -= 1;
            if *held == 0 {
                taken.by_holder.remove(&self.holder);
            }
        }
    }
}

fn lock<K>(taken: &Mutex<Taken<K>>) -> MutexGuard<'_, Taken<K>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_does_not_take_all_places_and_a_dropped_one_is_free_again() {
        let shares = Shares::new(3, 2);
        let first = shares.take("a").unwrap();
        let _second = shares.take("a").unwrap();
        assert!(shares.take("a").is_none());
        let _third = shares.take("b").unwrap();
        assert!(shares.take("c").is_none(), "all are taken");
        drop(first);
        assert_eq!(shares.taken(), 2);
        let _again = shares.take("c").unwrap();
    }

    #[test]
    fn a_holder_without_a_place_is_forgotten() {
        let shares = Shares::new(1, 1);
        drop(shares.take("a").unwrap());
        assert!(lock(&shares.taken).by_holder.is_empty());
    }
}
