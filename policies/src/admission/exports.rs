//! Exports: what the host will call must be there, of the right type, defined by the module
//! itself, and unwrapped. Other exports grant nothing and are let be.

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
            let hint = || {
                Some(hints::for_missing_export(
                    name,
                    outline.exports.items().map(|export| export.name),
                ))
            };
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
        let expected = EXPORTS.iter().find(|known| known.name == export.name);
        let wrong = match expected {
            Some(known) => wrong_function(&export, &known.signature, outline),
            None if export.name == MEMORY && export.kind != ExternalKind::Memory => {
                Some(format!("a {}, and must be the memory", kind(&export)))
            }
            None => None,
        };
        if let Some(wrong) = wrong {
            findings
                .refuse(ReasonCode::ExportSignature, format_args!("{} is {wrong}", export.name));
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

/// What stands under the name instead of a function of that type, if anything.
fn wrong_function(
    export: &Export<'_>,
    expected: &Signature,
    outline: &Outline<'_>,
) -> Option<String> {
    if !is_function(export) {
        return Some(format!("a {}, and must be a function {expected}", kind(export)));
    }
    if outline.is_imported(export.index)? {
        return Some("an import handed through, and must be a function of the module".to_owned());
    }
    let ty = outline.defined_type(export.index)?;
    let shown = || format!("{}, and must be {expected}", signature::shown(ty));
    (!signature::is(ty, expected)).then(shown)
}

fn is_function(export: &Export<'_>) -> bool {
    matches!(export.kind, ExternalKind::Func | ExternalKind::FuncExact)
}

fn kind(export: &Export<'_>) -> &'static str {
    match export.kind {
        ExternalKind::Func | ExternalKind::FuncExact => "function",
        ExternalKind::Table => "table",
        ExternalKind::Memory => "memory",
        ExternalKind::Global => "global",
        ExternalKind::Tag => "tag",
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
