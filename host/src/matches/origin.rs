//! From where a match goes on: from `init`, from its own log after its host has ended, or from a
//! snapshot of another match. Makes the guest, and runs no tick that was not run before.

use std::{ops::ControlFlow, sync::Arc};

use lattice_surface::{InputLog, LoggedEnding, MatchHeader, Record, Segment, SharedRules};

use super::MatchSpec;
use crate::{
    fault::{Fault, FaultKind},
    guest::{Guest, Moment, RestoreError},
    replay::{self, Extent, ReplayError, Replayed, ReplayedTick, Stretch},
    reports::Outcome,
    snapshot::Snapshot,
};

/// From where a match goes on.
#[derive(Clone, Default)]
pub enum Origin {
    /// From `init`.
    #[default]
    Init,
    /// From its own log.
    Log(Arc<Resume>),
    /// From a snapshot of another match of the same module.
    Fork(Arc<Snapshot>),
}

/// What is left of a match whose host has ended.
#[derive(Debug, Clone)]
pub struct Resume {
    /// All that is written of it.
    pub log: InputLog,
    /// One in the log's last part; needed if that part begins with one.
    pub snapshot: Option<Snapshot>,
    /// All ticks before this one were run, or may have been. It may be behind the log and the
    /// snapshot, where a crash came before it was written down.
    pub at: i64,
}

impl Resume {
    /// The tick that runs next.
    pub fn next(&self) -> i64 {
        let logged = self.log.inputs.last().map_or(0, |last| last.tick + 1);
        let kept = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.tick);
        self.at.max(logged).max(kept)
    }
}

/// A match that goes on.
pub(super) struct Begun {
    pub(super) guest: Guest,
    pub(super) moment: Moment,
    /// After how many ticks the sim's digest is taken again; 0 for never.
    pub(super) hash_every: u32,
    /// What its log goes on with.
    pub(super) records: Vec<Record>,
    /// How it ended, if it did in ticks that were run again and that its log says nothing of.
    pub(super) ended: Option<Outcome>,
}

/// What became of a match that was to go on from its log.
#[allow(clippy::large_enum_variant, reason = "there is one for a moment, when a match goes on")]
pub(super) enum Continued {
    GoesOn(Begun),
    /// It had ended, and only that was not told any more.
    HadEnded {
        outcome: Outcome,
        ticks: i64,
        replayed: Option<Replayed>,
    },
    /// It was broken off, and stays as it was left.
    GivenUp,
}

impl Begun {
    /// A new guest, whose `init` is still to be called.
    pub(super) fn init(spec: &MatchSpec, egress: Arc<SharedRules>) -> Result<Self, Fault> {
        let guest = Guest::new(&spec.program, Arc::clone(&spec.config), egress)?;
        let header = header(spec);
        let (moment, hash_every) = (Moment::BEFORE_INIT, header.hash_every);
        Ok(Self { guest, moment, hash_every, records: vec![Record::Header(header)], ended: None })
    }

    pub(super) fn fork(
        spec: &MatchSpec,
        snapshot: &Snapshot,
        egress: Arc<SharedRules>,
    ) -> Result<Self, Fault> {
        let header = header(spec);
        let mut begun = Self::segment(spec, snapshot, header.hash_every, egress)?;
        begun.records.insert(0, Record::Header(header));
        Ok(begun)
    }

    /// The match of a snapshot, which a new segment of a log begins with.
    fn segment(
        spec: &MatchSpec,
        snapshot: &Snapshot,
        hash_every: u32,
        egress: Arc<SharedRules>,
    ) -> Result<Self, Fault> {
        let config = Arc::clone(&spec.config);
        let mut guest =
            Guest::restore(&spec.program, snapshot, config, egress).map_err(of_restore)?;
        let records = vec![Record::Segment(segment(&mut guest, snapshot))];
        Ok(Self { guest, moment: snapshot.moment(), hash_every, records, ended: None })
    }
}

impl Continued {
    /// Runs the log's last part again, until `gives_up` says so. What another engine ran, it can't; it then goes on from
    /// the snapshot, if that is the match as it was left.
    pub(super) fn of(
        spec: &MatchSpec,
        resume: &Resume,
        egress: Arc<SharedRules>,
        gives_up: impl Fn() -> bool,
    ) -> Result<Self, Fault> {
        let (Resume { log, snapshot, .. }, at) = (resume, resume.next());
        let Some(part) = log.parts().pop() else { return Err(lost("its log is empty")) };
        let stretch = Stretch { part, from: snapshot.as_ref() };
        if log.end.is_some() {
            return Self::had_ended(spec, &stretch);
        }
        let hash_every = log.header.hash_every;
        let mut watch = |_: ReplayedTick<'_>| {
            if gives_up() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        match replay::resume(&spec.program, &stretch, at, Arc::clone(&egress), &mut watch) {
            Ok(replay::Resumed { guest, moment, ended }) => {
                Ok(Self::GoesOn(Begun { guest, moment, hash_every, records: Vec::new(), ended }))
            }
            Err(error @ (ReplayError::OtherEngine { .. } | ReplayError::OtherModule { .. })) => {
                let as_left = |snapshot: &&Snapshot| snapshot.tick == at;
                let snapshot = snapshot.as_ref().filter(as_left).ok_or_else(|| lost(&error))?;
                Begun::segment(spec, snapshot, hash_every, egress).map(Self::GoesOn)
            }
            Err(ReplayError::Ended { .. }) if gives_up() => Ok(Self::GivenUp),
            Err(error) => Err(lost(&error)),
        }
    }

    fn had_ended(spec: &MatchSpec, stretch: &Stretch<'_>) -> Result<Self, Fault> {
        let Some(end) = stretch.part.end else { return Err(lost("its log has no end")) };
        let outcome = match &end.ending {
            LoggedEnding::Finished => Outcome::Finished,
            LoggedEnding::Stopped | LoggedEnding::ShutDown => Outcome::Stopped,
            LoggedEnding::Faulted { kind, .. } | LoggedEnding::Cut { kind } => {
                let kind = FaultKind::named(kind).unwrap_or(FaultKind::Host);
                let told = "the host ended before it could tell more of it";
                Outcome::Faulted(Fault::new(kind, "sim", told).at(Some(end.ticks)))
            }
        };
        let mut watch = |_: ReplayedTick<'_>| ControlFlow::Continue(());
        let replayed = replay::replay(&spec.program, stretch, None, &mut watch).ok();
        let replayed = replayed.filter(|replayed| replayed.extent == Extent::End);
        Ok(Self::HadEnded { outcome, ticks: end.ticks, replayed })
    }
}

/// What a log begins with.
fn header(spec: &MatchSpec) -> MatchHeader {
    MatchHeader {
        module: spec.program.sha256(),
        fingerprint: spec.program.fingerprint(),
        tick_hz: spec.tick_hz,
        seed: spec.seed,
        hash_every: spec.program.engine().limits().hash_every_ticks,
        config: Arc::clone(&spec.config),
    }
}

/// The beginning of a segment with a guest that was made of that snapshot.
pub(crate) fn segment(guest: &mut Guest, snapshot: &Snapshot) -> Segment {
    Segment {
        tick: snapshot.tick,
        module: snapshot.module,
        fingerprint: guest.program().fingerprint(),
        state: snapshot.state(),
        transcript: guest.surface().transcript(),
    }
}

fn lost(why: &(impl ToString + ?Sized)) -> Fault {
    Fault::new(FaultKind::Host, "resume", why.to_string())
}

fn of_restore(error: RestoreError) -> Fault {
    match error {
        RestoreError::Host(fault) => fault,
        RestoreError::Snapshot(error) => lost(&error),
    }
}
