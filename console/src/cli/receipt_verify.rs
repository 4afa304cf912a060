//! `lattice receipt verify`: holds a receipt against a key, and a module and an input log against
//! the receipt, thing by thing, and says at which one it is not so. Never asks a server.

use std::{fmt::Display, fs, ops::ControlFlow, path::PathBuf};

use clap::Args;
use lattice_host::replay::{Extent, ReplayError, ReplayedTick};
use lattice_policies::{
    Policy, Sha256,
    admission::{self, SCANNER, feature_names},
};
use lattice_surface::{InputLog, LoggedEnd, LoggedEnding, Said};
use tempfile::TempDir;

use super::{
    CliError, scan,
    terminal::{self, Tone, bytes, paint, printable},
    verify_sandbox::Sandbox,
};
use crate::receipt::{
    self, BuildPredicate, Ending, Import, MatchPredicate, Predicate, PublicKey, Statement,
};

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The receipt
    file: PathBuf,
    /// The public key of the host, its KEYID.pub; one of several, where given more than once
    #[arg(long = "key", value_name = "FILE", required = true)]
    keys: Vec<PathBuf>,
    /// The module that the receipt is of, or that the match ran
    #[arg(long, value_name = "FILE")]
    module: Option<PathBuf>,
    /// The match's input log; with the module, the match is run again
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// The host's policy; without it the one that ships with lattice
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

pub(super) fn run(args: &Verify) -> Result<(), CliError> {
    let receipt = read(&args.file)?;
    let keys = args.keys.iter().map(key).collect::<Result<Vec<_>, _>>()?;
    let mut check = Check {
        module: args.module.as_ref().map(read).transpose()?,
        log: args.log.as_ref().map(read).transpose()?,
        policy: scan::policy(args.policy.as_deref())?,
        passed: Vec::new(),
    };
    let halted = check.receipt(&receipt, &keys).err();
    let mut lines: Vec<_> =
        check.passed.iter().map(|(place, text)| line("yes", place, text)).collect();
    let outcome = match halted {
        None => Ok(()),
        Some(Halt::Failed(error)) => Err(error),
        Some(Halt::No { place, why }) => {
            lines.push(line("no", place, &why));
            Err(CliError::Refused)
        }
    };
    terminal::print(&(lines.join("\n") + "\n"))?;
    outcome
}

fn read(path: &PathBuf) -> Result<Vec<u8>, CliError> {
    fs::read(path).map_err(CliError::unreadable(path))
}

fn key(path: &PathBuf) -> Result<PublicKey, CliError> {
    let text = fs::read_to_string(path).map_err(CliError::unreadable(path))?;
    let bad = || CliError::usage(format!("{}: no Ed25519 public key in PEM", path.display()));
    PublicKey::from_pem(&text).ok_or_else(bad)
}

fn line(answer: &str, place: &str, text: &str) -> String {
    let tone = if answer == "yes" { Tone::Good } else { Tone::Bad };
    let answer = paint(tone, &format!("{answer:<3}"));
    format!("{answer}  {place:<9}  {}", printable(text))
}

/// Why a check does not go on.
enum Halt {
    /// What was found there is not what the receipt says, or can't be held against it.
    No {
        place: &'static str,
        why: String,
    },
    Failed(CliError),
}

type Step<T = ()> = Result<T, Halt>;

/// What there is to be held against a receipt, and what was found to be as it says.
struct Check {
    module: Option<Vec<u8>>,
    log: Option<Vec<u8>>,
    policy: Policy,
    passed: Vec<(&'static str, String)>,
}

impl Check {
    fn receipt(&mut self, receipt: &[u8], keys: &[PublicKey]) -> Step {
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
        let Some(wasm) = self.module.take() else { return Ok(()) };
        same("module", "its SHA-256", Sha256::of(&wasm), sha256)?;
        same("module", "its size in bytes", wasm.len() as u64, stated.size)?;
        self.passed.push(("module", format!("{}, SHA-256 {sha256}", bytes(stated.size))));
        same("scan", "the scanner's version", SCANNER, stated.scanner)?;
        same("scan", "the policy's fingerprint", self.policy.fingerprint(), stated.policy)?;
        let admitted = admission::scan(wasm, &self.policy.admission)
            .map_err(|_| no("scan", "the module is refused; `lattice scan` says why"))?;
        let imports: Vec<_> = admitted.imports().iter().map(|name| Import::of(name)).collect();
        same("scan", "the imports", listed(&imports), listed(&stated.imports))?;
        same("scan", "the features", feature_names().join(", "), stated.features.join(", "))?;
        self.passed.push(("scan", format!("admitted, with {} imports", imports.len())));
        Ok(())
    }

    fn played(&mut self, transcript: Sha256, stated: &MatchPredicate) -> Step {
        let wasm = self.module.take();
        if let Some(wasm) = &wasm {
            same("module", "its SHA-256", Sha256::of(wasm), stated.module)?;
            self.passed.push(("module", format!("SHA-256 {}", stated.module)));
        }
        let Some(log) = self.log(transcript, stated)? else { return Ok(()) };
        match wasm {
            Some(wasm) => self.replay(wasm, &log, transcript, stated),
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
        wasm: Vec<u8>,
        log: &InputLog,
        transcript: Sha256,
        stated: &MatchPredicate,
    ) -> Step {
        if stated.forked_from.is_some() || !stated.segments.is_empty() {
            let why = "a part of the match began with a stored state, which its log does not hold: \
                       `lattice replay` has the host run it again";
            return Err(no("replay", why));
        }
        let folder = TempDir::with_prefix("lattice-receipt-").map_err(failed)?;
        let sandbox =
            Sandbox::new(wasm, self.policy.clone(), folder.path()).map_err(Halt::Failed)?;
        same("replay", ENGINE, sandbox.fingerprint(), stated.engine)?;
        let mut result = None;
        let replayed = sandbox.replay(log, |tick| keep_result(&mut result, &tick));
        let replayed = replayed.map_err(not_replayed)?;
        match replayed.extent {
            Extent::Differs(difference) => return Err(no("replay", difference)),
            Extent::Partial => {
                let why = "it comes as far as the log goes, which was cut before the match's end";
                return Err(no("replay", why));
            }
            Extent::End => {}
        }
        same("replay", "the transcript's hash", replayed.transcript, transcript)?;
        same("replay", "the ticks", replayed.ticks, stated.ticks)?;
        same("result", "its SHA-256", told_result(result), told_result(stated.result))?;
        let ticks = replayed.ticks;
        self.passed.push(("replay", format!("{ticks} ticks, transcript {transcript}")));
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

/// The last one that was set counts.
fn keep_result(result: &mut Option<Sha256>, tick: &ReplayedTick<'_>) -> ControlFlow<()> {
    let mut said = tick.said;
    while let Some(said) = Said::take(&mut said) {
        if let Said::Result { bytes } = said {
            *result = Some(Sha256::of(bytes));
        }
    }
    ControlFlow::Continue(())
}

fn not_replayed(error: ReplayError) -> Halt {
    match error {
        ReplayError::OtherModule { .. } | ReplayError::OtherEngine { .. } => no("replay", error),
        ReplayError::Busy | ReplayError::Host(_) => failed(error),
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

fn told_result(result: Option<Sha256>) -> String {
    result.map_or_else(|| "none".to_owned(), |hash| hash.to_string())
}
