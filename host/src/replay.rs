//! Replay: the same match again from its input log, compared with what was logged, as fast as the
//! machine runs it; whole, from a snapshot, or up to where it goes on by itself. Never sends or
//! waits for anything.

mod called;

use std::{ops::ControlFlow, sync::Arc};

use lattice_policies::Sha256;
use lattice_surface::{
    Event, LogPart, LoggedCall, LoggedEnd, LoggedEnding, Phase, SharedRules, TickInputs,
};
use thiserror::Error;

use self::called::Called;
use crate::{
    fault::Fault,
    guest::{Fuel, Guest, Moment, RestoreError},
    program::Program,
    reports::Outcome,
    snapshot::Snapshot,
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
    #[error(
        "this part of the input log begins at tick {tick} with a snapshot, which is not given: a \
         replay of it needs one of tick {tick} or later"
    )]
    NoSnapshot { tick: i64 },
    #[error("the snapshot is of tick {tick}, which is not in this part of the input log")]
    Elsewhere { tick: i64 },
    #[error("the module's state can't be taken out: it does what no snapshot holds")]
    NotKept,
    #[error("the replay is not the match that was logged: {0}")]
    Differs(Difference),
    #[error("the match ended after {ticks} ticks, and tick {at} was asked for")]
    Ended { ticks: i64, at: i64 },
    #[error(transparent)]
    Restore(#[from] RestoreError),
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
    /// Fuel used from the match's beginning on, `init` included.
    pub fuel: Fuel,
    /// The state that it came to, if its module's state can be taken out and no call faulted.
    pub state: Option<Sha256>,
    /// What the sim had left by `lattice_ms_result`.
    pub result: Option<Vec<u8>>,
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

/// What a replay runs: a part of a log, from a snapshot in it or from the part's beginning.
#[derive(Debug, Clone, Copy)]
pub struct Stretch<'a> {
    pub part: LogPart<'a>,
    pub from: Option<&'a Snapshot>,
}

/// A match that was run again up to where it goes on by itself.
pub(crate) struct Resumed {
    pub(crate) guest: Guest,
    pub(crate) moment: Moment,
    /// How it ended before that, by itself, in ticks of which the log has nothing.
    pub(crate) ended: Option<Outcome>,
}

/// Runs a match again from its log, up to tick `to` (that one included) or to the log's end.
pub(crate) fn replay(
    program: &Program,
    stretch: &Stretch<'_>,
    to: Option<i64>,
    watch: Watch<'_>,
) -> Result<Replayed, ReplayError> {
    let mut run = Run::new(program, stretch, Arc::default(), watch)?;
    let extent = match run.through(stretch, to.unwrap_or(i64::MAX)) {
        Ok(()) => Extent::End,
        Err(Stop::Here) => Extent::Partial,
        Err(Stop::Differs(difference)) => Extent::Differs(difference),
    };
    let Run { mut guest, moment, last, .. } = run;
    let transcript = guest.surface().transcript();
    let result = guest.surface().result().map(<[u8]>::to_vec);
    let copy = guest.copy(moment).filter(|_| !matches!(last, Called::Faulted(_)));
    let state = copy.map(|copy| copy.seal().state());
    Ok(Replayed { ticks: moment.tick, transcript, fuel: moment.fuel, state, result, extent })
}

/// Runs a match again to where it stood before tick `at`, also where the log's last inputs are
/// long before that: whoever asks knows that those ticks were run, or would have been. It comes
/// less far where the match ends by itself, or is to be shut down, before. One that is broken off is
/// [`ReplayError::Ended`].
pub(crate) fn resume(
    program: &Program,
    stretch: &Stretch<'_>,
    at: i64,
    egress: Arc<SharedRules>,
    watch: Watch<'_>,
) -> Result<Resumed, ReplayError> {
    let mut run = Run::new(program, stretch, egress, watch)?;
    run.exactly = Some(at);
    let stop = run.through(stretch, i64::MAX);
    if let Err(Stop::Differs(difference)) = stop {
        return Err(ReplayError::Differs(difference));
    }
    let Run { mut guest, moment, last, has_ended, .. } = run;
    if !has_ended && moment.tick != moment.ends_at.map_or(at, |ends| at.min(ends)) {
        return Err(ReplayError::Ended { ticks: moment.tick, at });
    }
    let ended = last.outcome(moment).filter(|_| has_ended);
    guest.surface().go_live();
    guest.set_deadline(None);
    Ok(Resumed { guest, moment, ended })
}

/// The match as it stood before tick `at`.
pub(crate) fn state_at(
    program: &Program,
    stretch: &Stretch<'_>,
    at: i64,
    watch: Watch<'_>,
) -> Result<Snapshot, ReplayError> {
    let resumed = resume(program, stretch, at, Arc::default(), watch);
    let Resumed { mut guest, moment, .. } = resumed?;
    if moment.tick != at {
        return Err(ReplayError::Ended { ticks: moment.tick, at });
    }
    guest.snapshot(moment).ok_or(ReplayError::NotKept)
}

/// The guest that a replay of the stretch begins with, and where the match stands then.
fn begin(
    program: &Program,
    stretch: &Stretch<'_>,
    egress: Arc<SharedRules>,
) -> Result<(Guest, Moment), ReplayError> {
    let part = &stretch.part;
    check(program, part)?;
    let config = Arc::clone(&part.header.config);
    let mut begun = match stretch.from {
        Some(snapshot) if !part.has(snapshot.tick) => {
            return Err(ReplayError::Elsewhere { tick: snapshot.tick });
        }
        Some(snapshot) => (Guest::restore(program, snapshot, config, egress)?, snapshot.moment()),
        None if part.start.is_some() => {
            return Err(ReplayError::NoSnapshot { tick: part.first_tick() });
        }
        None => {
            let guest = Guest::new(program, config, egress).map_err(ReplayError::Host)?;
            (guest, Moment::BEFORE_INIT)
        }
    };
    begun.0.set_deadline(Some(PATIENCE_MS));
    Ok(begun)
}

fn check(program: &Program, part: &LogPart<'_>) -> Result<(), ReplayError> {
    let (logged, given) = (part.module(), program.sha256());
    if logged != given {
        return Err(ReplayError::OtherModule { logged, given });
    }
    let (logged, here) = (part.fingerprint(), program.fingerprint());
    if logged == here { Ok(()) } else { Err(ReplayError::OtherEngine { logged, here }) }
}

/// A match that is run again.
struct Run<'a> {
    guest: Guest,
    moment: Moment,
    /// The tick before which it stops, though the log may know of more, or of nothing so late.
    exactly: Option<i64>,
    /// How the last call ended.
    last: Called,
    /// The last call ended the match, in a tick of which the log has nothing.
    has_ended: bool,
    watch: Watch<'a>,
}

/// Why a run ends before the match's end.
enum Stop {
    Here,
    Differs(Difference),
}

impl<'a> Run<'a> {
    fn new(
        program: &Program,
        stretch: &Stretch<'_>,
        egress: Arc<SharedRules>,
        watch: Watch<'a>,
    ) -> Result<Self, ReplayError> {
        let (guest, moment) = begin(program, stretch, egress)?;
        Ok(Self { guest, moment, exactly: None, last: Called::GoesOn, has_ended: false, watch })
    }

    fn through(&mut self, stretch: &Stretch<'_>, to: i64) -> Result<(), Stop> {
        let part = &stretch.part;
        let from = stretch.from.map_or(-1, |snapshot| snapshot.tick);
        let passed = part.inputs.partition_point(|inputs| inputs.tick < from);
        let mut inputs = part.inputs[passed..].iter().peekable();
        if stretch.from.is_none() {
            let called = self.init(part, inputs.next_if(|inputs| inputs.tick < 0))?;
            if is_fault_of(part.end, LoggedCall::Init) || called != Called::GoesOn {
                return self.expect_fault(part.end, LoggedCall::Init, -1, &called);
            }
        }
        while self.has_next(part, to)? {
            let inputs = inputs.next_if(|inputs| inputs.tick == self.moment.tick);
            let called = self.tick(inputs, part.header.hashes_after(self.moment.tick))?;
            let is_last = part.end.is_none() && !part.has_inputs(self.moment.tick + 1);
            if self.exactly.is_some() && is_last && called != Called::GoesOn {
                self.has_ended = true;
                self.moment.tick += i64::from(called == Called::Finished);
                return Err(Stop::Here);
            }
            if let Called::Faulted(_) = called {
                return self.expect_fault(part.end, LoggedCall::Tick, self.moment.tick, &called);
            }
            self.expect_course(part.end, &called)?;
            self.moment.tick += 1;
        }
        match part.end {
            Some(end) => self.finish(end),
            None => Err(Stop::Here),
        }
    }

    /// Whether another tick is to be run; `false` where the log is at its end.
    fn has_next(&self, part: &LogPart<'_>, to: i64) -> Result<bool, Stop> {
        let tick = self.moment.tick;
        let has_ended = part.end.is_some_and(|end| {
            tick >= end.ticks + i64::from(is_fault_of(Some(end), LoggedCall::Tick))
        });
        match self.exactly {
            Some(at) if tick >= self.moment.ends_at.map_or(at, |ends| at.min(ends)) => {
                Err(Stop::Here)
            }
            Some(_) => Ok(!has_ended),
            None if has_ended || part.end.is_none() && is_over(part, tick) => Ok(false),
            None if tick > to => Err(Stop::Here),
            None => Ok(true),
        }
    }

    fn init(&mut self, part: &LogPart<'_>, inputs: Option<&TickInputs>) -> Result<Called, Stop> {
        let header = part.header;
        let codes = inputs.map_or(&[][..], |inputs| &inputs.codes);
        self.guest.surface().replay_codes(codes);
        let result = self.guest.init(header.seed, header.tick_hz);
        let called = self.course(result.map(|()| false));
        self.moment.tick = 0;
        self.called(-1, inputs)?;
        Ok(called)
    }

    fn tick(&mut self, inputs: Option<&TickInputs>, hash: bool) -> Result<Called, Stop> {
        let tick = self.moment.tick;
        let surface = self.guest.surface();
        surface.replay_codes(inputs.map_or(&[][..], |inputs| &inputs.codes));
        surface.begin(Phase::Tick);
        for event in inputs.into_iter().flat_map(|inputs| &inputs.events) {
            // It was taken then, and the queue is as it was then.
            let _ = surface.push(event.clone());
            if let Event::Stop { ticks_left } = event {
                self.moment.ends_at = Some(tick + i64::from(*ticks_left));
            }
        }
        let result = self.guest.tick(tick, hash);
        let called = self.course(result);
        self.called(tick, inputs)?;
        Ok(called)
    }

    /// How a call ended that may say that the sim has finished.
    fn course(&mut self, result: Result<bool, Fault>) -> Called {
        self.last = match result {
            Ok(false) => Called::GoesOn,
            Ok(true) => Called::Finished,
            Err(fault) => Called::Faulted(fault),
        };
        self.last.clone()
    }

    /// Shows a call that was run, and compares it with the log's record of it.
    fn called(&mut self, tick: i64, inputs: Option<&TickInputs>) -> Result<(), Stop> {
        let fuel = self.guest.fuel_used();
        self.moment.fuel += fuel;
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
        let is_last = self.moment.tick + 1 == end.ticks;
        match &end.ending {
            LoggedEnding::Finished if is_last => self.expect(called, &Called::Finished),
            LoggedEnding::Stopped if is_last => Ok(()),
            LoggedEnding::Faulted { call: LoggedCall::Tick, kind }
                if self.moment.tick == end.ticks =>
            {
                Err(ended_otherwise(self.moment.tick, &format!("fault {kind}"), called))
            }
            _ => self.expect(called, &Called::GoesOn),
        }
    }

    fn expect(&self, called: &Called, logged: &Called) -> Result<(), Stop> {
        if called == logged {
            return Ok(());
        }
        Err(ended_otherwise(self.moment.tick, &logged.words(), called))
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
        let is_there =
            call == LoggedCall::Init || end.is_some_and(|end| end.ticks == self.moment.tick);
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
            let result = self.guest.shutdown();
            let called = self.course(result.map(|()| false));
            self.called(self.moment.tick, None)?;
            self.expect_fault(Some(end), LoggedCall::Shutdown, self.moment.tick, &called)?;
        }
        same_transcript(self.moment.tick, end.transcript, self.guest.surface().transcript())
    }
}

/// Whether a part that has no end knows of nothing from that tick on.
fn is_over(part: &LogPart<'_>, tick: i64) -> bool {
    let last = part.inputs.last().map_or(-1, |last| last.tick);
    part.until.map_or(last < tick, |until| until <= tick)
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
