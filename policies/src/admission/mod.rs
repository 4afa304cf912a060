//! The admission scan and its outcome: `Admitted`, or all the `Reason`s against.
//!
//! Owns the proof that the sandbox's boundary is the only one a wasm module has: it imports nothing
//! but the host functions, and it is valid, bounded, and can be instantiated. Of a native module it
//! proves no more than what its loader needs: see `native`.
//! Never compiles, never runs and never stores a module.

mod bodies;
mod constants;
mod dataflow;
mod exports;
mod features;
mod findings;
mod header;
mod hints;
mod imports;
mod limits;
mod native;
mod outline;
mod packaging;
mod reason;
mod replay_only;
mod segments;
mod signature;
mod storage;
mod validity;

use std::sync::Arc;

pub use features::{FEATURES, feature_names};
pub use native::{
    ARENA, NativeModule, NativeRights, NativeSegment, PAGE_BYTES, Relocation, RelocationValue,
};
pub use packaging::{Packaging, UnknownPackaging};
pub use reason::{DETAIL_CHARS, LISTED_REASONS, Reason, ReasonCode, Rejection};

use crate::{Policy, Sha256, policy::AdmissionLimits};
use findings::Findings;
use native::Native;
use outline::Outline;

/// The scanner's version, raised whenever the verdict on some module may change.
pub const SCANNER: u32 = 1;

/// Each adds its reasons; none stops the others.
const CHECKS: [fn(&Outline<'_>, &AdmissionLimits, &mut Findings); 15] = [
    limits::check_counts,
    limits::check_types,
    limits::check_names,
    imports::check,
    exports::check_presence,
    exports::check_types,
    exports::check_marker,
    check_start,
    storage::check_memory,
    storage::check_tables,
    storage::check_globals,
    constants::check,
    segments::check_data,
    segments::check_elements,
    bodies::check,
];

/// A module that passed the scan. Only [`scan`] makes one, so whoever holds it holds the proof.
#[derive(Debug, Clone)]
pub struct Admitted {
    bytes: Arc<[u8]>,
    sha256: Sha256,
    imports: Vec<String>,
    facts: Facts,
    native: Option<Arc<NativeModule>>,
}

/// What the scan learnt of an admitted module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// In pages of 64 KiB; of a native module, what is writable without its arena.
    pub memory_min_pages: u32,
    /// In pages of 64 KiB, if the module declares a maximum; no native one does.
    pub memory_max_pages: Option<u32>,
    /// The optional exports of the surface that are there, in the surface's order.
    pub optional_exports: Vec<&'static str>,
    /// What the module does that a snapshot does not hold, each once and always in the same order.
    /// Empty: a match of it can be kept as a snapshot.
    pub replay_only: Vec<&'static str>,
}

impl Admitted {
    pub fn packaging(&self) -> Packaging {
        if self.native.is_some() { Packaging::Native } else { Packaging::Wasm }
    }

    /// The module as it was uploaded.
    pub fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// What a loader has to know of it, if it is native.
    pub fn native(&self) -> Option<&NativeModule> {
        self.native.as_deref()
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
///
/// Takes time and memory in proportion to the module's bytes, whatever they claim to hold.
pub fn scan(
    packaging: Packaging,
    bytes: impl Into<Arc<[u8]>>,
    policy: &Policy,
) -> Result<Admitted, Rejection> {
    let bytes = bytes.into();
    match packaging {
        Packaging::Wasm => scan_wasm(bytes, &policy.admission),
        Packaging::Native => scan_native(bytes, policy),
    }
}

fn scan_wasm(bytes: Arc<[u8]>, limits: &AdmissionLimits) -> Result<Admitted, Rejection> {
    let sha256 = Sha256::of(&bytes);
    let mut findings = Findings::new();
    let outline = examine(&bytes, limits, &mut findings);
    let replay_only = findings.replay_only();
    findings.conclude(sha256, bytes.len())?;
    let (imports, facts) = (imports::names(&outline), facts(&outline, replay_only));
    Ok(Admitted { bytes, sha256, imports, facts, native: None })
}

fn scan_native(bytes: Arc<[u8]>, policy: &Policy) -> Result<Admitted, Rejection> {
    let sha256 = Sha256::of(&bytes);
    let mut findings = Findings::new();
    let Native { module, imports } = native::examine(&bytes, policy, &mut findings);
    findings.conclude(sha256, bytes.len())?;
    let facts = module.facts();
    Ok(Admitted { bytes, sha256, imports, facts, native: Some(Arc::new(module)) })
}

fn examine<'a>(wasm: &'a [u8], limits: &AdmissionLimits, findings: &mut Findings) -> Outline<'a> {
    limits::hold(
        findings,
        ReasonCode::LimitModule,
        "bytes",
        wasm.len() as u64,
        limits.module_bytes,
    );
    if !findings.is_empty() || !header::check(wasm, findings) {
        return Outline::default();
    }
    let outline = Outline::read(wasm, limits, findings);
    for check in CHECKS {
        check(&outline, limits, findings);
    }
    if !findings.make_validation_moot()
        && let Err(error) = validity::check(wasm, limits, findings)
    {
        findings.unreadable(&error);
    }
    outline
}

fn check_start(outline: &Outline<'_>, _: &AdmissionLimits, findings: &mut Findings) {
    if outline.has_start {
        let detail = "a start section, which would run outside every budget";
        findings.refuse_with_hint(ReasonCode::StartFunction, detail, || {
            Some(hints::EXPORT_INITIALIZE.to_owned())
        });
    }
}

fn facts(outline: &Outline<'_>, replay_only: Vec<&'static str>) -> Facts {
    let memory = outline.memories.items().next();
    let pages = |pages: u64| u32::try_from(pages).unwrap_or(u32::MAX);
    Facts {
        memory_min_pages: memory.map_or(0, |memory| pages(memory.initial)),
        memory_max_pages: memory.and_then(|memory| memory.maximum).map(pages),
        optional_exports: exports::optional(outline),
        replay_only,
    }
}
