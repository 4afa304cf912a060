//! The counts and sizes of a module's sections, held against the limits by what they declare,
//! before anything is made from them. Memory, tables and function bodies have their own files.

use std::fmt::Display;

use super::{ReasonCode, findings::Findings, outline::Outline};
use crate::policy::AdmissionLimits;

/// Refuses what is over its limit, with both figures.
pub(super) fn hold(
    findings: &mut Findings,
    code: ReasonCode,
    what: impl Display,
    is: u64,
    most: impl Into<u64>,
) {
    let most = most.into();
    if is > most {
        findings.refuse(code, format_args!("{what}: {is}, and the limit is {most}"));
    }
}

/// Entries of each section.
pub(super) fn check_counts(
    outline: &Outline<'_>,
    limits: &AdmissionLimits,
    findings: &mut Findings,
) {
    use ReasonCode::{
        LimitCustom, LimitExports, LimitFunctions, LimitGlobals, LimitImports, LimitSegments,
        LimitTypes,
    };
    let segments = outline.data.declared() + outline.elements.declared();
    let counts = [
        (LimitTypes, "types", outline.type_groups.declared(), limits.types),
        (LimitImports, "imports", outline.imports().count() as u64, limits.imports),
        (LimitFunctions, "functions", outline.functions.declared(), limits.functions),
        (LimitGlobals, "globals", outline.globals.declared(), limits.globals),
        (LimitExports, "exports", outline.exports.declared(), limits.exports),
        (LimitSegments, "data and element segments", segments, limits.segments),
        (LimitCustom, "custom sections", outline.custom_sections, limits.custom_sections),
    ];
    for (code, what, count, most) in counts {
        hold(findings, code, what, count, most);
    }
}

/// Parameters and results of each function type.
pub(super) fn check_types(
    outline: &Outline<'_>,
    limits: &AdmissionLimits,
    findings: &mut Findings,
) {
    let types = outline.types.iter().enumerate();
    for (index, ty) in types.filter_map(|(index, ty)| Some((index, ty.as_ref()?))) {
        let params = ty.params().len() as u64;
        let results = ty.results().len() as u64;
        let what = format_args!("parameters of type {index}");
        hold(findings, ReasonCode::LimitParams, what, params, limits.function_params);
        let what = format_args!("results of type {index}");
        hold(findings, ReasonCode::LimitResults, what, results, limits.function_results);
    }
}

/// Names of imports and exports. Those in custom sections are never read.
pub(super) fn check_names(
    outline: &Outline<'_>,
    limits: &AdmissionLimits,
    findings: &mut Findings,
) {
    let imports = outline.imports().flat_map(|import| [import.module, import.name]);
    let exports = outline.exports.items().map(|export| export.name);
    for name in imports.chain(exports) {
        let bytes = name.len() as u64;
        // Cut here, so that the figures behind the name are not.
        let shown = name.char_indices().nth(32).map_or(name, |(end, _)| &name[..end]);
        hold(
            findings,
            ReasonCode::LimitName,
            format_args!("bytes of the name that begins with {shown}"),
            bytes,
            limits.name_bytes,
        );
    }
}
