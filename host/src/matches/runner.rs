//! The runner of one match: owns its guest and its seats, and takes it from tick to tick. A
//! runner lives on one worker thread at a time.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use lattice_policies::{
    PlayerId,
    policy::{LogMode, MatchLimits},
};
use lattice_surface::{Event, LoggedCall, MatchHeader, Phase, hashes_after};

use super::{
    LiveMatch, MatchSpec, MatchState,
    fetches::OpenFetches,
    inbox::Input,
    recorder::{self, Recorder},
    seats::Seats,
};
use crate::{
    fault::{Fault, FaultKind},
    fleet::Registry,
    grid::Grid,
    guest::Guest,
    reports::{LogLine, MatchEnd, Outcome},
};

/// A match that runs.
pub(crate) struct Runner {
    guest: Guest,
    seats: Seats,
    grid: Grid,
    limits: Arc<MatchLimits>,
    tick_hz: u16,
    /// The tick that runs next.
    tick: i64,
    /// Ticks left once a stop was asked for.
    ticks_left: Option<i32>,
    inputs: Vec<Input>,
    times: TickTimes,
    fetches: OpenFetches,
    recorder: Recorder,
    /// Held last, so that the guest's slot is free again before the end is told.
    ending: Ending,
}

/// What a runner's thread has to do with it after a tick.
pub(crate) enum Next {
    /// The match goes on; it was this time when the tick had ended.
    Tick(Box<Runner>, Instant),
    Ended,
}

/// How long a match's ticks take, in microseconds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TickTimes {
    pub(crate) last: u64,
    /// A moving average over about the last 16 ticks.
    pub(crate) average: u64,
}

impl TickTimes {
    fn record(&mut self, micros: u64) {
        self.last = micros;
        self.average = (self.average * 15 + micros) / 16;
    }
}

impl Runner {
    /// Instantiates the sim and runs its `init`. A fault in it is the match's end, told as such,
    /// and so is a host that is going down.
    pub(crate) fn start(
        spec: &MatchSpec,
        live: LiveMatch,
        registry: Arc<Registry>,
    ) -> Option<Box<Self>> {
        let mut ending = Ending::new(live, registry);
        if ending.registry.is_stopping() {
            ending.outcome = Some((Outcome::Stopped, None));
            return None;
        }
        let mut fetches = OpenFetches::new(ending.registry.egress.game(&spec.game));
        let guest = Guest::new(&spec.program, Arc::clone(&spec.config), fetches.rules());
        let mut guest = match guest {
            Ok(guest) => guest,
            Err(fault) => return ending.fault(fault),
        };
        let limits = Arc::clone(spec.program.engine().limits());
        let mut recorder = Recorder::new(patience(&limits), header(spec));
        let init = guest.init(spec.seed, spec.tick_hz);
        recorder.tick(-1, guest.surface());
        ending.report_log(&mut guest, -1);
        ending.live.edit().record_fuel(guest.fuel_used());
        // A failed init sends nothing, but what it was refused is told.
        fetches.hand_on(guest.surface(), &ending.live, -1);
        if let Err(fault) = init {
            recorder.end(0, recorder::fault_ending(&fault, LoggedCall::Init), guest.surface());
            recorder.flush(&ending.live, &*ending.registry.reports);
            drop(guest);
            return ending.fault(fault);
        }
        ending.registry.reports.started(ending.live.id());
        let grid = Grid::new(Instant::now(), spec.tick_hz, limits.late_ticks);
        let mut runner = Self {
            guest,
            seats: Seats::default(),
            grid,
            limits,
            tick_hz: spec.tick_hz,
            tick: 0,
            ticks_left: None,
            inputs: Vec::new(),
            times: TickTimes::default(),
            fetches,
            recorder,
            ending,
        };
        runner.show(MatchState::Running);
        Some(Box::new(runner))
    }

    /// When the next tick is due.
    pub(crate) fn due(&self) -> Instant {
        self.grid.due()
    }

    pub(crate) fn times(&self) -> TickTimes {
        self.times
    }

    pub(crate) fn tick_hz(&self) -> u16 {
        self.tick_hz
    }

    /// Runs the next tick, which begins now, and hands on what came of it.
    pub(crate) fn run_tick(mut self: Box<Self>, began: Instant) -> Next {
        let late = self.grid.is_late(began);
        self.guest.surface().begin(Phase::Tick);
        self.take_inputs(began);
        let hash = hashes_after(self.limits.hash_every_ticks, self.tick);
        let result = self.guest.tick(self.tick, hash);
        self.recorder.tick(self.tick, self.guest.surface());
        self.ending.report_log(&mut self.guest, self.tick);
        self.hand_on();
        self.fetches.hand_on(self.guest.surface(), &self.ending.live, self.tick);
        // What is handed on counts: it takes the worker's time like the sim's own work.
        let ended = Instant::now();
        if let Err(fault) = result {
            self.ending.live.edit().record_fuel(self.guest.fuel_used());
            return self.end(Outcome::Faulted(fault), LoggedCall::Tick);
        }
        self.record(ended - began, late);
        self.tick += 1;
        let finished = result == Ok(true);
        match self.ticks_left {
            Some(_) if finished => self.end(Outcome::Stopped, LoggedCall::Tick),
            Some(left) if left <= 1 => self.shut_down(),
            _ if finished => self.end(Outcome::Finished, LoggedCall::Tick),
            _ => self.go_on(ended),
        }
    }

    /// Ends the match now, without asking the sim.
    pub(crate) fn abandon(self: Box<Self>) {
        self.end(Outcome::Stopped, LoggedCall::Tick);
    }

    fn go_on(mut self: Box<Self>, now: Instant) -> Next {
        self.ticks_left = self.ticks_left.map(|left| left - 1);
        self.recorder.flush_due(now, &self.ending.live, &*self.ending.registry.reports);
        let dropped = self.grid.advance(now);
        if dropped > 0 {
            self.ending.live.edit().dropped_periods += dropped;
        }
        Next::Tick(self, now)
    }

    fn shut_down(mut self: Box<Self>) -> Next {
        let result = self.guest.shutdown();
        self.ending.report_log(&mut self.guest, self.tick);
        self.hand_on();
        self.ending.live.edit().record_fuel(self.guest.fuel_used());
        let tick = Some(self.tick);
        let outcome =
            result.map_or_else(|fault| Outcome::Faulted(fault.at(tick)), |()| Outcome::Stopped);
        self.end(outcome, LoggedCall::Shutdown)
    }

    /// Turns what came in since the last tick into events, in order.
    fn take_inputs(&mut self, now: Instant) {
        let grace = Duration::from_millis(self.limits.reconnect_grace_ms.into());
        for player in self.seats.take_gone(grace, now) {
            self.leave(player, 0);
        }
        let mut inputs = std::mem::take(&mut self.inputs);
        self.ending.live.inbox().take(&mut inputs);
        for input in inputs.drain(..) {
            self.take_input(input, now);
        }
        self.inputs = inputs;
    }

    fn take_input(&mut self, input: Input, now: Instant) {
        match input {
            Input::Connect { player, name, queue } => {
                if self.ending.live.inbox().is_barred(player) {
                    queue.close(super::CloseReason::Kicked(0));
                } else if self.seats.connect(player, queue) {
                    self.push(Event::Join { player, about: name });
                }
            }
            Input::Disconnect { player, link } => self.seats.disconnect(player, link, now),
            Input::Message { player, link, bytes } => {
                if self.seats.is_link(player, link) {
                    self.push(Event::Message { player, bytes });
                }
            }
            Input::Response { id, status, payload } => {
                self.fetches.ended(id);
                self.push(Event::Response { id, status, payload });
            }
            Input::Stop => self.ask_to_stop(),
        }
    }

    fn ask_to_stop(&mut self) {
        let ticks = u64::from(self.limits.stop_grace_ms) * u64::from(self.tick_hz) / 1_000;
        let ticks_left = i32::try_from(ticks).unwrap_or(i32::MAX).max(1);
        self.ticks_left = Some(ticks_left);
        self.push(Event::Stop { ticks_left });
        self.show(MatchState::Stopping);
    }

    fn push(&mut self, event: Event) {
        match self.guest.surface().push(event.clone()) {
            Ok(()) => self.recorder.event(event),
            Err(_) => self.ending.live.edit().dropped_messages += 1,
        }
    }

    fn leave(&mut self, player: PlayerId, reason: i32) {
        self.ending.live.inbox().bar(player);
        self.push(Event::Leave { player, reason });
    }

    /// Hands the tick's messages to the players, then removes the kicked ones.
    fn hand_on(&mut self) {
        let outbox = self.guest.surface().outbox();
        for message in outbox.messages() {
            self.seats.deliver(&message);
        }
        for kick in outbox.kicks() {
            self.ending.live.inbox().bar(kick.player);
            self.seats.kick(kick.player, kick.reason);
        }
    }

    fn record(&mut self, took: Duration, late: bool) {
        let fuel = self.guest.fuel_used();
        let memory_bytes = self.guest.memory_bytes() as u64;
        let gauges = self.guest.gauges_changed().then(|| self.guest.surface().gauges());
        self.times.record(took.as_micros() as u64);
        let mut status = self.ending.live.edit();
        status.record_tick(fuel, self.times);
        status.late_ticks += u64::from(late);
        status.memory_bytes = memory_bytes;
        status.players = self.seats.players();
        status.connected = self.seats.connected();
        status.fetches_in_flight = self.fetches.in_flight();
        if let Some(gauges) = gauges {
            status.gauges = gauges;
        }
    }

    fn show(&mut self, state: MatchState) {
        self.ending.live.edit().state = state;
    }

    /// Ends the match after that call: its log is closed, its slot given back, its players are
    /// told, then everybody else.
    fn end(mut self: Box<Self>, outcome: Outcome, call: LoggedCall) -> Next {
        let Self { guest, seats, ending, recorder, tick, .. } = &mut *self;
        recorder.end(*tick, recorder::ending(&outcome, call), guest.surface());
        recorder.flush(&ending.live, &*ending.registry.reports);
        let result = guest.surface().result().map(<[u8]>::to_vec);
        seats.close(ending.registry.close_reason(&outcome));
        ending.outcome = Some((outcome, result));
        Next::Ended
    }
}

fn header(spec: &MatchSpec) -> MatchHeader {
    MatchHeader {
        module: spec.program.sha256(),
        fingerprint: spec.program.engine().fingerprint(),
        tick_hz: spec.tick_hz,
        seed: spec.seed,
        hash_every: spec.program.engine().limits().hash_every_ticks,
        config: Arc::clone(&spec.config),
    }
}

/// How long a record of the input log may wait; `None` if there is no log.
fn patience(limits: &MatchLimits) -> Option<Duration> {
    match limits.log {
        LogMode::Off => None,
        LogMode::Strict => Some(Duration::ZERO),
        LogMode::Relaxed => Some(Duration::from_millis(limits.log_delay_ms.into())),
    }
}

/// Tells the end of a match when it is dropped, so that no way out of a runner, not even a
/// panic, leaves a match that nobody ends.
struct Ending {
    live: LiveMatch,
    registry: Arc<Registry>,
    outcome: Option<(Outcome, Option<Vec<u8>>)>,
}

impl Ending {
    fn new(live: LiveMatch, registry: Arc<Registry>) -> Self {
        Self { live, registry, outcome: None }
    }

    fn fault<T>(mut self, fault: Fault) -> Option<T> {
        self.outcome = Some((Outcome::Faulted(fault), None));
        None
    }

    fn report_log(&self, guest: &mut Guest, tick: i64) {
        let log = guest.surface().log();
        if log.is_empty() && log.dropped() == 0 {
            return;
        }
        self.live.edit().dropped_log_lines = log.dropped();
        let line =
            |line: lattice_surface::LogLine| LogLine { tick, level: line.level, text: line.text };
        let lines: Vec<_> = log.drain().into_iter().map(line).collect();
        if !lines.is_empty() {
            self.registry.reports.logs(self.live.id(), lines);
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let panicked = || {
            let fault = Fault::new(FaultKind::Host, "host", "the host failed in this match's tick");
            (Outcome::Faulted(fault), None)
        };
        let (outcome, result) = self.outcome.take().unwrap_or_else(panicked);
        let reason = self.registry.close_reason(&outcome);
        let status = {
            let mut status = self.live.edit();
            status.state = MatchState::Ended;
            status.clone()
        };
        self.live.inbox().end(reason);
        let end = MatchEnd {
            outcome,
            ticks: status.ticks,
            result,
            fuel: status.fuel_total,
            dropped_periods: status.dropped_periods,
            dropped_log_lines: status.dropped_log_lines,
        };
        self.registry.reports.ended(self.live.id(), end);
        self.registry.remove(self.live.id());
    }
}
