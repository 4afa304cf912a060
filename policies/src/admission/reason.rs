//! Why a module is refused: the codes, one reason, and the bounded list of them.
//! Never decides; the checks do.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::{Sha256, escape::guest_text};

/// Reasons that a rejection lists; further ones are counted.
pub const LISTED_REASONS: usize = 100;
/// Characters of a detail, so that a rejection stays small whatever the guest wrote.
pub const DETAIL_CHARS: usize = 240;

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident = $text:literal,)*) => {
        /// What kind of rule a module breaks. Its text form is stable: clients match on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ReasonCode {
            $($(#[$doc])* $code,)*
        }

        impl ReasonCode {
            pub const ALL: &[ReasonCode] = &[$(ReasonCode::$code,)*];

            /// The code as it stands in answers and in the audit.
            pub const fn text(self) -> &'static str {
                match self {
                    $(ReasonCode::$code => $text,)*
                }
            }
        }
    };
}

codes! {
    /// The bytes are no valid core module.
    Malformed = "MALFORMED",
    /// A component or another layer of WebAssembly.
    NotACoreModule = "NOT_A_CORE_MODULE",
    /// Needs a feature that is off; the detail names it.
    FeatureDisabled = "FEATURE_DISABLED",
    /// Imports what the platform does not grant.
    ImportNotAllowed = "IMPORT_NOT_ALLOWED",
    /// Imports something that is not a function.
    ImportKind = "IMPORT_KIND",
    /// Imports a host function with another type than it has.
    ImportSignature = "IMPORT_SIGNATURE",
    /// A required function export is absent.
    ExportMissing = "EXPORT_MISSING",
    /// A known export is of another kind or type, or is not defined by the module itself.
    ExportSignature = "EXPORT_SIGNATURE",
    /// The marker's body is not empty: the linker wrapped the exports.
    ExportsWrapped = "EXPORTS_WRAPPED",
    /// A start section, which would run outside every budget.
    StartFunction = "START_FUNCTION",
    /// No memory is defined and exported as `memory`.
    MemoryMissing = "MEMORY_MISSING",
    /// More than one table.
    TableCount = "TABLE_COUNT",
    /// A table without a maximum.
    TableUnbounded = "TABLE_UNBOUNDED",
    /// An active data segment that does not fit in the memory's minimum.
    DataOutOfBounds = "DATA_OUT_OF_BOUNDS",
    /// An active element segment that does not fit in its table.
    ElemOutOfBounds = "ELEM_OUT_OF_BOUNDS",
    /// A segment's offset that cannot be computed ahead.
    OffsetNotConstant = "OFFSET_NOT_CONSTANT",
    LimitModule = "LIMIT_MODULE",
    LimitTypes = "LIMIT_TYPES",
    LimitFunctions = "LIMIT_FUNCTIONS",
    LimitGlobals = "LIMIT_GLOBALS",
    LimitExports = "LIMIT_EXPORTS",
    LimitImports = "LIMIT_IMPORTS",
    LimitParams = "LIMIT_PARAMS",
    LimitResults = "LIMIT_RESULTS",
    /// Locals of one function.
    LimitLocals = "LIMIT_LOCALS",
    /// Locals of all functions together.
    LimitTotalLocals = "LIMIT_TOTAL_LOCALS",
    LimitBody = "LIMIT_BODY",
    LimitNesting = "LIMIT_NESTING",
    LimitBrTable = "LIMIT_BR_TABLE",
    LimitMemory = "LIMIT_MEMORY",
    LimitTable = "LIMIT_TABLE",
    LimitSegments = "LIMIT_SEGMENTS",
    LimitCustom = "LIMIT_CUSTOM",
    LimitName = "LIMIT_NAME",
}

impl fmt::Display for ReasonCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text())
    }
}

impl Serialize for ReasonCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text())
    }
}

/// One rule that a module breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reason {
    pub code: ReasonCode,
    /// The thing that breaks it: ASCII, escaped and cut.
    pub detail: String,
    /// What would be right, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.detail)?;
        self.hint.iter().try_for_each(|hint| write!(f, " ({hint})"))
    }
}

/// A refused module: which one, and all that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    pub sha256: Sha256,
    /// Of the module, in bytes.
    pub size: usize,
    /// The first [`LISTED_REASONS`].
    pub reasons: Vec<Reason>,
    /// How many reasons there are, those not listed included.
    pub total: usize,
}

impl Rejection {
    pub fn has(&self, code: ReasonCode) -> bool {
        self.reasons.iter().any(|reason| reason.code == code)
    }
}

/// The reasons found so far, in the order found, of which only the first are kept.
#[derive(Debug, Default)]
pub(super) struct Reasons {
    listed: Vec<Reason>,
    total: usize,
}

impl Reasons {
    pub(super) fn add(&mut self, code: ReasonCode, detail: impl AsRef<str>) {
        self.push(code, detail.as_ref(), || None);
    }

    pub(super) fn add_with_hint(
        &mut self,
        code: ReasonCode,
        detail: impl AsRef<str>,
        hint: impl Into<String>,
    ) {
        self.push(code, detail.as_ref(), || Some(hint.into()));
    }

    /// The hint is only made for a reason that is listed.
    pub(super) fn push(
        &mut self,
        code: ReasonCode,
        detail: &str,
        hint: impl FnOnce() -> Option<String>,
    ) {
        self.total += 1;
        if self.listed.len() < LISTED_REASONS {
            let detail = guest_text(detail.as_bytes(), DETAIL_CHARS);
            self.listed.push(Reason { code, detail, hint: hint() });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.total == 0
    }

    pub(super) fn into_rejection(self, sha256: Sha256, size: usize) -> Rejection {
        Rejection { sha256, size, reasons: self.listed, total: self.total }
    }
}
