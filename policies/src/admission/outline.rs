//! What a module is made of, read once: sections, types and function bodies, without judging them.
//!
//! It is read with *every* feature on, so that a refused module's imports, exports and limits can
//! all be named; `validity` then holds what is admitted to the features that are on.
//! Nothing is allocated from a declared size: what is kept is bounded by the limits and the bytes.

use wasmparser::{
    CompositeInnerType, Data, Element, Export, FromReader, FuncType, FunctionBody, Global, Import,
    ImportSectionReader, Imports, MemoryType, Parser, Payload, RecGroup, SectionLimited, SubType,
    Table, TypeRef, TypeSectionReader, WasmFeatures,
};

use super::{features, findings::Findings};
use crate::policy::AdmissionLimits;

/// The first byte of a recursion group, which stands for any number of types.
const REC_GROUP: u8 = 0x4e;

/// A section, absent ones being empty. An item that cannot be read ends it.
pub(super) struct Section<'a, T>(Option<SectionLimited<'a, T>>);

impl<'a, T: FromReader<'a>> Section<'a, T> {
    pub(super) fn items(&self) -> impl Iterator<Item = T> + use<'a, T> {
        self.0.clone().into_iter().flatten().map_while(Result::ok)
    }

    /// How many items it claims to have.
    pub(super) fn declared(&self) -> u64 {
        self.0.as_ref().map_or(0, |section| section.count().into())
    }

    fn set(&mut self, section: SectionLimited<'a, T>) {
        self.0 = Some(section);
    }
}

impl<T> Default for Section<'_, T> {
    fn default() -> Self {
        Self(None)
    }
}

/// A module's parts. Where a section is meant, it is what the module defines itself.
#[derive(Default)]
pub(super) struct Outline<'a> {
    pub(super) type_groups: Section<'a, RecGroup>,
    import_groups: Section<'a, Imports<'a>>,
    pub(super) functions: Section<'a, u32>,
    pub(super) tables: Section<'a, Table<'a>>,
    pub(super) memories: Section<'a, MemoryType>,
    pub(super) globals: Section<'a, Global<'a>>,
    pub(super) exports: Section<'a, Export<'a>>,
    pub(super) elements: Section<'a, Element<'a>>,
    pub(super) data: Section<'a, Data<'a>>,
    pub(super) custom_sections: u64,
    pub(super) has_start: bool,
    /// Whether every section was found, so that what is not there is missing.
    pub(super) whole: bool,
    /// The types, as far as the limit allows; `None` for one that is no function type.
    pub(super) types: Vec<Option<FuncType>>,
    /// The type of each function, as far as the limit allows.
    function_types: Vec<u32>,
    /// The body of each function, as far as the limit allows.
    pub(super) bodies: Vec<FunctionBody<'a>>,
    /// `None` if the import section cannot be read to its end.
    imported_functions: Option<u32>,
}

impl<'a> Outline<'a> {
    /// Reads as much as can be read, and notes where the format ends it.
    pub(super) fn read(wasm: &'a [u8], limits: &AdmissionLimits, findings: &mut Findings) -> Self {
        let mut outline = Self { imported_functions: Some(0), whole: true, ..Self::default() };
        let mut parser = Parser::new(0);
        parser.set_features(WasmFeatures::all());
        for payload in parser.parse_all(wasm) {
            match payload {
                Ok(payload) => outline.take(payload, wasm, limits, findings),
                Err(error) => {
                    findings.unreadable(&error);
                    outline.whole = false;
                    break;
                }
            }
        }
        outline
    }

    fn take(
        &mut self,
        payload: Payload<'a>,
        wasm: &[u8],
        limits: &AdmissionLimits,
        findings: &mut Findings,
    ) {
        match payload {
            Payload::TypeSection(section) => {
                self.types = read_types(&section, wasm, limits.types as usize, findings);
                self.type_groups.set(section);
            }
            Payload::ImportSection(section) => {
                self.imported_functions = read_imports(&section, findings);
                self.import_groups.set(section);
            }
            Payload::FunctionSection(section) => {
                self.functions.set(readable(section, findings));
                self.function_types =
                    self.functions.items().take(limits.functions as usize).collect();
            }
            Payload::TableSection(section) => self.tables.set(readable(section, findings)),
            Payload::MemorySection(section) => self.memories.set(readable(section, findings)),
            Payload::GlobalSection(section) => self.globals.set(readable(section, findings)),
            Payload::ExportSection(section) => self.exports.set(readable(section, findings)),
            Payload::ElementSection(section) => self.elements.set(readable(section, findings)),
            Payload::DataSection(section) => self.data.set(readable(section, findings)),
            Payload::TagSection(_) => findings.need(WasmFeatures::EXCEPTIONS),
            Payload::StartSection { .. } => self.has_start = true,
            Payload::CodeSectionEntry(body) if self.bodies.len() < limits.functions as usize => {
                self.bodies.push(body);
            }
            Payload::CustomSection(_) => self.custom_sections += 1,
            // What is left is empty, counted elsewhere, or unknown, which validation refuses.
            _ => {}
        }
    }

    /// Every import, those that an entry of the compact encoding stands for among them.
    pub(super) fn imports(&self) -> impl Iterator<Item = Import<'a>> + use<'a> {
        let imports = self.import_groups.items().flatten();
        imports.map_while(Result::ok).map(|(_, import)| import)
    }

    /// Whether a function of that index is imported; `None` if the imports are unreadable.
    pub(super) fn is_imported(&self, function: u32) -> Option<bool> {
        self.imported_functions.map(|imported| function < imported)
    }

    /// The type of a function that the module defines itself, if both can be read.
    pub(super) fn defined_type(&self, function: u32) -> Option<&FuncType> {
        let at = self.defined_at(function)?;
        self.function_type(*self.function_types.get(at)?)
    }

    /// The body of a function that the module defines itself.
    pub(super) fn body(&self, function: u32) -> Option<&FunctionBody<'a>> {
        self.bodies.get(self.defined_at(function)?)
    }

    pub(super) fn function_type(&self, ty: u32) -> Option<&FuncType> {
        self.types.get(ty as usize)?.as_ref()
    }

    fn defined_at(&self, function: u32) -> Option<usize> {
        Some(function.checked_sub(self.imported_functions?)? as usize)
    }
}

/// The section as it is, with a note of where it cannot be read.
fn readable<'a, T: FromReader<'a>>(
    section: SectionLimited<'a, T>,
    findings: &mut Findings,
) -> SectionLimited<'a, T> {
    if let Some(error) = section.clone().into_iter().find_map(Result::err) {
        findings.unreadable(&error);
    }
    section
}

/// The number of functions imported, or `None` if the section cannot be read to its end.
fn read_imports(section: &ImportSectionReader<'_>, findings: &mut Findings) -> Option<u32> {
    let mut functions = 0;
    for group in section.clone() {
        let group = group.map_err(|error| findings.unreadable(&error)).ok()?;
        if !matches!(group, Imports::Single(..)) {
            findings.need(WasmFeatures::COMPACT_IMPORTS);
        }
        for import in group {
            let (_, import) = import.map_err(|error| findings.unreadable(&error)).ok()?;
            functions += u32::from(matches!(import.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)));
        }
    }
    Some(functions)
}

/// At most `most` types. Reading ends at a recursion group, for which the parser would reserve
/// memory by its declared size.
fn read_types(
    section: &TypeSectionReader<'_>,
    wasm: &[u8],
    most: usize,
    findings: &mut Findings,
) -> Vec<Option<FuncType>> {
    let mut types = Vec::new();
    let mut groups = section.clone().into_iter();
    while types.len() < most {
        if wasm.get(groups.original_position()) == Some(&REC_GROUP) {
            findings.need(WasmFeatures::GC);
            break;
        }
        match groups.next() {
            Some(Ok(group)) => types.extend(group.types().map(|ty| function_type(ty, findings))),
            Some(Err(error)) => {
                findings.unreadable(&error);
                break;
            }
            None => break,
        }
    }
    types
}

fn function_type(ty: &SubType, findings: &mut Findings) -> Option<FuncType> {
    if !ty.is_final || ty.supertype_idx.is_some() {
        findings.need(WasmFeatures::GC);
    }
    if ty.composite_type.shared {
        findings.need(WasmFeatures::SHARED_EVERYTHING_THREADS);
    }
    match &ty.composite_type.inner {
        CompositeInnerType::Func(function) => {
            let values = function.params().iter().chain(function.results());
            values.for_each(|value| findings.need(features::of_type(*value)));
            return Some(function.clone());
        }
        CompositeInnerType::Cont(_) => findings.need(WasmFeatures::STACK_SWITCHING),
        CompositeInnerType::Array(_) | CompositeInnerType::Struct(_) => {
            findings.need(WasmFeatures::GC);
        }
    }
    None
}
