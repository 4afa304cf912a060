//! The scan of a native module: a shared object, read as a loader would read it.
//!
//! Defence in depth: it keeps what the loader is given simple and bounded. It claims nothing of what
//! the code does; the boundary is the process that runs it.

mod module;

pub use module::{
    NativeModule, NativeRights, NativeSegment, PAGE_BYTES, Relocation, RelocationValue,
};

use super::findings::Findings;
use crate::Policy;

/// What an admitted native module is: what the loader needs, and the host functions it imports.
#[derive(Default)]
pub(super) struct Native {
    pub(super) module: NativeModule,
    pub(super) imports: Vec<String>,
}

/// The module as far as it can be read; it is whole if nothing is found against it.
pub(super) fn examine(_elf: &[u8], _policy: &Policy, findings: &mut Findings) -> Native {
    findings.malformed("native modules are not read yet", None);
    Native::default()
}
