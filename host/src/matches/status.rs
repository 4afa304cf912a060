//! The figures of a running match, as its owner sees them.

use lattice_surface::Gauge;

use super::runner::TickTimes;
use crate::guest::Moment;

/// Where a match is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MatchState {
    /// Waiting for `init`.
    #[default]
    Starting,
    Running,
    /// Asked to stop; the sim has some ticks left.
    Stopping,
    Ended,
}

/// A look at a match. Times are in microseconds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MatchStatus {
    pub state: MatchState,
    /// Ticks that have run.
    pub ticks: i64,
    /// Players that have joined and not left.
    pub players: u32,
    /// Players with an open connection.
    pub connected: u32,
    /// Of the last tick.
    pub fuel_last: u64,
    /// The most that a tick took.
    pub fuel_max: u64,
    /// Of all calls, `init` included.
    pub fuel_total: u64,
    pub tick_time_last_us: u64,
    /// A moving average over about the last 16 ticks.
    pub tick_time_average_us: u64,
    /// Ticks that began a whole period or more after their time.
    pub late_ticks: u64,
    pub dropped_periods: u64,
    /// Players' messages that the sim was too far behind to take.
    pub dropped_messages: u64,
    pub dropped_log_lines: u64,
    /// Fetches that were accepted.
    pub fetches_sent: u64,
    /// Of those, the ones whose response the match does not have yet.
    pub fetches_in_flight: u32,
    /// Fetches that were refused at once.
    pub fetches_refused: u64,
    pub memory_bytes: u64,
    pub gauges: Vec<Gauge>,
}

impl MatchStatus {
    pub(super) fn record_tick(&mut self, fuel: u64, times: TickTimes) {
        self.ticks += 1;
        self.record_fuel(fuel);
        self.fuel_last = fuel;
        self.fuel_max = self.fuel_max.max(fuel);
        self.tick_time_last_us = times.last;
        self.tick_time_average_us = times.average;
    }

    /// Goes on from what the match had come to under a host before this one.
    pub(super) fn resume(&mut self, moment: &Moment) {
        self.ticks = moment.tick;
        self.fuel_total = moment.fuel;
    }

    /// Counts what a call took that was no tick, or none that counts.
    pub(super) fn record_fuel(&mut self, fuel: u64) {
        self.fuel_total += fuel;
    }
}
