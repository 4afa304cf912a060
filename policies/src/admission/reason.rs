//! Why a module is refused: the codes, one reason, and the rejection that lists them.
//! Never decides; the checks do.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::Sha256;

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
    /// The bytes are no valid module.
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
    /// A required export is absent.
    ExportMissing = "EXPORT_MISSING",
    /// A known export is of another kind or type, or is not defined by the module itself.
    ExportSignature = "EXPORT_SIGNATURE",
    /// The marker's body is not empty: the linker wrapped the exports.
    ExportsWrapped = "EXPORTS_WRAPPED",
    /// A start section, which would run outside every budget.
    StartFunction = "START_FUNCTION",
    /// No memory is defined.
    MemoryMissing = "MEMORY_MISSING",
    /// More than one table.
    TableCount = "TABLE_COUNT",
    /// A table without a maximum.
    TableUnbounded = "TABLE_UNBOUNDED",
    /// An active data segment that cannot be shown to fit in the memory's minimum.
    DataOutOfBounds = "DATA_OUT_OF_BOUNDS",
    /// An active element segment that cannot be shown to fit in the table's minimum.
    ElemOutOfBounds = "ELEM_OUT_OF_BOUNDS",
    /// Native: not of 64 bits and little-endian.
    ElfClass = "ELF_CLASS",
    /// Native: for another machine than x86-64.
    ElfMachine = "ELF_MACHINE",
    /// Native: no shared object.
    ElfKind = "ELF_KIND",
    /// Native: it needs a library.
    ElfNeeded = "ELF_NEEDED",
    /// Native: segments that can't be laid out, such as ones over each other.
    ElfSegments = "ELF_SEGMENTS",
    /// Native: what can be written can be executed as well.
    ElfWriteExecute = "ELF_WRITE_EXECUTE",
    /// Native: thread-local storage.
    ElfTls = "ELF_TLS",
    /// Native: a relocation of another kind, of another place or to another place than there may be.
    ElfRelocation = "ELF_RELOCATION",
    /// Native: a function that picks another when it is loaded.
    ElfIfunc = "ELF_IFUNC",
    /// Native: code or constants that are relocated.
    ElfTextrel = "ELF_TEXTREL",
    /// Native: static constructors other than `.init_array`'s, or ones that are no functions.
    ElfConstructors = "ELF_CONSTRUCTORS",
    LimitModule = "LIMIT_MODULE",
    LimitTypes = "LIMIT_TYPES",
    LimitFunctions = "LIMIT_FUNCTIONS",
    LimitGlobals = "LIMIT_GLOBALS",
    LimitExports = "LIMIT_EXPORTS",
    LimitImports = "LIMIT_IMPORTS",
    LimitParams = "LIMIT_PARAMS",
    LimitResults = "LIMIT_RESULTS",
    /// Locals of one function, or of all functions together.
    LimitLocals = "LIMIT_LOCALS",
    LimitBody = "LIMIT_BODY",
    LimitNesting = "LIMIT_NESTING",
    LimitBrTable = "LIMIT_BR_TABLE",
    /// Branches times the values that live across them, of one function or of all together.
    LimitDataflow = "LIMIT_DATAFLOW",
    /// Operators of one constant expression.
    LimitConst = "LIMIT_CONST",
    LimitMemory = "LIMIT_MEMORY",
    LimitTable = "LIMIT_TABLE",
    LimitSegments = "LIMIT_SEGMENTS",
    LimitCustom = "LIMIT_CUSTOM",
    LimitName = "LIMIT_NAME",
    LimitSymbols = "LIMIT_SYMBOLS",
    LimitRelocations = "LIMIT_RELOCATIONS",
}

impl ReasonCode {
    /// Whether the limit is what bounds the work that validation would take: a module over it is
    /// not validated.
    pub(super) const fn bounds_work(self) -> bool {
        matches!(
            self,
            Self::LimitTypes
                | Self::LimitFunctions
                | Self::LimitGlobals
                | Self::LimitExports
                | Self::LimitImports
                | Self::LimitParams
                | Self::LimitResults
                | Self::LimitLocals
                | Self::LimitBody
                | Self::LimitNesting
                | Self::LimitBrTable
                | Self::LimitConst
                | Self::LimitSegments
        )
    }
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
