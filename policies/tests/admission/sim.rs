//! The module that the other tests spoil, each in its own way, and what they say of the outcome.

use std::sync::Arc;

use lattice_policies::{
    Policy,
    admission::{self, Admitted, Packaging, Rejection},
    policy::AdmissionLimits,
};

/// A sim in parts of the text format. The default one is admitted.
#[derive(Debug, Clone)]
pub(crate) struct Sim<'a> {
    pub imports: &'a str,
    pub memory: &'a str,
    pub marker: &'a str,
    pub init: &'a str,
    pub tick: &'a str,
    pub more: &'a str,
}

impl Default for Sim<'_> {
    fn default() -> Self {
        Self {
            imports: r#"(import "env" "lattice_ms_log" (func (param i32 i32 i32)))"#,
            memory: r#"(memory (export "memory") 2 64)"#,
            marker: r#"(func (export "lattice_abi_v1"))"#,
            init: r#"(func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)"#,
            tick: r#"(func (export "lattice_sim_tick") (param i64) (result i32) i32.const 0)"#,
            more: "",
        }
    }
}

impl Sim<'_> {
    pub(crate) fn wasm(&self) -> Vec<u8> {
        let Sim { imports, memory, marker, init, tick, more } = self;
        let text = format!("(module {imports} {memory} {marker} {init} {tick} {more})");
        wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    pub(crate) fn scan(&self) -> Result<Admitted, Rejection> {
        scan(self.wasm(), &AdmissionLimits::default())
    }
}

/// What the scan says of a module under these limits.
pub(crate) fn scan(
    wasm: impl Into<Arc<[u8]>>,
    limits: &AdmissionLimits,
) -> Result<Admitted, Rejection> {
    let policy = Policy { admission: limits.clone(), ..Policy::default() };
    admission::scan(Packaging::Wasm, wasm, &policy)
}

/// A sim with further fields of the text format.
pub(crate) fn with(more: &str) -> Sim<'_> {
    Sim { more, ..Sim::default() }
}

/// A sim with these imports instead.
pub(crate) fn importing(imports: &str) -> Sim<'_> {
    Sim { imports, ..Sim::default() }
}

/// The codes of a refusal in order, each once; none for an admission.
pub(crate) fn codes(outcome: &Result<Admitted, Rejection>) -> Vec<&'static str> {
    let reasons = outcome.as_ref().err().map_or(&[][..], |rejection| &rejection.reasons);
    let mut codes: Vec<_> = reasons.iter().map(|reason| reason.code.text()).collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// Asserts the codes of a refusal: all that are expected, separated by blanks, and no other.
#[track_caller]
pub(crate) fn expect(what: &str, sim: &Sim<'_>, expected: &str) {
    expect_of(what, &sim.scan(), expected);
}

#[track_caller]
pub(crate) fn expect_of(what: &str, outcome: &Result<Admitted, Rejection>, expected: &str) {
    let mut expected: Vec<&str> = expected.split_whitespace().collect();
    expected.sort_unstable();
    assert_eq!(codes(outcome), expected, "{what}: {outcome:#?}");
}
