//! Receipts held against what there is: what is so, what is not, and what can't be told.

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
        let sandbox = sandbox.map_err(CliError::from).unwrap_or_else(|error| panic!("{error}"));
        let header = MatchHeader {
            module: sandbox.module(),
            fingerprint: sandbox.fingerprint(),
            tick_hz: 30,
            seed: 7,
            hash_every: MatchLimits::default().hash_every_ticks,
            config: (*b"config").into(),
        };
        let mut sim = sandbox.sim(header.config.clone()).unwrap_or_else(|error| panic!("{error}"));
        let made_up =
            MadeUp { players: 2, ticks: 90, seed: 7, tick_hz: 30, hash_every: header.hash_every };
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
    fn write_log(&mut self, header: MatchHeader, inputs: Vec<TickInputs>, end: Option<LoggedEnd>) {
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

    fn check_receipt(&self, receipt: &[u8]) -> (Vec<&'static str>, Option<(&'static str, String)>) {
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
    change(|played| played.stated.packaging = Some(Packaging::Native)).is_no("module", "packaging");
    change(|played| played.stated.seed = "8".into()).is_no("log", "its seed");
    change(|played| played.stated.tick_hz = 60).is_no("log", "ticks a second");
    change(|played| played.stated.config = Sha256::of(b"")).is_no("log", "config");
    change(|played| played.stated.ticks = 41).is_no("log", "its ticks is 40");
    change(|played| played.stated.ending.state = "stopped".into()).is_no("log", "finished");
    change(|played| played.transcript = Sha256::of(b"")).is_no("log", "transcript");
    change(|played| played.stated.result = None).is_no("result", "says none");
    change(|played| played.stated.state = Some(Sha256::of(b""))).is_no("state", "SHA-256");
    change(|played| played.stated.runs = Sha256::of(b"")).is_no("replay", "compiled");
    change(|played| played.stated.engine = Sha256::of(b"")).is_no("replay", "engine and policy");
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
