//! One match through a sim, call by call: from a log of what came in, or from made-up players.
//!
//! Owns the order of the calls and what is told of each. Never decides what a call means, and
//! holds nothing against the log: whoever is told does that.

use std::ops::ControlFlow;

use lattice_policies::Sha256;
use lattice_surface::{
    Event, InputLog, LoggedCall, LoggedEnding, Phase, Surface, TickInputs, hashes_after,
};
use thiserror::Error;

/// A sim that can be called: the sandbox's, or the one that this program is linked with.
pub trait Sim {
    /// Runs the static constructors, if they have not run, and `lattice_sim_init`.
    fn init(&mut self, seed: u64, tick_hz: u16) -> Course;
    /// Runs one tick, which has been begun on the surface and has its events there, and with `hash`
    /// the sim's digest of its state, if there.
    fn tick(&mut self, tick: i64, hash: bool) -> Course;
    /// Runs `lattice_sim_shutdown`, if there.
    fn shutdown(&mut self) -> Course;
    /// Looks at the match's surface, between two calls.
    fn surface<T>(&mut self, look: impl FnOnce(&mut Surface) -> T) -> T;
}

/// How a call into a sim ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Course {
    GoesOn,
    /// The sim said that it has finished.
    Finished,
    /// It counts for nothing, by a fault of this kind.
    Faulted(String),
}

/// A call that has just been made.
#[derive(Debug)]
pub struct Called<'a> {
    /// -1 for `init`; as many as there were ticks for `shutdown`.
    pub tick: i64,
    pub course: &'a Course,
    /// The transcript's chain after it.
    pub transcript: Sha256,
    /// What the sim said in it, as the transcript has it.
    pub said: &'a [u8],
}

/// Is told of every call, and may break the match off.
pub type Told<'a> = &'a mut dyn FnMut(&Called<'_>) -> ControlFlow<()>;

/// How far a match was run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// To its end, or to the last input of a log that has no end.
    Through,
    /// To a call that ended the match, or until it was told to stop.
    Ended,
    /// To the call that faulted in the sandbox in a way that no native program can.
    BeforeFault { tick: i64, kind: String },
}

/// The kind of a fault that the sim itself declares: the only one that comes natively too.
pub(crate) const SIM: &str = "SIM";

/// Why no native program can play a log: one goes through a match from its start, and has one
/// module's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("at tick {tick} the log goes on from a snapshot, which a native program has not")]
pub struct FromSnapshot {
    pub tick: i64,
}

/// Whether a native program can play a log, as far as its match goes.
pub fn check_playable(log: &InputLog) -> Result<(), FromSnapshot> {
    log.segments.first().map_or(Ok(()), |segment| Err(FromSnapshot { tick: segment.tick }))
}

/// Runs a match again from its log, which is one that [`check_playable`] lets pass.
pub fn replay(sim: &mut impl Sim, log: &InputLog, told: Told<'_>) -> Extent {
    let mut run = Run { sim, told, hash_every: log.header.hash_every };
    let mut inputs = log.inputs.iter().peekable();
    if let Some(kind) = fault_in(log, LoggedCall::Init).filter(|kind| *kind != SIM) {
        return Extent::BeforeFault { tick: -1, kind: kind.to_owned() };
    }
    let (seed, tick_hz) = (log.header.seed, log.header.tick_hz);
    let answers = Some(codes(inputs.next_if(|inputs| inputs.tick < 0)));
    if run.init(seed, tick_hz, answers).is_break() {
        return Extent::Ended;
    }
    for tick in 0..ticks(log) {
        let inputs = inputs.next_if(|inputs| inputs.tick == tick);
        let events = |_: &mut Surface| inputs.map_or_else(Vec::new, |it| it.events.clone());
        if run.tick(tick, Some(codes(inputs)), events).is_break() {
            return Extent::Ended;
        }
    }
    run.finish(log)
}

/// Ticks that a native program can run: those that count, and one in which the sim itself faults.
fn ticks(log: &InputLog) -> i64 {
    match &log.end {
        Some(end) => end.ticks + i64::from(fault_in(log, LoggedCall::Tick) == Some(SIM)),
        None => log.inputs.last().map_or(0, |last| last.tick + 1),
    }
}

fn codes(inputs: Option<&TickInputs>) -> &[i32] {
    inputs.map_or(&[], |inputs| &inputs.codes)
}

/// The kind of the fault by which the match ended in that call.
fn fault_in(log: &InputLog, call: LoggedCall) -> Option<&str> {
    match &log.end.as_ref()?.ending {
        LoggedEnding::Faulted { call: logged, kind } if *logged == call => Some(kind),
        _ => None,
    }
}

/// A match that is being run.
pub(crate) struct Run<'a, S> {
    pub(crate) sim: &'a mut S,
    pub(crate) told: Told<'a>,
    /// After how many ticks the sim's digest is taken again; 0 for never.
    pub(crate) hash_every: u32,
}

impl<S: Sim> Run<'_, S> {
    /// Without `answers` the surface itself answers requests. Breaks when the match is over.
    pub(crate) fn init(
        &mut self,
        seed: u64,
        tick_hz: u16,
        answers: Option<&[i32]>,
    ) -> ControlFlow<Course> {
        self.answer(answers);
        let course = self.sim.init(seed, tick_hz);
        self.tell(-1, course)
    }

    /// Runs a tick with the events that `events` makes once the tick has begun.
    pub(crate) fn tick(
        &mut self,
        tick: i64,
        answers: Option<&[i32]>,
        events: impl FnOnce(&mut Surface) -> Vec<Event>,
    ) -> ControlFlow<Course> {
        self.answer(answers);
        self.sim.surface(|surface| {
            surface.begin(Phase::Tick);
            for event in events(surface) {
                // A full queue refuses it here as it did, or would have, in the match.
                let _ = surface.push(event);
            }
        });
        let course = self.sim.tick(tick, hashes_after(self.hash_every, tick));
        self.tell(tick, course)
    }

    pub(crate) fn shutdown(&mut self, tick: i64) -> ControlFlow<Course> {
        let course = self.sim.shutdown();
        self.tell(tick, course)
    }

    /// What follows the last tick.
    fn finish(&mut self, log: &InputLog) -> Extent {
        let Some(end) = &log.end else { return Extent::Through };
        let tick = end.ticks;
        match &end.ending {
            LoggedEnding::Faulted { call, kind }
                if *call != LoggedCall::Shutdown || kind != SIM =>
            {
                return Extent::BeforeFault { tick, kind: kind.clone() };
            }
            LoggedEnding::Cut { kind } => {
                return Extent::BeforeFault { tick, kind: kind.clone() };
            }
            LoggedEnding::Finished | LoggedEnding::Stopped => {}
            LoggedEnding::ShutDown | LoggedEnding::Faulted { .. } => {
                // What came of it has been told.
                let _ = self.shutdown(tick);
            }
        }
        Extent::Through
    }

    fn answer(&mut self, answers: Option<&[i32]>) {
        if let Some(codes) = answers {
            self.sim.surface(|surface| surface.replay_codes(codes));
        }
    }

    fn tell(&mut self, tick: i64, course: Course) -> ControlFlow<Course> {
        let told = &mut *self.told;
        let goes_on = self.sim.surface(|surface| {
            // Its lines are in the transcript, and would pile up here.
            surface.log().drain();
            let (transcript, said) = (surface.transcript(), surface.said());
            told(&Called { tick, course: &course, transcript, said })
        });
        match course {
            Course::GoesOn if goes_on.is_continue() => ControlFlow::Continue(()),
            course => ControlFlow::Break(course),
        }
    }
}
