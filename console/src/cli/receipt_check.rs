//! What a receipt says, held against what there is: the signature, then the module, the input log,
//! and the match run again, up to the first thing that is not as the receipt says. Never prints.

use std::fmt::Display;

use lattice_host::replay::{Extent, ReplayError, Replayed};
use lattice_policies::{
    Policy, Sha256,
    admission::{self, Packaging, SCANNER},
};
use lattice_surface::{InputLog, LogPart, LoggedEnd, LoggedEnding};
use tempfile::TempDir;

use super::{
    CliError,
    terminal::bytes,
    verify_sandbox::{NoSandbox, Sandbox},
};
use crate::{
    packaging::{features, policy_id},
    receipt::{
        self, BuildPredicate, Ending, Import, MatchPredicate, Predicate, PublicKey, Statement,
    },
};

/// Why a check does not go on.
pub(super) enum Halt {
    /// What was found there is not what the receipt says, or can't be held against it.
    No {
        place: &'static str,
        why: String,
    },
    Failed(CliError),
}

pub(super) type Step<T = ()> = Result<T, Halt>;

/// What there is to be held against a receipt, and what was found to be as it says.
pub(super) struct Check {
    pub(super) module: Option<Vec<u8>>,
    pub(super) log: Option<Vec<u8>>,
    pub(super) policy: Policy,
    /// What was found to be so, by its place.
    pub(super) passed: Vec<(&'static str, String)>,
}

impl Check {
    /// Checks a receipt that one of the keys should have signed, and all that there is.
    pub(super) fn receipt(&mut self, receipt: &[u8], keys: &[PublicKey]) -> Step {
        let Statement { subject, predicate } =
            receipt::verify(receipt, keys).map_err(|error| no("receipt", error))?;
        self.passed.push(("receipt", format!("{}, signed with the key", subject.name)));
        match predicate {
            Predicate::Build(build) => self.build(subject.sha256, &build),
            Predicate::Match(played) => self.played(subject.sha256, &played),
            Predicate::AuditHead(_) => self.no_files("the audit's end"),
        }
    }

    fn build(&mut self, sha256: Sha256, stated: &BuildPredicate) -> Step {
        if self.log.is_some() {
            return Err(no("log", "the receipt is of a build, which has no input log"));
        }
        let Some(module) = self.module.take() else { return Ok(()) };
        same("module", "its SHA-256", Sha256::of(&module), sha256)?;
        same("module", "its size in bytes", module.len() as u64, stated.size)?;
        self.passed.push(("module", format!("{}, SHA-256 {sha256}", bytes(stated.size))));
        same("scan", "the scanner's version", SCANNER, stated.scanner)?;
        let packaging = stated.packaging.unwrap_or(Packaging::Wasm);
        let policy = policy_id(&self.policy, packaging);
        same("scan", "the policy's fingerprint", policy, stated.policy)?;
        let admitted = admission::scan(packaging, module, &self.policy)
            .map_err(|_| no("scan", "the module is refused; `lattice scan` says why"))?;
        let imports: Vec<_> = admitted.imports().iter().map(|name| Import::of(name)).collect();
        same("scan", "the imports", listed(&imports), listed(&stated.imports))?;
        let features = features(packaging).join(", ");
        same("scan", "the features", features, stated.features.join(", "))?;
        self.passed.push(("scan", format!("admitted, with {} imports", imports.len())));
        Ok(())
    }

    fn played(&mut self, transcript: Sha256, stated: &MatchPredicate) -> Step {
        let module = self.module.take();
        if let Some(module) = &module {
            same("module", "its SHA-256", Sha256::of(module), stated.module)?;
            self.passed.push(("module", format!("SHA-256 {}", stated.module)));
        }
        let Some(log) = self.log(transcript, stated)? else { return Ok(()) };
        match module {
            Some(module) => self.replay(module, &log, transcript, stated),
            None => Ok(()),
        }
    }

    /// The log, if one was given, which is the one that the receipt names, and of its match.
    fn log(&mut self, transcript: Sha256, stated: &MatchPredicate) -> Step<Option<InputLog>> {
        let Some(log) = self.log.take() else { return Ok(None) };
        let digest = stated.input_log.as_ref();
        let digest =
            digest.ok_or_else(|| no("log", "the receipt names none: the host kept none"))?;
        same("log", "its size in bytes", log.len() as u64, digest.bytes)?;
        same("log", "its SHA-256", Sha256::of(&log), digest.sha256)?;
        let log = InputLog::read(&log).map_err(|error| no("log", error))?;
        let header = &log.header;
        same("log", "its module", header.module, stated.module)?;
        same("log", "its seed", header.seed.to_string(), stated.seed.clone())?;
        same("log", "its ticks a second", header.tick_hz, stated.tick_hz)?;
        same("log", "its config's SHA-256", Sha256::of(&header.config), stated.config)?;
        if let Some(end) = &log.end {
            same("log", "its transcript's hash", end.transcript, transcript)?;
            same("log", "its ticks", end.ticks, stated.ticks)?;
            same("log", "how it ended", ending(end), told(&stated.ending))?;
        }
        self.passed.push(("log", format!("{}, SHA-256 {}", bytes(digest.bytes), digest.sha256)));
        Ok(Some(log))
    }

    /// Runs the match again. What a part of it began with is not in its log, so that one that was
    /// forked, or went on under another module or engine, is not proved by its files.
    fn replay(
        &mut self,
        module: Vec<u8>,
        log: &InputLog,
        transcript: Sha256,
        stated: &MatchPredicate,
    ) -> Step {
        let [part @ LogPart { start: None, .. }] = log.parts()[..] else {
            return Err(no("replay", BEGAN_ELSEWHERE));
        };
        let packaging = stated.packaging.unwrap_or(Packaging::Wasm);
        same("module", "its packaging", Packaging::of(&module), packaging)?;
        let folder = TempDir::with_prefix("lattice-receipt-").map_err(failed)?;
        let sandbox = Sandbox::new(module, &self.policy, folder.path()).map_err(not_run)?;
        same("replay", ENGINE, sandbox.fingerprint(), stated.engine)?;
        same("replay", "the hash of what is compiled", sandbox.runs(), stated.runs)?;
        let replayed = sandbox.replay(part).map_err(not_replayed)?;
        match &replayed.extent {
            Extent::Differs(difference) => return Err(no("replay", difference)),
            Extent::Partial => return Err(no("replay", CUT)),
            Extent::End => {}
        }
        same("replay", "the transcript's hash", replayed.transcript, transcript)?;
        same("replay", "the ticks", replayed.ticks, stated.ticks)?;
        self.passed.push(("replay", format!("{} ticks, transcript {transcript}", stated.ticks)));
        self.left(&replayed, stated)
    }

    /// What the match left. A state that the host did not tell, as where the machine ended a call,
    /// is not missed.
    fn left(&mut self, replayed: &Replayed, stated: &MatchPredicate) -> Step {
        let result = replayed.result.as_deref().map(Sha256::of);
        same("result", "its SHA-256", or_none(result), or_none(stated.result))?;
        if let Some(result) = result {
            self.passed.push(("result", format!("SHA-256 {result}")));
        }
        if let Some(state) = stated.state {
            same("state", "its SHA-256", or_none(replayed.state), or_none(stated.state))?;
            self.passed.push(("state", format!("SHA-256 {state}")));
        }
        Ok(())
    }

    fn no_files(&self, what: &str) -> Step {
        if self.module.is_none() && self.log.is_none() {
            return Ok(());
        }
        Err(no("receipt", format_args!("it is of {what}, and says nothing of a module or a log")))
    }
}

const ENGINE: &str =
    "the fingerprint of engine and policy (is it the host's lattice, and its policy by --policy?)";

const BEGAN_ELSEWHERE: &str = "a part of the match began with a stored state, which its log does \
    not hold: `lattice replay` has the host run it again";
const CUT: &str = "it comes as far as the log goes, which was cut before the match's end";

/// A machine that can't run the module proves nothing, nor does it disprove it.
fn not_run(none: NoSandbox) -> Halt {
    match none {
        NoSandbox::Tier(why) => no("replay", format_args!("it was not run again: {why}")),
        NoSandbox::Failed(error) => Halt::Failed(error),
    }
}

fn not_replayed(error: ReplayError) -> Halt {
    match error {
        ReplayError::Busy | ReplayError::Host(_) => failed(error),
        error => no("replay", error),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "most are made for it")]
fn same<T: PartialEq + Display>(place: &'static str, what: &str, found: T, stated: T) -> Step {
    if found == stated {
        return Ok(());
    }
    Err(no(place, format_args!("{what} is {found}, and the receipt says {stated}")))
}

fn no(place: &'static str, why: impl Display) -> Halt {
    Halt::No { place, why: why.to_string() }
}

fn failed(error: impl Display) -> Halt {
    Halt::Failed(CliError::failed(error))
}

fn listed(imports: &[Import]) -> String {
    let listed: Vec<_> =
        imports.iter().map(|import| format!("{} {}", import.name, import.signature)).collect();
    listed.join(", ")
}

/// An end in the words of a receipt's.
fn ending(end: &LoggedEnd) -> String {
    match &end.ending {
        LoggedEnding::Finished => "finished".to_owned(),
        LoggedEnding::ShutDown | LoggedEnding::Stopped => "stopped".to_owned(),
        LoggedEnding::Faulted { kind, .. } | LoggedEnding::Cut { kind } => {
            format!("faulted: {kind}")
        }
    }
}

fn told(ending: &Ending) -> String {
    match &ending.fault {
        Some(kind) => format!("{}: {kind}", ending.state),
        None => ending.state.clone(),
    }
}

fn or_none(hash: Option<Sha256>) -> String {
    hash.map_or_else(|| "none".to_owned(), |hash| hash.to_string())
}

#[cfg(test)]
mod tests;
