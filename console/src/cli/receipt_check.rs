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

use super::{CliError, terminal::bytes, verify_sandbox::Sandbox};
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
        let Some(wasm) = self.module.take() else { return Ok(()) };
        same("module", "its SHA-256", Sha256::of(&wasm), sha256)?;
        same("module", "its size in bytes", wasm.len() as u64, stated.size)?;
        self.passed.push(("module", format!("{}, SHA-256 {sha256}", bytes(stated.size))));
        same("scan", "the scanner's version", SCANNER, stated.scanner)?;
        let packaging = stated.packaging.unwrap_or(Packaging::Wasm);
        let policy = policy_id(&self.policy, packaging);
        same("scan", "the policy's fingerprint", policy, stated.policy)?;
        let admitted = admission::scan(packaging, wasm, &self.policy)
            .map_err(|_| no("scan", "the module is refused; `lattice scan` says why"))?;
        let imports: Vec<_> = admitted.imports().iter().map(|name| Import::of(name)).collect();
        same("scan", "the imports", listed(&imports), listed(&stated.imports))?;
        let features = features(packaging).join(", ");
        same("scan", "the features", features, stated.features.join(", "))?;
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
        let [part @ LogPart { start: None, .. }] = log.parts()[..] else {
            return Err(no("replay", BEGAN_ELSEWHERE));
        };
        let folder = TempDir::with_prefix("lattice-receipt-").map_err(failed)?;
        let sandbox = Sandbox::new(wasm, &self.policy, folder.path()).map_err(Halt::Failed)?;
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
mod tests {
    use std::ops::ControlFlow;

    use lattice_policies::policy::MatchLimits;
    use lattice_surface::{MatchHeader, Record, Segment, TickInputs};
    use lattice_twin::{MadeUp, play};

    use super::*;
    use crate::receipt::{AuditPlace, HostKey, InputLogDigest, Subject, signed};

    /// Broadcasts each tick's number and sets it as the result, and finishes after 40 of them.
    const COUNTER: &str = r#"(module
        (import "env" "lattice_ms_broadcast" (func $say (param i32 i32 i32) (result i32)))
        (import "env" "lattice_ms_result" (func $result (param i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "lattice_abi_v1"))
        (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
        (func (export "lattice_sim_tick") (param $tick i64) (result i32)
            (i64.store (i32.const 0) (local.get $tick))
            (drop (call $say (i32.const 0) (i32.const 8) (i32.const 0)))
            (drop (call $result (i32.const 0) (i32.const 8)))
            (i64.eq (local.get $tick) (i64.const 39))))"#;

    /// A match that was played, with all that speaks of it.
    struct Played {
        module: Vec<u8>,
        log: Vec<u8>,
        stated: MatchPredicate,
        transcript: Sha256,
        key: HostKey,
    }

    impl Played {
        fn new() -> Self {
            let module = wat::parse_str(COUNTER).unwrap();
            let folder = TempDir::new().unwrap();
            let sandbox = Sandbox::new(module.clone(), &Policy::default(), folder.path());
            let sandbox = sandbox.unwrap_or_else(|error| panic!("{error}"));
            let header = MatchHeader {
                module: sandbox.module(),
                fingerprint: sandbox.fingerprint(),
                tick_hz: 30,
                seed: 7,
                hash_every: MatchLimits::default().hash_every_ticks,
                config: (*b"config").into(),
            };
            let mut sim =
                sandbox.sim(header.config.clone()).unwrap_or_else(|error| panic!("{error}"));
            let made_up = MadeUp {
                players: 2,
                ticks: 90,
                seed: 7,
                tick_hz: 30,
                hash_every: header.hash_every,
            };
            let (inputs, end) = play(&mut sim, made_up, &mut |_| ControlFlow::Continue(()));
            assert_eq!((end.ticks, &end.ending), (40, &LoggedEnding::Finished));
            let mut stated = predicate(&header, &end);
            stated.runs = sandbox.runs();
            let (log, transcript) = (Vec::new(), end.transcript);
            let mut played = Self { module, log, stated, transcript, key: HostKey::draw() };
            played.write_log(header, inputs, Some(end));
            let log = InputLog::read(&played.log).unwrap();
            let replayed = sandbox.replay(log.parts()[0]).unwrap();
            played.stated.state = replayed.state;
            played
        }

        /// Replaces the log, and has the receipt name it.
        fn write_log(
            &mut self,
            header: MatchHeader,
            inputs: Vec<TickInputs>,
            end: Option<LoggedEnd>,
        ) {
            let records = [Record::Header(header)].into_iter();
            let records = records.chain(inputs.into_iter().map(Record::Inputs));
            self.write(records.chain(end.map(Record::End)));
        }

        fn write(&mut self, records: impl Iterator<Item = Record>) {
            self.log.clear();
            for record in records {
                record.encode(&mut self.log);
            }
            let (sha256, bytes) = (Sha256::of(&self.log), self.log.len() as u64);
            self.stated.input_log = Some(InputLogDigest { sha256, bytes, whole: true });
        }

        fn receipt(&self) -> String {
            let name = "m_0123456789abcdef".to_owned();
            let subject = Subject { name, sha256: self.transcript };
            let predicate = Predicate::Match(Box::new(self.stated.clone()));
            signed(&self.key, &Statement { subject, predicate })
        }

        /// The places that are as they should be, and the first that is not, with the reason.
        fn check(&self) -> (Vec<&'static str>, Option<(&'static str, String)>) {
            self.check_receipt(self.receipt().as_bytes())
        }

        fn check_receipt(
            &self,
            receipt: &[u8],
        ) -> (Vec<&'static str>, Option<(&'static str, String)>) {
            let mut check = Check {
                module: Some(self.module.clone()),
                log: Some(self.log.clone()),
                policy: Policy::default(),
                passed: Vec::new(),
            };
            let halted = check.receipt(receipt, &[self.key.public()]).err();
            let no = halted.map(|halt| match halt {
                Halt::No { place, why } => (place, why),
                Halt::Failed(error) => panic!("{error}"),
            });
            (check.passed.iter().map(|(place, _)| *place).collect(), no)
        }

        #[track_caller]
        fn is_no(&self, place: &str, word: &str) {
            let (_, no) = self.check();
            let (found, why) = no.expect("it is not so");
            assert!(found == place && why.contains(word), "{found}: {why}");
        }
    }

    /// What a host would state of it.
    fn predicate(header: &MatchHeader, end: &LoggedEnd) -> MatchPredicate {
        MatchPredicate {
            game: "g_0123456789abcdef".parse().unwrap(),
            version: "1.0.0".into(),
            module: header.module,
            packaging: Some(Packaging::Wasm),
            isolation: None,
            runs: header.module,
            engine: header.fingerprint,
            tick_hz: header.tick_hz,
            seed: header.seed.to_string(),
            config: Sha256::of(&header.config),
            forked_from: None,
            segments: Vec::new(),
            input_log: None,
            ticks: end.ticks,
            ending: Ending { state: "finished".into(), fault: None },
            state: None,
            result: Some(Sha256::of(&39i64.to_le_bytes())),
            audit: AuditPlace { seq: 9, hash: Sha256::of(b"row") },
        }
    }

    #[test]
    fn a_match_is_proved_by_its_module_and_its_log() {
        let (passed, no) = Played::new().check();
        assert_eq!(no, None);
        assert_eq!(passed, ["receipt", "module", "log", "replay", "result", "state"]);
    }

    #[test]
    fn another_module_log_or_key_is_named() {
        let mut played = Played::new();
        *played.log.last_mut().unwrap() ^= 1;
        played.is_no("log", "its SHA-256");
        played.module[8] ^= 1;
        played.is_no("module", "its SHA-256");
        let receipt = played.receipt();
        played.key = HostKey::draw();
        let (passed, no) = played.check_receipt(receipt.as_bytes());
        assert!(passed.is_empty() && no.unwrap().0 == "receipt");
    }

    /// The host's word alone is not enough: what it signed must be what the match does.
    #[test]
    fn a_lie_that_is_signed_is_found() {
        let change = |change: fn(&mut Played)| {
            let mut played = Played::new();
            change(&mut played);
            played
        };
        change(|played| played.stated.seed = "8".into()).is_no("log", "its seed");
        change(|played| played.stated.tick_hz = 60).is_no("log", "ticks a second");
        change(|played| played.stated.config = Sha256::of(b"")).is_no("log", "config");
        change(|played| played.stated.ticks = 41).is_no("log", "its ticks is 40");
        change(|played| played.stated.ending.state = "stopped".into()).is_no("log", "finished");
        change(|played| played.transcript = Sha256::of(b"")).is_no("log", "transcript");
        change(|played| played.stated.result = None).is_no("result", "says none");
        change(|played| played.stated.state = Some(Sha256::of(b""))).is_no("state", "SHA-256");
        change(|played| played.stated.runs = Sha256::of(b"")).is_no("replay", "compiled");
        change(|played| played.stated.engine = Sha256::of(b""))
            .is_no("replay", "engine and policy");
        change(|played| played.stated.input_log = None).is_no("log", "names none");
    }

    /// The log's own hash is vouched for, and yet the sim says something else.
    #[test]
    fn a_log_that_is_not_of_the_match_is_found_by_running_it() {
        let mut played = Played::new();
        let log = InputLog::read(&played.log).unwrap();
        let mut inputs = log.inputs;
        inputs.last_mut().unwrap().codes.push(1);
        played.write_log(log.header, inputs, log.end);
        played.is_no("replay", "web fetches");
    }

    #[test]
    fn what_the_files_cannot_prove_is_no_yes() {
        let mut played = Played::new();
        let log = InputLog::read(&played.log).unwrap();
        let inputs = log.inputs.into_iter().take_while(|inputs| inputs.tick < 39).collect();
        played.write_log(log.header, inputs, None);
        played.is_no("replay", "cut");

        let mut played = Played::new();
        let log = InputLog::read(&played.log).unwrap();
        let MatchHeader { module, fingerprint, .. } = log.header;
        let (tick, state) = (20, Sha256::of(b"state"));
        let segment = Segment { tick, module, fingerprint, state, transcript: state };
        let (before, after): (Vec<_>, _) =
            log.inputs.into_iter().partition(|inputs| inputs.tick < tick);
        let records = [Record::Header(log.header)].into_iter();
        let records = records.chain(before.into_iter().map(Record::Inputs));
        let records = records.chain([Record::Segment(segment)]);
        played.write(records.chain(after.into_iter().map(Record::Inputs)));
        played.is_no("replay", "stored state");
    }
}
