//! Imports: every occurrence is held against the surface table by module, name, kind and type.

use wasmparser::{Import, TypeRef, WasmFeatures};

use super::{ReasonCode, features, findings::Findings, hints, outline::Outline, signature};
use crate::{
    functions::{HostFunction, IMPORT_MODULE, find},
    policy::AdmissionLimits,
};

pub(super) fn check(outline: &Outline<'_>, _: &AdmissionLimits, findings: &mut Findings) {
    for import in outline.imports() {
        let granted = granted(&import);
        if granted.is_none() {
            let hint = || hints::for_import(import.module, import.name);
            let shown = format_args!("{}.{}", import.module, import.name);
            findings.refuse_with_hint(ReasonCode::ImportNotAllowed, shown, hint);
        }
        match import.ty {
            TypeRef::Func(ty) => check_type(granted, ty, outline, findings),
            _ => refuse_kind(&import, findings),
        }
    }
}

/// The names imported, each once, in order of appearance. Takes time by the product of imports and
/// names, so it is for what is admitted.
pub(super) fn names(outline: &Outline<'_>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for import in outline.imports() {
        if !names.iter().any(|name| name == import.name) {
            names.push(import.name.to_owned());
        }
    }
    names
}

/// Module and name are compared apart: joined, two pairs could read alike.
fn granted(import: &Import<'_>) -> Option<&'static HostFunction> {
    find(import.name).filter(|_| import.module == IMPORT_MODULE)
}

fn check_type(
    granted: Option<&HostFunction>,
    ty: u32,
    outline: &Outline<'_>,
    findings: &mut Findings,
) {
    let (Some(function), Some(ty)) = (granted, outline.function_type(ty)) else { return };
    if !signature::is(ty, &function.signature) {
        let HostFunction { name, signature, .. } = function;
        let other = signature::Shown(ty);
        let detail = format_args!("{IMPORT_MODULE}.{name} is {signature}, not {other}");
        let hint = || Some(hints::INCLUDE_HEADER.to_owned());
        findings.refuse_with_hint(ReasonCode::ImportSignature, detail, hint);
    }
}

fn refuse_kind(import: &Import<'_>, findings: &mut Findings) {
    let (kind, needed) = kind(&import.ty);
    findings.need(needed);
    let Import { module, name, .. } = import;
    let detail = format_args!("{module}.{name} is a {kind}; only functions are imported");
    findings.refuse_with_hint(ReasonCode::ImportKind, detail, || hints::for_import(module, name));
}

/// What an import is, and what features it needs to be that.
fn kind(ty: &TypeRef) -> (&'static str, WasmFeatures) {
    match ty {
        TypeRef::Func(_) => ("function", WasmFeatures::empty()),
        TypeRef::FuncExact(_) => ("function of exact type", WasmFeatures::CUSTOM_DESCRIPTORS),
        TypeRef::Table(table) => ("table", features::of_table(table)),
        TypeRef::Memory(memory) => ("memory", features::of_memory(memory)),
        TypeRef::Global(global) => ("global", features::of_type(global.content_type)),
        TypeRef::Tag(_) => ("tag", WasmFeatures::EXCEPTIONS),
    }
}
