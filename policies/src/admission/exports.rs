//! Exports: what the host will call must be there, of the right type, defined by the module
//! itself, and unwrapped. Other exports grant nothing and are let be.

use std::fmt::Display;

use wasmparser::{Export, ExternalKind, Operator, WasmFeatures};

use super::{ReasonCode, findings::Findings, hints, outline::Outline, signature};
use crate::{
    functions::{EXPORTS, MARKER, MEMORY, Signature},
    policy::AdmissionLimits,
};

/// The required ones are there.
pub(super) fn check_presence(outline: &Outline<'_>, _: &AdmissionLimits, findings: &mut Findings) {
    let required = EXPORTS.iter().filter(|export| export.required).map(|export| export.name);
    for name in required.chain([MEMORY]) {
        if outline.whole && !outline.exports.items().any(|export| export.name == name) {
            let others = outline.exports.items().map(|export| export.name);
            let hint = || Some(hints::for_missing_export(name, others));
            findings.refuse_with_hint(ReasonCode::ExportMissing, name, hint);
        }
    }
}

/// The known ones are what their name says.
pub(super) fn check_types(outline: &Outline<'_>, _: &AdmissionLimits, findings: &mut Findings) {
    for export in outline.exports.items() {
        if export.kind == ExternalKind::FuncExact {
            findings.need(WasmFeatures::CUSTOM_DESCRIPTORS);
        }
        if let Some(known) = EXPORTS.iter().find(|known| known.name == export.name) {
            check_function(&export, &known.signature, outline, findings);
        } else if export.name == MEMORY && export.kind != ExternalKind::Memory {
            refuse(findings, MEMORY, kind(&export), "the memory");
        }
    }
}

/// The marker's body is empty. A linker that found static constructors and nobody to call them
/// wraps every export, the marker with them, and the constructors would rerun on each tick.
pub(super) fn check_marker(outline: &Outline<'_>, _: &AdmissionLimits, findings: &mut Findings) {
    let marker = outline.exports.items().find(|export| export.name == MARKER);
    if marker.is_some_and(|marker| is_wrapped(&marker, outline)) {
        let detail = format_args!("{MARKER} has a body, and must be empty");
        let hint = || Some(hints::UNWRAP.to_owned());
        findings.refuse_with_hint(ReasonCode::ExportsWrapped, detail, hint);
    }
}

/// The optional exports that are there, in the surface's order.
pub(super) fn optional(outline: &Outline<'_>) -> Vec<&'static str> {
    let there = |name: &str| outline.exports.items().any(|export| export.name == name);
    let optional = EXPORTS.iter().filter(|export| !export.required).map(|export| export.name);
    optional.filter(|name| there(name)).collect()
}

/// Under the name stands a function of that type, made by the module itself.
fn check_function(
    export: &Export<'_>,
    expected: &Signature,
    outline: &Outline<'_>,
    findings: &mut Findings,
) {
    let Export { name, index, .. } = *export;
    if !is_function(export) {
        refuse(findings, name, kind(export), format_args!("a function {expected}"));
    } else if outline.is_imported(index) == Some(true) {
        refuse(findings, name, "an import handed through", "a function of the module itself");
    } else if let Some(ty) = outline.defined_type(index).filter(|ty| !signature::is(ty, expected)) {
        refuse(findings, name, signature::Shown(ty), expected);
    }
}

fn refuse(findings: &mut Findings, name: &str, is: impl Display, must_be: impl Display) {
    let detail = format_args!("{name} is {is}, and must be {must_be}");
    findings.refuse(ReasonCode::ExportSignature, detail);
}

fn is_function(export: &Export<'_>) -> bool {
    matches!(export.kind, ExternalKind::Func | ExternalKind::FuncExact)
}

fn kind(export: &Export<'_>) -> &'static str {
    match export.kind {
        ExternalKind::Func | ExternalKind::FuncExact => "a function",
        ExternalKind::Table => "a table",
        ExternalKind::Memory => "a memory",
        ExternalKind::Global => "a global",
        ExternalKind::Tag => "a tag",
    }
}

fn is_wrapped(marker: &Export<'_>, outline: &Outline<'_>) -> bool {
    let body = is_function(marker).then(|| outline.body(marker.index)).flatten();
    let Some(operators) = body.and_then(|body| body.get_operators_reader().ok()) else {
        return false;
    };
    let first: Result<Vec<_>, _> = operators.into_iter().take(3).collect();
    // A lone `return` is what an unoptimised build has. A body that cannot be read is malformed.
    first.is_ok_and(|first| {
        !matches!(first[..], [Operator::End] | [Operator::Return, Operator::End])
    })
}
