//! The runner of one match: owns its guest and its seats, and takes it from tick to tick. A
//! runner lives on one thread at a time: a worker's, or for a moment another's.

mod intake;
mod leaving;

use std::{
    collections::VecDeque,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use lattice_policies::{Code, policy::MatchLimits};
use lattice_surface::{LoggedCall, Phase, Segment, SharedRules, hashes_after, response_payload};

use self::leaving::log_lost;
use super::{
    LiveMatch, MatchSpec, MatchState,
    ending::Ending,
    fetches::OpenFetches,
    held::Pass,
    inbox::Input,
    origin::{Begun, Continued, Origin},
    recorder::{self, Recorder},
    seats::Seats,
};
use crate::{
    aside::Aside,
    fleet::Registry,
    grid::Grid,
    guest::{Copy, Guest, Moment},
    program::Program,
    reports::Outcome,
};

/// A memory of so many bytes is copied where its match runs; a larger one aside.
const COPIED_HERE: usize = 1 << 20;
/// Copies that may wait to become snapshots, in bytes.
const WAITING_COPIES: usize = 256 << 20;

/// A match that runs.
pub(crate) struct Runner {
    guest: Guest,
    seats: Seats,
    grid: Grid,
    limits: Arc<MatchLimits>,
    tick_hz: u16,
    hash_every: u32,
    moment: Moment,
    inputs: Vec<Input>,
    times: TickTimes,
    fetches: OpenFetches,
    recorder: Recorder,
    /// The tick before which the next snapshot is taken, and how many ticks lie between two.
    snapshot_at: i64,
    snapshot_every: i64,
    /// Who wants to have the match between two ticks.
    asked_for: VecDeque<mpsc::Sender<Box<Runner>>>,
    /// How it has ended, if that is still to be told.
    ended: Option<(Outcome, LoggedCall)>,
    /// Held last, so that the guest's slot is free again before the end is told.
    ending: Ending,
}

/// What a runner's thread has to do with it after a tick.
pub(crate) enum Next {
    /// The match goes on; it was this time when the tick had ended.
    Tick(Box<Runner>, Instant),
    /// [`Runner::aside`] is to be called where it makes no tick late.
    Aside(Box<Runner>),
    /// Another thread wants it, and places it again.
    HandOver(Box<Runner>, mpsc::Sender<Box<Runner>>),
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
    /// Makes the guest, and brings it to where its ticks go on. A fault on the way is the match's
    /// end, told as such.
    pub(crate) fn start(
        spec: &MatchSpec,
        live: LiveMatch,
        registry: Arc<Registry>,
    ) -> Option<Box<Self>> {
        let ending = Ending::new(live, registry, &spec.program);
        if let Some(stopping) = ending.registry.stopping() {
            ending.not_begun(stopping);
            return None;
        }
        let fetches = OpenFetches::new(ending.registry.egress.game(&spec.game));
        match &spec.origin {
            Origin::Init => match Begun::init(spec, fetches.rules()) {
                Ok(begun) => Self::init(spec, begun, fetches, ending),
                Err(fault) => ending.fault(fault),
            },
            Origin::Fork(snapshot) => match Begun::fork(spec, snapshot, fetches.rules()) {
                Ok(begun) => {
                    ending.registry.reports.started(ending.live.id(), begun.guest.isolation());
                    Some(Self::go_on_from(spec, begun, fetches, ending))
                }
                Err(fault) => ending.fault(fault),
            },
            Origin::Log(resume) => match Continued::of(spec, resume, fetches.rules(), || {
                ending.registry.stopping().is_some()
            }) {
                Ok(Continued::GoesOn(begun)) => {
                    let isolation = begun.guest.isolation();
                    let tick = begun.moment.tick;
                    ending.registry.reports.resumed(ending.live.id(), tick, isolation);
                    Some(Self::go_on_from(spec, begun, fetches, ending))
                }
                Ok(Continued::GivenUp) => ending.left(),
                Ok(Continued::HadEnded { outcome, ticks, replayed }) => {
                    ending.had_ended(outcome, ticks, replayed);
                    None
                }
                Err(fault) => ending.lost(fault.to_string()),
            },
        }
    }

    /// Calls the sim's `init`.
    fn init(
        spec: &MatchSpec,
        mut begun: Begun,
        mut fetches: OpenFetches,
        mut ending: Ending,
    ) -> Option<Box<Self>> {
        let limits = spec.program.engine().limits();
        let mut recorder = Recorder::new(limits, spec.tick_hz, &begun.records, -1);
        let guest = &mut begun.guest;
        let init = guest.init(spec.seed, spec.tick_hz);
        recorder.tick(-1, guest.surface());
        ending.report_log(guest, -1);
        begun.moment = Moment { tick: 0, fuel: guest.fuel_used(), ..begun.moment };
        ending.live.edit().record_fuel(guest.fuel_used());
        // A failed init sends nothing, but what it was refused is told.
        fetches.hand_on(guest.surface(), &ending.live, -1, recorder.held());
        if let Err(fault) = init {
            recorder.end(0, recorder::fault_ending(&fault, LoggedCall::Init), guest.surface());
            recorder.flush(0, &ending.live, &*ending.registry.reports);
            ending.transcript = Some(guest.surface().transcript());
            ending.isolation = guest.isolation().cloned();
            drop(begun);
            return ending.fault(fault);
        }
        // Ahead of the word that it runs: whoever has that finds its log.
        recorder.flush(0, &ending.live, &*ending.registry.reports);
        ending.registry.reports.started(ending.live.id(), begun.guest.isolation());
        Some(Self::new(spec, begun, recorder, fetches, ending))
    }

    /// A match that was run before: its players are away until they connect again, and what it
    /// waited for from the network does not come any more.
    fn go_on_from(
        spec: &MatchSpec,
        begun: Begun,
        fetches: OpenFetches,
        ending: Ending,
    ) -> Box<Self> {
        let limits = spec.program.engine().limits();
        let moment = begun.moment;
        let (hz, marked) = (spec.tick_hz, moment.tick - 1);
        let mut recorder = Recorder::new(limits, hz, &begun.records, marked);
        recorder.flush(moment.tick, &ending.live, &*ending.registry.reports);
        let mut runner = Self::new(spec, begun, recorder, fetches, ending);
        let Self { guest, seats, ending, .. } = &mut *runner;
        let surface = guest.surface();
        let inbox = ending.live.inbox();
        let kicked: Vec<_> = surface.outbox().kicks().iter().map(|kick| kick.player).collect();
        surface.left().iter().chain(&kicked).for_each(|player| inbox.bar(*player));
        let present = surface.roster().iter().filter(|player| !kicked.contains(player));
        seats.seat_away(present.copied(), Instant::now());
        for id in surface.in_flight() {
            inbox.respond(id, Code::HttpFailed.value(), response_payload(b"", b""));
        }
        ending.live.edit().resume(&moment);
        if moment.ends_at.is_some() {
            runner.show(MatchState::Stopping);
        }
        runner
    }

    fn new(
        spec: &MatchSpec,
        begun: Begun,
        recorder: Recorder,
        fetches: OpenFetches,
        ending: Ending,
    ) -> Box<Self> {
        let limits = Arc::clone(spec.program.engine().limits());
        let Begun { guest, moment, hash_every, ended, .. } = begun;
        let snapshot_every = if recorder.is_on() && spec.program.can_snapshot() {
            recorder::ticks_in(limits.snapshot_every_ms, spec.tick_hz)
        } else {
            0
        };
        let mut runner = Self {
            guest,
            seats: Seats::new(recorder.held()),
            grid: Grid::new(Instant::now(), spec.tick_hz, limits.late_ticks),
            limits,
            tick_hz: spec.tick_hz,
            hash_every,
            moment,
            inputs: Vec::new(),
            times: TickTimes::default(),
            fetches,
            recorder,
            snapshot_at: moment.tick + snapshot_every,
            snapshot_every,
            asked_for: VecDeque::new(),
            ended: ended.map(|outcome| (outcome, LoggedCall::Tick)),
            ending,
        };
        runner.show(MatchState::Running);
        Box::new(runner)
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

    /// Runs the first tick, unless the match was over already where an earlier host left it.
    pub(crate) fn begin(mut self: Box<Self>) -> Next {
        match self.ended.take() {
            Some((outcome, call)) => self.end(outcome, call),
            None if self.moment.ends_at.is_some_and(|at| at <= self.moment.tick) => {
                self.shut_down()
            }
            None => self.run_tick(Instant::now()),
        }
    }

    /// Runs the next tick, which begins now, and hands on what came of it.
    pub(crate) fn run_tick(mut self: Box<Self>, began: Instant) -> Next {
        let tick = self.moment.tick;
        match self.recorder.pass(tick, self.limits.held_bytes) {
            Pass::Free => {}
            Pass::Wait => return self.wait(began),
            Pass::Lost => return self.end(Outcome::Faulted(log_lost(tick)), LoggedCall::Tick),
        }
        let late = self.grid.is_late(began);
        self.release_fetches();
        self.guest.surface().begin(Phase::Tick);
        self.take_inputs(began);
        let result = self.guest.tick(tick, hashes_after(self.hash_every, tick));
        self.moment.fuel += self.guest.fuel_used();
        self.recorder.tick(tick, self.guest.surface());
        self.ending.report_log(&mut self.guest, tick);
        self.hand_on();
        let held = self.recorder.held();
        self.fetches.hand_on(self.guest.surface(), &self.ending.live, tick, held);
        // What is handed on counts: it takes the worker's time like the sim's own work.
        let ended = Instant::now();
        if let Err(fault) = result {
            self.ending.live.edit().record_fuel(self.guest.fuel_used());
            return self.end(Outcome::Faulted(fault), LoggedCall::Tick);
        }
        self.record(ended - began, late);
        self.moment.tick += 1;
        let finished = result == Ok(true);
        match self.moment.ends_at {
            Some(_) if finished => self.end(Outcome::Stopped, LoggedCall::Tick),
            Some(at) if at <= self.moment.tick => self.shut_down(),
            _ if finished => self.end(Outcome::Finished, LoggedCall::Tick),
            _ => self.go_on(ended),
        }
    }

    /// Does what takes longer than a tick may wait; gives the runner back if the match goes on.
    pub(crate) fn aside(mut self: Box<Self>) -> Option<Box<Self>> {
        if let Some((outcome, call)) = self.ended.take() {
            self.end_here(outcome, call);
            return None;
        }
        self.take_snapshot();
        Some(self)
    }

    /// A copy of the match as it stands between two ticks.
    pub(crate) fn copy(&mut self) -> Option<Copy> {
        self.guest.copy(self.moment)
    }

    /// Where [`aside`](Self::aside) is to be called.
    pub(crate) fn copies(&self) -> Arc<Aside> {
        Arc::clone(&self.ending.registry.copies)
    }

    pub(crate) fn program(&self) -> &Program {
        self.guest.program()
    }

    /// What the sim may fetch, as of now.
    pub(crate) fn rules(&self) -> Arc<SharedRules> {
        self.fetches.rules()
    }

    /// Goes on with another guest, which stands where this one does.
    pub(crate) fn switch(&mut self, guest: Guest, segment: Segment) {
        self.ending.runs(guest.program());
        self.guest = guest;
        self.recorder.segment(segment);
        self.flush();
    }

    /// Hands on all that came in until now.
    pub(crate) fn flush(&mut self) {
        let Self { recorder, moment, ending, .. } = self;
        recorder.flush(moment.tick, &ending.live, &*ending.registry.reports);
    }

    fn go_on(mut self: Box<Self>, now: Instant) -> Next {
        let Self { recorder, seats, moment, ending, .. } = &mut *self;
        recorder.flush_due(moment.tick, now, &ending.live, &*ending.registry.reports);
        seats.hand_on(moment.tick - 1);
        let dropped = self.grid.advance(now);
        if dropped > 0 {
            self.ending.live.edit().dropped_periods += dropped;
        }
        if let Some(to) = self.asked_for.pop_front() {
            return Next::HandOver(self, to);
        }
        if self.snapshot_every > 0 && self.moment.tick >= self.snapshot_at {
            return self.snapshot(now);
        }
        Next::Tick(self, now)
    }

    /// Lets a period go by: the match has said all that may wait for its log.
    fn wait(mut self: Box<Self>, now: Instant) -> Next {
        let dropped = 1 + self.grid.advance(now);
        self.ending.live.edit().dropped_periods += dropped;
        self.release_fetches();
        Next::Tick(self, now)
    }

    fn release_fetches(&mut self) {
        if let Some(held) = self.recorder.held() {
            self.fetches.release(held, &self.ending.live);
        }
    }

    /// Has a snapshot taken, if there is room for one.
    fn snapshot(mut self: Box<Self>, now: Instant) -> Next {
        let bytes = self.guest.memory_bytes();
        if self.ending.registry.seals.waiting() + bytes > WAITING_COPIES {
            self.snapshot_at += i64::from(self.tick_hz);
            return Next::Tick(self, now);
        }
        self.snapshot_at = self.moment.tick + self.snapshot_every;
        if bytes > COPIED_HERE {
            return Next::Aside(self);
        }
        self.take_snapshot();
        Next::Tick(self, now)
    }

    /// Copies the match; what becomes of the copy keeps no tick waiting. All that came in before
    /// is handed on before it.
    fn take_snapshot(&mut self) {
        self.flush();
        let Some(copy) = self.copy() else { return };
        let (id, reports) =
            (self.ending.live.id().clone(), Arc::clone(&self.ending.registry.reports));
        self.ending.registry.seals.run(self.guest.memory_bytes(), move || {
            // Without room it is let go: the one before, or the log alone, does as well.
            reports.snapshot(&id, &Arc::new(copy.seal()));
        });
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
}
