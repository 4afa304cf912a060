//! Replay: the same match again from its input log, compared with what was logged, as fast as the
//! machine runs it. Never sends or waits for anything.

use std::{ops::ControlFlow, sync::Arc};

use lattice_policies::Sha256;
use lattice_surface::{
    InputLog, LoggedCall, LoggedEnd, LoggedEnding, MatchHeader, Phase, TickInputs,
};
use thiserror::Error;

use crate::{
    fault::Fault,
    guest::{Fuel, Guest},
    program::Program,
};

/// Time for one call. The deadline is no part of a match, and a replay yields to others; fuel is,
/// and ends a call that goes on for ever.
const PATIENCE_MS: u64 = 600_000;

/// Why a log can't be replayed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReplayError {
    #[error("the input log is of the module {logged}, and this is {given}")]
    OtherModule { logged: Sha256, given: Sha256 },
    #[error(
        "the input log was written under another engine or policy ({logged}; here it is {here}), \
         where fuel and limits may end a tick elsewhere"
    )]
    OtherEngine { logged: Sha256, here: Sha256 },
    #[error("as many replays run already as may at once; try again in a moment")]
    Busy,
    #[error("the host has no room for a replay: {0}")]
    Host(Fault),
}

/// What a replay came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replayed {
    /// Ticks that were run and count.
    pub ticks: i64,
    /// The transcript's chain after them.
    pub transcript: Sha256,
    /// Fuel used over all of it, `init` included.
    pub fuel: Fuel,
    /// How far it came.
    pub extent: Extent,
}

/// How far a replay came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Extent {
    /// To the match's end, which was the same.
    End,
    /// To the last input of a log that has no end, or to where it was told to stop.
    Partial,
    /// To the first place where it is not the match that was logged.
    Differs(Difference),
}

/// The first place where a replay is not what was logged.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Difference {
    #[error("after tick {tick} the transcript's hash was {logged}, and is {replayed}")]
    Transcript { tick: i64, logged: Sha256, replayed: Sha256 },
    #[error("in tick {tick} the sim asked for {logged} web fetches, and now for {replayed}")]
    Requests { tick: i64, logged: usize, replayed: usize },
    #[error("tick {tick} ended so: {logged}; and now so: {replayed}")]
    Ending { tick: i64, logged: String, replayed: String },
}

/// A call of a replay, as it has just been run.
#[derive(Debug, Clone, Copy)]
pub struct ReplayedTick<'a> {
    /// -1 for `init`; as many as there were ticks for `shutdown`.
    pub tick: i64,
    pub fuel: Fuel,
    /// The transcript's chain after it.
    pub transcript: Sha256,
    /// What the sim said in it, as the transcript has it.
    pub said: &'a [u8],
}

/// Sees every call of a replay, and may break it off.
pub type Watch<'a> = &'a mut dyn FnMut(ReplayedTick<'_>) -> ControlFlow<()>;

/// Runs a match again from its log, up to tick `to` (that one included) or to the log's end.
pub(crate) fn replay(
    program: &Program,
    log: &InputLog,
    to: Option<i64>,
    watch: Watch<'_>,
) -> Result<Replayed, ReplayError> {
    check(program, &log.header)?;
    let guest = Guest::new(program, Arc::clone(&log.header.config), Arc::default());
    let mut guest = guest.map_err(ReplayError::Host)?;
    guest.set_deadline(PATIENCE_MS);
    let mut run = Run { guest, ticks: 0, fuel: 0, watch };
    let extent = match run.through(log, to.unwrap_or(i64::MAX)) {
        Ok(()) => Extent::End,
        Err(Stop::Here) => Extent::Partial,
        Err(Stop::Differs(difference)) => Extent::Differs(difference),
    };
    let transcript = run.guest.surface().transcript();
    Ok(Replayed { ticks: run.ticks, transcript, fuel: run.fuel, extent })
}

fn check(program: &Program, header: &MatchHeader) -> Result<(), ReplayError> {
    let (logged, given) = (header.module, program.sha256());
    if logged != given {
        return Err(ReplayError::OtherModule { logged, given });
    }
    let (logged, here) = (header.fingerprint, program.engine().fingerprint());
    if logged == here { Ok(()) } else { Err(ReplayError::OtherEngine { logged, here }) }
}

/// A match that is run again.
struct Run<'a> {
    guest: Guest,
    /// Ticks that were run and count.
    ticks: i64,
    fuel: Fuel,
    watch: Watch<'a>,
}

/// Why a run ends before the match's end.
enum Stop {
    Here,
    Differs(Difference),
}

/// How a call into the sim ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Called {
    GoesOn,
    Finished,
    Faulted(Fault),
}

impl Called {
    fn words(&self) -> String {
        match self {
            Called::GoesOn => "it went on".to_owned(),
            Called::Finished => "the sim finished".to_owned(),
            Called::Faulted(fault) => format!("fault {}", fault.kind),
        }
    }
}

impl Run<'_> {
    fn through(&mut self, log: &InputLog, to: i64) -> Result<(), Stop> {
        let mut inputs = log.inputs.iter().peekable();
        let called = self.init(&log.header, inputs.next_if(|inputs| inputs.tick < 0))?;
        if is_fault_of(log.end.as_ref(), LoggedCall::Init) || called != Called::GoesOn {
            return self.expect_fault(log.end.as_ref(), LoggedCall::Init, -1, &called);
        }
        while !self.is_over(log) {
            if self.ticks > to {
                return Err(Stop::Here);
            }
            let inputs = inputs.next_if(|inputs| inputs.tick == self.ticks);
            let called = self.tick(inputs, log.header.hashes_after(self.ticks))?;
            if let Called::Faulted(_) = called {
                return self.expect_fault(log.end.as_ref(), LoggedCall::Tick, self.ticks, &called);
            }
            self.expect_course(log.end.as_ref(), &called)?;
            self.ticks += 1;
        }
        match &log.end {
            Some(end) => self.finish(end),
            None => Err(Stop::Here),
        }
    }

    /// Whether no tick is left that the log knows of.
    fn is_over(&self, log: &InputLog) -> bool {
        match &log.end {
            Some(end) => {
                self.ticks >= end.ticks + i64::from(is_fault_of(Some(end), LoggedCall::Tick))
            }
            None => log.inputs.last().is_none_or(|last| last.tick < self.ticks),
        }
    }

    fn init(&mut self, header: &MatchHeader, inputs: Option<&TickInputs>) -> Result<Called, Stop> {
        let codes = inputs.map_or(&[][..], |inputs| &inputs.codes);
        self.guest.surface().replay_codes(codes);
        let called = match self.guest.init(header.seed, header.tick_hz) {
            Ok(()) => Called::GoesOn,
            Err(fault) => Called::Faulted(fault),
        };
        self.called(-1, inputs)?;
        Ok(called)
    }

    fn tick(&mut self, inputs: Option<&TickInputs>, hash: bool) -> Result<Called, Stop> {
        let surface = self.guest.surface();
        surface.replay_codes(inputs.map_or(&[][..], |inputs| &inputs.codes));
        surface.begin(Phase::Tick);
        for event in inputs.into_iter().flat_map(|inputs| &inputs.events) {
            // It was taken then, and the queue is as it was then.
            let _ = surface.push(event.clone());
        }
        let called = match self.guest.tick(self.ticks, hash) {
            Ok(false) => Called::GoesOn,
            Ok(true) => Called::Finished,
            Err(fault) => Called::Faulted(fault),
        };
        self.called(self.ticks, inputs)?;
        Ok(called)
    }

    /// Shows a call that was run, and compares it with the log's record of it.
    fn called(&mut self, tick: i64, inputs: Option<&TickInputs>) -> Result<(), Stop> {
        let fuel = self.guest.fuel_used();
        self.fuel += fuel;
        let surface = self.guest.surface();
        surface.log().drain();
        let (transcript, said) = (surface.transcript(), surface.said());
        let watched = (self.watch)(ReplayedTick { tick, fuel, transcript, said });
        let replayed = surface.codes().len();
        let logged = inputs.map_or(0, |inputs| inputs.codes.len());
        if logged != replayed {
            return Err(Stop::Differs(Difference::Requests { tick, logged, replayed }));
        }
        if let Some(inputs) = inputs {
            same_transcript(tick, inputs.transcript, transcript)?;
        }
        if watched.is_break() { Err(Stop::Here) } else { Ok(()) }
    }

    /// A tick that counts goes on, and the last one may finish.
    fn expect_course(&self, end: Option<&LoggedEnd>, called: &Called) -> Result<(), Stop> {
        let Some(end) = end else { return self.expect(called, &Called::GoesOn) };
        let is_last = self.ticks + 1 == end.ticks;
        match &end.ending {
            LoggedEnding::Finished if is_last => self.expect(called, &Called::Finished),
            LoggedEnding::Stopped if is_last => Ok(()),
            LoggedEnding::Faulted { call: LoggedCall::Tick, kind } if self.ticks == end.ticks => {
                Err(ended_otherwise(self.ticks, &format!("fault {kind}"), called))
            }
            _ => self.expect(called, &Called::GoesOn),
        }
    }

    fn expect(&self, called: &Called, logged: &Called) -> Result<(), Stop> {
        if called == logged {
            return Ok(());
        }
        Err(ended_otherwise(self.ticks, &logged.words(), called))
    }

    /// Holds a call that faulted, or should have, against the log's end.
    fn expect_fault(
        &self,
        end: Option<&LoggedEnd>,
        call: LoggedCall,
        tick: i64,
        called: &Called,
    ) -> Result<(), Stop> {
        let logged = match end.map(|end| &end.ending) {
            Some(LoggedEnding::Faulted { call: logged, kind }) if *logged == call => {
                format!("fault {kind}")
            }
            _ => Called::GoesOn.words(),
        };
        let is_there = call == LoggedCall::Init || end.is_some_and(|end| end.ticks == self.ticks);
        if is_there && called.words() == logged {
            return Ok(());
        }
        Err(ended_otherwise(tick, &logged, called))
    }

    /// What follows the last tick that counts.
    fn finish(&mut self, end: &LoggedEnd) -> Result<(), Stop> {
        let is_shut_down =
            end.ending == LoggedEnding::ShutDown || is_fault_of(Some(end), LoggedCall::Shutdown);
        if is_shut_down {
            self.guest.surface().replay_codes(&[]);
            let called = match self.guest.shutdown() {
                Ok(()) => Called::GoesOn,
                Err(fault) => Called::Faulted(fault),
            };
            self.called(self.ticks, None)?;
            self.expect_fault(Some(end), LoggedCall::Shutdown, self.ticks, &called)?;
        }
        same_transcript(self.ticks, end.transcript, self.guest.surface().transcript())
    }
}

fn is_fault_of(end: Option<&LoggedEnd>, call: LoggedCall) -> bool {
    let ending = end.map(|end| &end.ending);
    matches!(ending, Some(LoggedEnding::Faulted { call: logged, .. }) if *logged == call)
}

fn same_transcript(tick: i64, logged: Sha256, replayed: Sha256) -> Result<(), Stop> {
    if logged == replayed {
        return Ok(());
    }
    Err(Stop::Differs(Difference::Transcript { tick, logged, replayed }))
}

fn ended_otherwise(tick: i64, logged: &str, called: &Called) -> Stop {
    let (logged, replayed) = (logged.to_owned(), called.words());
    Stop::Differs(Difference::Ending { tick, logged, replayed })
}
