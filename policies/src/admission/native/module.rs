//! What a loader has to know of a native module: everything is resolved, so that nobody who loads
//! one reads ELF. Addresses count from the beginning of the image, which is the module's address 0.

use std::{collections::BTreeMap, ops::Range};

use crate::{admission::Facts, functions::EXPORTS};

/// The page of the machine: each segment begins and ends on one.
pub const PAGE_BYTES: u64 = 4096;
/// The page in which memory is counted.
pub(super) const MEMORY_PAGE_BYTES: u64 = 65_536;

/// An admitted native module, ready to be laid out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NativeModule {
    /// Ascending, no page in two of them. Pages between them are not the module's.
    pub segments: Vec<NativeSegment>,
    /// Ascending, no byte in two of them; each lies in what was writable before it was relocated.
    pub relocations: Vec<Relocation>,
    /// Where each known export begins, all in executable segments; the required ones are there.
    pub exports: BTreeMap<&'static str, u64>,
    /// Static constructors in the order in which they are called, all in executable segments.
    pub initializers: Vec<u64>,
    /// Where the sim wants to be told its arena: 16 bytes, `{ void *begin; uint64_t size; }`, in a
    /// writable segment and on a multiple of 8.
    pub arena: Option<u64>,
    /// The end of the last segment, in bytes.
    pub span: u64,
    /// Functions' addresses and names, ascending, for naming where a fault was. Nothing else comes
    /// of them: the module says what it likes. Escaped, cut, and no more than the policy keeps.
    pub symbols: Vec<(u64, String)>,
}

impl NativeModule {
    /// How long its writable segments are together, in bytes.
    pub fn writable_bytes(&self) -> u64 {
        let writable = self.segments.iter().filter(|it| it.rights == NativeRights::Write);
        writable.map(|segment| segment.len).sum()
    }

    pub(in crate::admission) fn facts(&self) -> Facts {
        let optional = EXPORTS.iter().filter(|export| !export.required).map(|export| export.name);
        Facts {
            memory_min_pages: self.writable_bytes().div_ceil(MEMORY_PAGE_BYTES) as u32,
            memory_max_pages: None,
            optional_exports: optional.filter(|name| self.exports.contains_key(name)).collect(),
            replay_only: Vec::new(),
        }
    }
}

/// Whole pages with the same rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NativeSegment {
    pub address: u64,
    /// The bytes of the file that stand at its beginning; what follows them is zero. Never longer
    /// than `len`.
    pub file: Range<usize>,
    /// In bytes, above 0.
    pub len: u64,
    pub rights: NativeRights,
}

impl NativeSegment {
    pub fn end(&self) -> u64 {
        self.address + self.len
    }
}

/// What the sim may do with a segment beside reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NativeRights {
    /// Constants, and what is only relocated (`PT_GNU_RELRO`).
    Read,
    Execute,
    Write,
}

/// A word of 8 bytes that the loader writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relocation {
    pub at: u64,
    pub value: RelocationValue,
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelocationValue {
    /// The address of this place of the image, at most [`NativeModule::span`].
    Image(u64),
    /// The address by which the host function at this place of `HOST_FUNCTIONS` is called.
    HostFunction(usize),
}
