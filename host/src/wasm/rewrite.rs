//! What is compiled of a module: the module itself, with each mutable global exported, so that a
//! snapshot reaches all of a sim's state. Changes nothing that the sim can notice.

use std::ops::Range;

use wasm_encoder::{ExportKind, ExportSection, Module, RawSection};
use wasmparser::{BinaryReaderError, ExternalKind, Parser, Payload};

/// Raised whenever the same module would be rewritten in another way.
pub(crate) const REWRITER: u32 = 1;

/// What the names of the added exports begin with; the global's number follows.
const PREFIX: &str = "lattice:global:";
/// The numbers of a module's sections.
const EXPORTS: u8 = 7;
const CODE: u8 = 10;

/// A module with names for its mutable globals.
pub(crate) struct Rewritten {
    pub(crate) wasm: Vec<u8>,
    /// The added exports, in the order of the globals.
    pub(crate) globals: Vec<String>,
    /// How much further on in `wasm` the code stands than in the module.
    pub(crate) code_shift: isize,
}

/// Rewrites a module that the scan admitted; the same module always to the same bytes.
pub(crate) fn rewrite(wasm: &[u8]) -> Result<Rewritten, BinaryReaderError> {
    let outline = Outline::read(wasm)?;
    let prefix = outline.free_prefix();
    let name = |global: &u32| format!("{prefix}{global}");
    let globals: Vec<_> = outline.mutable.iter().map(name).collect();
    let mut exports = outline.exports;
    for (name, global) in globals.iter().zip(&outline.mutable) {
        exports.export(name, ExportKind::Global, *global);
    }
    let mut module = Module::new();
    let mut code_shift = 0;
    for (id, range) in outline.sections {
        let data = &wasm[range.clone()];
        match id {
            EXPORTS => module.section(&exports),
            _ => module.section(&RawSection { id, data }),
        };
        if id == CODE {
            code_shift = module.len() as isize - range.end as isize;
        }
    }
    Ok(Rewritten { wasm: module.finish(), globals, code_shift })
}

/// The parts of a module that matter here.
struct Outline<'a> {
    /// In their order, each with its number.
    sections: Vec<(u8, Range<usize>)>,
    exports: ExportSection,
    names: Vec<&'a str>,
    /// The numbers of the mutable globals. None is imported: a sim imports functions alone.
    mutable: Vec<u32>,
}

impl<'a> Outline<'a> {
    fn read(wasm: &'a [u8]) -> Result<Self, BinaryReaderError> {
        let (sections, names, mutable) = Default::default();
        let mut outline = Self { sections, exports: ExportSection::new(), names, mutable };
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload?;
            if let Some((id, range)) = payload.as_section() {
                outline.sections.push((id, range));
            }
            outline.take(&payload)?;
        }
        Ok(outline)
    }

    fn take(&mut self, payload: &Payload<'a>) -> Result<(), BinaryReaderError> {
        match payload {
            Payload::GlobalSection(globals) => {
                for (number, global) in (0..).zip(globals.clone()) {
                    if global?.ty.mutable {
                        self.mutable.push(number);
                    }
                }
            }
            Payload::ExportSection(exports) => {
                for export in exports.clone() {
                    let export = export?;
                    self.exports.export(export.name, kind(export.kind), export.index);
                    self.names.push(export.name);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The prefix, lengthened until no name of the module's begins with it.
    fn free_prefix(&self) -> String {
        let mut prefix = PREFIX.to_owned();
        while self.names.iter().any(|name| name.starts_with(&prefix)) {
            prefix.push(':');
        }
        prefix
    }
}

/// Functions, memories, tables and globals are all that the features allow.
fn kind(kind: ExternalKind) -> ExportKind {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => ExportKind::Func,
        ExternalKind::Table => ExportKind::Table,
        ExternalKind::Memory => ExportKind::Memory,
        ExternalKind::Global => ExportKind::Global,
        ExternalKind::Tag => ExportKind::Tag,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIM: &str = r#"(module
        (global (mut i32) (i32.const 1)) (global i32 (i32.const 2)) (global (mut f64) (f64.const 3))
        (memory (export "memory") 1) (func (export "f") (result i32) global.get 0)
        (data (i32.const 0) "data") (@custom "producers" "x"))"#;

    fn exports(wasm: &[u8]) -> Vec<String> {
        let mut names = Vec::new();
        for payload in Parser::new(0).parse_all(wasm) {
            if let Payload::ExportSection(exports) = payload.unwrap() {
                names.extend(exports.into_iter().map(|export| export.unwrap().name.to_owned()));
            }
        }
        names
    }

    #[test]
    fn mutable_globals_get_names_and_all_else_stays() {
        let wasm = wat::parse_str(SIM).unwrap();
        let rewritten = rewrite(&wasm).unwrap();
        assert_eq!(rewritten.globals, ["lattice:global:0", "lattice:global:2"]);
        let names = ["memory", "f", "lattice:global:0", "lattice:global:2"];
        assert_eq!(exports(&rewritten.wasm), names);
        wasmparser::Validator::new().validate_all(&rewritten.wasm).unwrap();
        assert_eq!(rewrite(&wasm).unwrap().wasm, rewritten.wasm, "the same each time");
        let sections = |wasm: &[u8]| Outline::read(wasm).unwrap().sections;
        let code = |wasm: &[u8]| sections(wasm).into_iter().find(|it| it.0 == CODE).unwrap().1;
        let moved = code(&rewritten.wasm).start as isize - code(&wasm).start as isize;
        assert_eq!(
            (sections(&wasm).len(), moved),
            (sections(&rewritten.wasm).len(), rewritten.code_shift)
        );
    }

    #[test]
    fn a_module_that_took_the_names_first_keeps_them() {
        let taken = SIM.replace(r#"(export "f")"#, r#"(export "lattice:global:0")"#);
        let rewritten = rewrite(&wat::parse_str(&taken).unwrap()).unwrap();
        assert_eq!(rewritten.globals, ["lattice:global::0", "lattice:global::2"]);
        wasmparser::Validator::new().validate_all(&rewritten.wasm).unwrap();
    }
}
