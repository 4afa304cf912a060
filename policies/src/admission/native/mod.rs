//! The scan of a native module: a shared object, read as a loader would read it.
//!
//! Owns what a loader is given: everything bounded, resolved and within the module. Only the program
//! headers and what the dynamic table leads to count, never the section headers.
//! Defence in depth: it claims nothing of what the code does. The boundary is the process around it.

mod dynamic;
mod exports;
mod file;
mod hash;
mod header;
mod hints;
mod image;
mod initializers;
mod module;
mod names;
mod relocations;
mod segments;
mod strings;
mod symbols;
#[cfg(test)]
mod work;

pub use exports::ARENA;
pub use module::{
    NativeModule, NativeRights, NativeSegment, PAGE_BYTES, Relocation, RelocationValue,
};

use goblin::{elf::ProgramHeader, elf64::header::Header};

use super::{ReasonCode, findings::Findings, limits::hold};
use crate::Policy;
use dynamic::Table;
use file::File;
use image::Image;
use symbols::Symbols;

/// What an admitted native module is: what the loader needs, and the host functions it imports.
#[derive(Default)]
pub(super) struct Native {
    pub(super) module: NativeModule,
    pub(super) imports: Vec<String>,
}

/// The module as far as it can be read; it is whole if nothing is found against it.
pub(super) fn examine(elf: &[u8], policy: &Policy, findings: &mut Findings) -> Native {
    let most = policy.admission.module_bytes;
    hold(findings, ReasonCode::LimitModule, "bytes", elf.len() as u64, most);
    if !findings.is_empty() {
        return Native::default();
    }
    let file = File::new(elf);
    match header::read(&file, findings) {
        Some((header, headers)) => read(file, &header, &headers, policy, findings).0,
        None => Native::default(),
    }
}

/// The image is given back for what it was asked.
fn read<'a>(
    file: File<'a>,
    header: &Header,
    headers: &[ProgramHeader],
    policy: &Policy,
    findings: &mut Findings,
) -> (Native, Image<'a>) {
    let image = segments::place(file, headers, policy, findings);
    segments::check_others(headers, findings);
    let Some(range) = segments::dynamic(&image, headers, findings) else {
        return (Native::default(), image);
    };
    let table = Table::read(&image, range, findings);
    let symbols = Symbols::read(&image, &table, policy, findings);
    table.check(&symbols.strings, findings);
    let relocations = relocations::read(&image, &table, &symbols, policy, findings);
    let module = NativeModule {
        segments: image.segments(),
        exports: exports::functions(&image, &symbols, findings),
        initializers: initializers::read(&image, &table, &relocations, findings),
        arena: exports::arena(&image, &symbols, findings),
        span: image.span(),
        symbols: names::read(&image, header, &symbols, policy),
        relocations,
    };
    (Native { module, imports: symbols.imports }, image)
}
