//! Static constructors: what `.init_array` holds once it is relocated. Each is a function of the
//! module's own code, so that a loader calls nothing else.

use goblin::elf::dynamic::{DT_INIT_ARRAY, DT_INIT_ARRAYSZ};

use super::{
    dynamic::Table,
    image::Image,
    module::{Relocation, RelocationValue},
    relocations::value_at,
};
use crate::admission::{ReasonCode, findings::Findings};

/// An entry, in bytes.
const ENTRY: usize = 8;

/// In the order of the array, which is that of the calls.
pub(super) fn read(
    image: &Image<'_>,
    table: &Table,
    relocations: &[Relocation],
    findings: &mut Findings,
) -> Vec<u64> {
    let range = (DT_INIT_ARRAY, DT_INIT_ARRAYSZ);
    let bytes = table.bytes(image, range, "static constructors", findings).unwrap_or_default();
    if !bytes.len().is_multiple_of(ENTRY) {
        findings.malformed("its static constructors end within one", None);
    }
    let begin = table.get(DT_INIT_ARRAY).unwrap_or_default();
    let mut initializers = Vec::new();
    for index in 0..bytes.len() / ENTRY {
        let at = begin + (index * ENTRY) as u64;
        match value_at(relocations, at) {
            Some(RelocationValue::Image(address)) if image.is_code(address) => {
                initializers.push(address);
            }
            _ => {
                let detail = format_args!("static constructor {index} is no code of the module's");
                findings.refuse(ReasonCode::ElfConstructors, detail);
            }
        }
    }
    initializers
}
