//! Whatever the bytes: the scan answers, and what it admits is valid and imports only the table.

use std::sync::OnceLock;

use lattice_policies::{
    admission::{Admitted, FEATURES},
    functions::{self, IMPORT_MODULE},
    policy::AdmissionLimits,
};
use proptest::{
    prelude::*,
    sample::Index,
    test_runner::{Config, RngSeed, TestCaseError, TestRunner},
};
use wasmparser::{Parser, Payload, TypeRef, Validator};

use crate::{corpus, sim::scan};

/// A change of a module's bytes, at a place that any length has.
#[derive(Debug, Clone)]
enum Mutation {
    Set(Index, u8),
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, u8),
    Repeat(Index, u8),
}

impl Mutation {
    fn apply(&self, wasm: &mut Vec<u8>) {
        if wasm.is_empty() {
            return;
        }
        let length = wasm.len();
        let span = |at: &Index, bytes: u8| {
            let start = at.index(length);
            start..(start + bytes as usize).min(length)
        };
        match self {
            Mutation::Set(at, byte) => wasm[at.index(length)] = *byte,
            Mutation::Flip(at, bit) => wasm[at.index(length)] ^= 1 << (bit % 8),
            Mutation::Insert(at, bytes) => {
                let at = at.index(length);
                wasm.splice(at..at, bytes.iter().copied());
            }
            Mutation::Remove(at, bytes) => drop(wasm.drain(span(at, *bytes))),
            Mutation::Repeat(at, bytes) => {
                let span = span(at, *bytes);
                let copy = wasm[span.clone()].to_vec();
                wasm.splice(span.start..span.start, copy);
            }
        }
    }
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let place = any::<Index>;
    prop_oneof![
        (place(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (place(), any::<u8>()).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        (place(), prop::collection::vec(any::<u8>(), 1..8))
            .prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        (place(), 1..16u8).prop_map(|(at, bytes)| Mutation::Remove(at, bytes)),
        (place(), 1..64u8).prop_map(|(at, bytes)| Mutation::Repeat(at, bytes)),
    ]
}

/// The small modules of the corpus, good and bad.
fn seeds() -> &'static [Vec<u8>] {
    static SEEDS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    SEEDS.get_or_init(|| {
        let modules = corpus::corpus().into_iter().map(|case| corpus::wasm(&case.file));
        modules.filter(|wasm| wasm.len() < 4_096).collect()
    })
}

/// The same cases in every run.
fn runner(cases: u32) -> TestRunner {
    let rng_seed = RngSeed::Fixed(1);
    TestRunner::new(Config { cases, rng_seed, failure_persistence: None, ..Config::default() })
}

fn check(wasm: Vec<u8>) -> Result<bool, TestCaseError> {
    match scan(wasm, &AdmissionLimits::default()) {
        Ok(admitted) => check_admitted(&admitted).map(|()| true),
        Err(rejection) => {
            prop_assert!(!rejection.reasons.is_empty());
            prop_assert!(rejection.reasons.len() <= 100);
            prop_assert!(rejection.total >= rejection.reasons.len());
            prop_assert!(rejection.reasons.iter().all(|reason| reason.detail.is_ascii()));
            Ok(false)
        }
    }
}

/// Holds the proof by means of the parser alone.
fn check_admitted(admitted: &Admitted) -> Result<(), TestCaseError> {
    let wasm = admitted.bytes();
    prop_assert!(Validator::new_with_features(FEATURES).validate_all(wasm).is_ok());
    for payload in Parser::new(0).parse_all(wasm) {
        match payload {
            Ok(Payload::ImportSection(section)) => {
                for import in section.into_imports() {
                    let import = import.unwrap();
                    prop_assert_eq!(import.module, IMPORT_MODULE);
                    prop_assert!(functions::find(import.name).is_some());
                    prop_assert!(matches!(import.ty, TypeRef::Func(_)));
                }
            }
            Ok(Payload::StartSection { .. }) => return Err(TestCaseError::fail("starts")),
            _ => {}
        }
    }
    Ok(())
}

#[test]
fn no_change_of_a_module_slips_through() {
    let changes = (any::<Index>(), prop::collection::vec(mutation(), 1..6));
    let mut admitted = 0;
    let outcome = runner(20_000).run(&changes, |(seed, mutations)| {
        let mut wasm = seed.get(seeds()).clone();
        for mutation in mutations {
            mutation.apply(&mut wasm);
        }
        check(wasm).map(|_| ())
    });
    outcome.unwrap();
    for seed in seeds() {
        admitted += usize::from(check(seed.clone()).unwrap());
    }
    assert!(admitted > 20, "the unchanged ones are admitted where they should be: {admitted}");
}

#[test]
fn noise_is_answered() {
    let section = (0..16u8, prop::collection::vec(any::<u8>(), 0..64));
    let sections = prop::collection::vec(section, 0..8);
    let outcome = runner(20_000).run(&sections, |sections| {
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        for (id, contents) in sections {
            wasm.extend([id, contents.len() as u8]);
            wasm.extend(contents);
        }
        check(wasm).map(|_| ())
    });
    outcome.unwrap();
}
