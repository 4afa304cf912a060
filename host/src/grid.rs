//! The ideal grid of a match's ticks in time. Pure: it is told what time it is.
//!
//! Period `k` begins at `start + k / tick_hz`, exactly, so a late tick never shifts the ones
//! after it. A match that falls behind catches up a few ticks; further periods are dropped, and
//! a dropped period is not a tick.

use std::time::{Duration, Instant};

const NANOS: u64 = 1_000_000_000;

/// Where a match stands on its grid.
#[derive(Debug, Clone)]
pub(crate) struct Grid {
    start: Instant,
    tick_hz: u64,
    /// The period whose tick runs next, when it begins, and when it ends.
    next: u64,
    due: Instant,
    ends: Instant,
    /// Late ticks that are caught up at most.
    most_late: u64,
}

impl Grid {
    pub(crate) fn new(start: Instant, tick_hz: u16, most_late: u32) -> Self {
        let tick_hz = tick_hz.into();
        let ends = start + offset(1, tick_hz);
        Self { start, tick_hz, next: 0, due: start, ends, most_late: most_late.into() }
    }

    /// When the next tick is due.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// Whether the next tick, were it run now, would begin a whole period or more too late.
    pub(crate) fn is_late(&self, now: Instant) -> bool {
        now >= self.ends
    }

    /// Passes on to the next period; answers how many were dropped.
    pub(crate) fn advance(&mut self, now: Instant) -> u64 {
        self.due = self.ends;
        self.next += 1;
        self.ends = self.start + offset(self.next + 1, self.tick_hz);
        if self.is_late(now) { self.catch_up(now) } else { 0 }
    }

    fn catch_up(&mut self, now: Instant) -> u64 {
        let oldest_kept = self.period_of(now).saturating_sub(self.most_late);
        let dropped = oldest_kept.saturating_sub(self.next);
        self.next += dropped;
        self.due = self.start + offset(self.next, self.tick_hz);
        self.ends = self.start + offset(self.next + 1, self.tick_hz);
        dropped
    }

    /// The period that `now` lies in.
    fn period_of(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.start);
        let part = u64::from(since.subsec_nanos()) * self.tick_hz / NANOS;
        since.as_secs() * self.tick_hz + part
    }
}

/// When a period begins after the start, rounded up to a nanosecond, so that it begins in itself.
fn offset(period: u64, tick_hz: u64) -> Duration {
    let nanos = (period % tick_hz * NANOS).div_ceil(tick_hz);
    Duration::from_secs(period / tick_hz) + Duration::from_nanos(nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_period_begins_in_itself_at_every_rate() {
        let start = Instant::now();
        for tick_hz in 1..=240 {
            let mut grid = Grid::new(start, tick_hz, 3);
            for period in 0..1_000 {
                assert_eq!(grid.period_of(grid.due()), period, "{tick_hz} Hz");
                assert_eq!(grid.advance(grid.due()), 0);
            }
        }
    }

    #[test]
    fn a_late_tick_does_not_shift_the_ones_after_it() {
        let start = Instant::now();
        let mut grid = Grid::new(start, 10, 3);
        grid.advance(start + Duration::from_millis(99));
        assert_eq!(grid.due(), start + Duration::from_millis(100));
        assert!(!grid.is_late(start + Duration::from_millis(199)));
        assert!(grid.is_late(start + Duration::from_millis(200)));
    }

    #[test]
    fn a_match_far_behind_catches_up_a_few_ticks_and_drops_the_rest() {
        let start = Instant::now();
        let mut grid = Grid::new(start, 10, 3);
        // Tick 0 took a second: periods 1 to 9 have passed, and 10 begins now.
        let now = start + Duration::from_secs(1);
        assert_eq!(grid.advance(now), 6);
        for late in 7..10 {
            assert_eq!(grid.due(), start + Duration::from_millis(late * 100));
            assert!(grid.is_late(now));
            assert_eq!(grid.advance(now), 0);
        }
        assert_eq!(grid.due(), now);
        assert!(!grid.is_late(now));
    }
}
