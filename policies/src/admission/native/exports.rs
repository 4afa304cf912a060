//! Exports: what the host will call is there, each a function of the module's own code. Nothing says
//! what it takes and gives: a wrong one harms the sim alone. Other exports are let be.

use std::{collections::BTreeMap, fmt::Display};

use goblin::elf::sym::{STT_FUNC, STT_OBJECT};

use super::{
    image::Image,
    symbols::{Definition, Symbols},
};
use crate::{
    admission::{ReasonCode, findings::Findings, hints},
    functions::EXPORTS,
};

/// The variable that tells a sim where its arena is.
pub const ARENA: &str = "lattice_arena";
const ARENA_BYTES: u64 = 16;
const ARENA_ALIGNMENT: u64 = 8;

/// The known functions that are there.
pub(super) fn functions(
    image: &Image<'_>,
    symbols: &Symbols<'_>,
    findings: &mut Findings,
) -> BTreeMap<&'static str, u64> {
    let mut found = BTreeMap::new();
    for definition in &symbols.definitions {
        let known = EXPORTS.iter().find(|export| export.name.as_bytes() == definition.name);
        let Some(known) = known else { continue };
        if definition.kind != STT_FUNC || !image.is_code(definition.address) {
            refuse(findings, known.name, "a function of the module's own code");
        }
        if found.insert(known.name, definition.address).is_some() {
            findings.malformed(format_args!("two exports {}", known.name), None);
        }
    }
    if symbols.whole {
        check_presence(&found, symbols, findings);
    }
    found
}

/// Where the arena is to be written, if the sim wants to know.
pub(super) fn arena(
    image: &Image<'_>,
    symbols: &Symbols<'_>,
    findings: &mut Findings,
) -> Option<u64> {
    let mut named = symbols.definitions.iter().filter(|it| it.name == ARENA.as_bytes());
    let Definition { kind, address, size, .. } = *named.next()?;
    let is_there = image.is_writable(address, ARENA_BYTES) && size >= ARENA_BYTES;
    if kind != STT_OBJECT || !is_there || !address.is_multiple_of(ARENA_ALIGNMENT) {
        let must_be = "a variable of 16 bytes, on a multiple of 8, that can be written";
        refuse(findings, ARENA, must_be);
    }
    if named.next().is_some() {
        findings.malformed(format_args!("two exports {ARENA}"), None);
    }
    Some(address)
}

fn check_presence(
    found: &BTreeMap<&'static str, u64>,
    symbols: &Symbols<'_>,
    findings: &mut Findings,
) {
    let required = EXPORTS.iter().filter(|export| export.required).map(|export| export.name);
    for name in required.filter(|name| !found.contains_key(name)) {
        let others = symbols.definitions.iter().filter_map(|it| str::from_utf8(it.name).ok());
        let hint = || Some(hints::for_missing_export(name, others));
        findings.refuse_with_hint(ReasonCode::ExportMissing, name, hint);
    }
}

fn refuse(findings: &mut Findings, name: &str, must_be: impl Display) {
    findings.refuse(ReasonCode::ExportSignature, format_args!("{name} must be {must_be}"));
}
