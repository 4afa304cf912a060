//! What the tests say of an outcome, and how they get one.

use lattice_policies::{
    Policy,
    admission::{self, Admitted, NativeModule, Packaging, Rejection},
};

use crate::elf::Elf;

pub(crate) type Outcome = Result<Admitted, Rejection>;

pub(crate) fn scan(bytes: &[u8]) -> Outcome {
    scan_under(bytes, &Policy::default())
}

pub(crate) fn scan_under(bytes: &[u8], policy: &Policy) -> Outcome {
    admission::scan(Packaging::Native, bytes, policy)
}

/// The default object, changed, and the module that it is admitted as.
#[track_caller]
pub(crate) fn admitted(change: impl FnOnce(&mut Elf)) -> NativeModule {
    let outcome = scan(&changed(change).bytes());
    outcome.unwrap_or_else(|rejection| panic!("{rejection:#?}")).native().unwrap().clone()
}

pub(crate) fn changed(change: impl FnOnce(&mut Elf)) -> Elf {
    let mut elf = Elf::default();
    change(&mut elf);
    elf
}

/// Asserts the codes of a refusal: all that are expected, separated by blanks, and no other; and that
/// the reasons' text has that in it.
#[track_caller]
pub(crate) fn refused(change: impl FnOnce(&mut Elf), codes: &str, text: &str) {
    refused_as(&scan(&changed(change).bytes()), codes, text);
}

#[track_caller]
pub(crate) fn refused_as(outcome: &Outcome, codes: &str, text: &str) {
    let reasons = outcome.as_ref().err().map_or(&[][..], |rejection| &rejection.reasons);
    let mut found: Vec<_> = reasons.iter().map(|reason| reason.code.text()).collect();
    found.sort_unstable();
    found.dedup();
    let mut expected: Vec<_> = codes.split_whitespace().collect();
    expected.sort_unstable();
    assert_eq!(found, expected, "{outcome:#?}");
    let told = reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(told.contains(text), "{text:?} is not in {told}");
}
