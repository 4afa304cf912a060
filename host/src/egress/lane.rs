//! A game's turn-taking: a bounded queue before a bucket of tokens and a number of places.
//! The limits are those of the moment, for what waits too.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use lattice_policies::egress::FetchLimits;
use leaky_bucket::RateLimiter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::figures::{Counted, Gauge};
use crate::lock::lock;

/// The least time between two refills of a bucket; a faster rate refills by more than one token.
const LEAST_INTERVAL_MS: u32 = 10;

pub(super) struct Lane {
    state: Mutex<State>,
    /// None until the first fetch says how many there are.
    places: Arc<Semaphore>,
    /// Held by the one fetch that waits for a token. The bucket alone would not do: it loses a
    /// wake-up when several of those that wait in it are given up at once.
    next: tokio::sync::Mutex<()>,
    /// Fetches that wait for a token or a place.
    waiting: Gauge,
}

#[derive(Default)]
struct State {
    bucket: Option<Bucket>,
    /// How many places there are, taken ones included.
    places: u32,
    /// How many there may be.
    most: u32,
}

/// A fetch's turn, or what it waits for until then. Dropping it gives all of it back.
pub(super) struct Turn {
    lane: Arc<Lane>,
    has_token: bool,
    place: Option<OwnedSemaphorePermit>,
    waiting: Option<Counted>,
}

impl Default for Lane {
    fn default() -> Self {
        let (state, next, waiting) = Default::default();
        Self { state, places: Arc::new(Semaphore::new(0)), next, waiting }
    }
}

impl Lane {
    /// A turn, at once or in the queue. `None` if the queue is full: then nothing was taken.
    pub(super) fn enter(self: &Arc<Self>, limits: &FetchLimits) -> Option<Turn> {
        let mut state = self.lock();
        let bucket = self.adapt_to(&mut state, limits);
        let place = if self.waiting.get() == 0 { self.try_start(&bucket) } else { None };
        let has_token = place.is_some();
        let waiting = if has_token { None } else { Some(self.queue(limits.queue)?) };
        Some(Turn { lane: Arc::clone(self), has_token, place, waiting })
    }

    /// Takes other limits over, for what waits too. Places that are taken can't be withdrawn:
    /// they are, as their fetches end.
    pub(super) fn adapt(&self, limits: &FetchLimits) {
        self.adapt_to(&mut self.lock(), limits);
    }

    /// Fetches that wait for a token or a place.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting.get()
    }

    /// Places that are taken.
    pub(super) fn in_flight(&self) -> u64 {
        u64::from(self.lock().places) - self.places.available_permits() as u64
    }

    /// A place and a token, or neither.
    fn try_start(&self, bucket: &RateLimiter) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        bucket.try_acquire(1).then_some(place)
    }

    /// A place in the queue. The lock is held, so that no two fetches take the last one.
    fn queue(&self, most: u32) -> Option<Counted> {
        (self.waiting.get() < most.into()).then(|| self.waiting.enter())
    }

    fn adapt_to(&self, state: &mut State, limits: &FetchLimits) -> Arc<RateLimiter> {
        state.most = limits.in_flight;
        if state.most > state.places {
            self.places.add_permits((state.most - state.places) as usize);
            state.places = state.most;
        } else {
            let over = (state.places - state.most) as usize;
            state.places -= self.places.forget_permits(over) as u32;
        }
        Arc::clone(Bucket::adapt(&mut state.bucket, limits))
    }

    /// The bucket of the moment; none before any limits were known.
    fn bucket(&self) -> Option<Arc<RateLimiter>> {
        self.lock().bucket.as_ref().map(|bucket| Arc::clone(&bucket.limiter))
    }

    /// The place, unless there are more than there may be: then there is one less.
    fn keep(&self, place: OwnedSemaphorePermit) -> Option<OwnedSemaphorePermit> {
        let mut state = self.lock();
        if state.places <= state.most {
            return Some(place);
        }
        state.places -= 1;
        place.forget();
        None
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

impl Turn {
    /// Waits for a token, then for a place, which it holds from then on.
    pub(super) async fn come(&mut self) {
        if !self.has_token {
            let _next = self.lane.next.lock().await;
            if let Some(bucket) = self.lane.bucket() {
                bucket.acquire_one().await;
            }
            self.has_token = true;
        }
        while self.place.is_none() {
            let place = acquire(&self.lane.places).await;
            self.place = self.lane.keep(place);
        }
        self.waiting = None;
    }

    /// Hands over the place.
    pub(super) fn take_place(&mut self) -> Option<OwnedSemaphorePermit> {
        self.place.take()
    }
}

/// A place of a semaphore that is never closed; were it closed, nobody would come through.
pub(super) async fn acquire(places: &Arc<Semaphore>) -> OwnedSemaphorePermit {
    match Arc::clone(places).acquire_owned().await {
        Ok(place) => place,
        Err(_) => std::future::pending().await,
    }
}

struct Bucket {
    rate: u32,
    burst: u32,
    limiter: Arc<RateLimiter>,
}

impl Bucket {
    /// The bucket for these limits. A new one starts with what the old one had left, so that no
    /// change fills it.
    fn adapt<'a>(bucket: &'a mut Option<Bucket>, limits: &FetchLimits) -> &'a Arc<RateLimiter> {
        let (rate, burst) = (limits.requests_per_second, limits.burst);
        let left = match bucket.take() {
            Some(same) if (same.rate, same.burst) == (rate, burst) => {
                return &bucket.insert(same).limiter;
            }
            Some(old) => old.limiter.balance(),
            None => burst as usize,
        };
        let limiter = Arc::new(limiter(rate, burst, left));
        &bucket.insert(Bucket { rate, burst, limiter }).limiter
    }
}

/// A bucket that leaks `rate` tokens a second and holds `burst`, or what one refill brings.
fn limiter(rate: u32, burst: u32, left: usize) -> RateLimiter {
    let (rate, burst) = (rate.max(1), burst as usize);
    let refill = (rate * LEAST_INTERVAL_MS).div_ceil(1_000);
    RateLimiter::builder()
        .refill(refill as usize)
        .interval(Duration::from_secs(refill.into()) / rate)
        .max(burst.max(refill as usize))
        .initial(left.min(burst))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_leaks_as_many_tokens_a_second_as_its_rate_says() {
        for rate in [1, 2, 3, 7, 10, 99, 100, 101, 150, 999, 1_000, 10_000] {
            let limiter = limiter(rate, 5, 100);
            let a_second = limiter.refill() as f64 / limiter.interval().as_secs_f64();
            assert!((a_second - f64::from(rate)).abs() < 0.001, "{a_second} for {rate}");
            assert!(limiter.interval() >= Duration::from_millis(u64::from(LEAST_INTERVAL_MS)));
            assert!(limiter.max() >= limiter.refill(), "no refill is lost at {rate}");
            assert_eq!(limiter.balance(), 5);
        }
    }
}
