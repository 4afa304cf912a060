//! What the checks have found so far, in bounded memory, and the rejection it adds up to.

use std::fmt::Display;

use wasmparser::WasmFeatures;

use super::{
    features,
    reason::{DETAIL_CHARS, LISTED_REASONS, Reason, ReasonCode, Rejection},
    replay_only::ReplayOnly,
};
use crate::{Sha256, escape::guest_text};

/// Collects every reason, of which only the first are kept and the others counted.
pub(super) struct Findings {
    listed: Vec<Reason>,
    total: usize,
    needed: WasmFeatures,
    replay_only: ReplayOnly,
    malformed: Option<Reason>,
    boundless: bool,
}

impl Findings {
    pub(super) fn new() -> Self {
        Self {
            listed: Vec::new(),
            total: 0,
            needed: WasmFeatures::empty(),
            replay_only: ReplayOnly::default(),
            malformed: None,
            boundless: false,
        }
    }

    pub(super) fn refuse(&mut self, code: ReasonCode, detail: impl Display) {
        self.refuse_with_hint(code, detail, || None);
    }

    /// Text is only made for a reason that is listed, so that a flood of them costs little.
    pub(super) fn refuse_with_hint(
        &mut self,
        code: ReasonCode,
        detail: impl Display,
        hint: impl FnOnce() -> Option<String>,
    ) {
        self.total += 1;
        self.boundless |= code.bounds_work();
        if self.listed.len() < LISTED_REASONS {
            self.listed.push(reason(code, &detail, hint()));
        }
    }

    /// Notes the features that a part of the module needs; those that are on do no harm.
    pub(super) fn need(&mut self, features: WasmFeatures) {
        self.needed |= features;
    }

    /// Notes what a part of the module does that a snapshot does not hold.
    pub(super) fn note(&mut self, replay_only: ReplayOnly) {
        self.replay_only.add(replay_only);
    }

    /// All that was noted.
    pub(super) fn replay_only(&self) -> Vec<&'static str> {
        self.replay_only.names()
    }

    /// Notes that the module breaks the binary format. The first place is told; what follows may
    /// only follow from it.
    pub(super) fn malformed(&mut self, detail: impl Display, hint: Option<String>) {
        let first = || reason(ReasonCode::Malformed, &detail, hint);
        self.malformed.get_or_insert_with(first);
    }

    /// Notes an error of the reader or the validator under the code that it stands for.
    pub(super) fn unreadable(&mut self, error: &wasmparser::Error) {
        if let Some(feature) = error.missing_wasm_feature() {
            return self.need(feature);
        }
        match code_of_parser_limit(error.message()) {
            Some(code) => self.refuse(code, error),
            None => self.malformed(error, None),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// Whether validation would tell nothing new, or would be unbounded work.
    pub(super) fn make_validation_moot(&self) -> bool {
        self.boundless || self.malformed.is_some() || !features::off(self.needed).is_empty()
    }

    /// `Ok` if nothing speaks against the module. What the whole module suffers from comes first,
    /// so that a flood of other reasons cannot push it off the list.
    pub(super) fn conclude(self, sha256: Sha256, size: usize) -> Result<(), Rejection> {
        let needed = features::off(self.needed).iter().map(|feature| {
            let hint = features::hint(feature).map(str::to_owned);
            reason(ReasonCode::FeatureDisabled, &features::name(feature), hint)
        });
        let mut reasons: Vec<Reason> = self.malformed.into_iter().chain(needed).collect();
        let total = self.total + reasons.len();
        reasons.extend(self.listed);
        reasons.truncate(LISTED_REASONS);
        if total == 0 { Ok(()) } else { Err(Rejection { sha256, size, reasons, total }) }
    }
}

fn reason(code: ReasonCode, detail: &dyn Display, hint: Option<String>) -> Reason {
    let shown = |text: String| guest_text(text.as_bytes(), DETAIL_CHARS);
    Reason { code, detail: shown(detail.to_string()), hint: hint.map(shown) }
}

/// The parser has limits of its own, above those of any policy, and stops reading there. It names
/// them in its messages only.
fn code_of_parser_limit(message: &str) -> Option<ReasonCode> {
    const LIMITS: [(&str, ReasonCode); 5] = [
        ("function params size is out of bounds", ReasonCode::LimitParams),
        ("function returns size is out of bounds", ReasonCode::LimitResults),
        ("br_table size is out of bounds", ReasonCode::LimitBrTable),
        ("string size out of bounds", ReasonCode::LimitName),
        ("too many locals", ReasonCode::LimitLocals),
    ];
    LIMITS.iter().find(|(text, _)| message.starts_with(text)).map(|(_, code)| *code)
}
