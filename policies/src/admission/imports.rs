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
            other => refuse_kind(&import, other, findings),
        }
    }
}

/// The names imported, each once, in order of appearance.
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
        let other = signature::shown(ty);
        let detail = format_args!("{IMPORT_MODULE}.{name} is {signature}, not {other}");
        let hint = || Some(hints::INCLUDE_HEADER.to_owned());
        findings.refuse_with_hint(ReasonCode::ImportSignature, detail, hint);
    }
}

fn refuse_kind(import: &Import<'_>, ty: TypeRef, findings: &mut Findings) {
    let kind = match ty {
        TypeRef::Func(_) => "function",
        TypeRef::FuncExact(_) => {
            findings.need(WasmFeatures::CUSTOM_DESCRIPTORS);
            "function of an exact type"
        }
        TypeRef::Table(table) => {
            findings.need(features::of_table(&table));
            "table"
        }
        TypeRef::Memory(memory) => {
            findings.need(features::of_memory(&memory));
            "memory"
        }
        TypeRef::Global(global) => {
            findings.need(features::of_type(global.content_type));
            "global"
        }
        TypeRef::Tag(_) => {
            findings.need(WasmFeatures::EXCEPTIONS);
            "tag"
        }
    };
    let Import { module, name, .. } = import;
    let detail = format_args!("{module}.{name} is a {kind}; only functions are imported");
    let hint = || hints::for_import(import.module, import.name);
    findings.refuse_with_hint(ReasonCode::ImportKind, detail, hint);
}
