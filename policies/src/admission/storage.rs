//! Memory and tables: how many, of what kind, and how large they may become.

use wasmparser::{TableInit, TableType, TypeRef, WasmFeatures};

use super::{
    ReasonCode, features, findings::Findings, hints, limits::hold, outline::Outline,
    replay_only::ReplayOnly,
};
use crate::policy::AdmissionLimits;

const PAGE_SIZE_LOG2: u32 = 16;

/// One memory, of which no more is declared than a match gets.
pub(super) fn check_memory(
    outline: &Outline<'_>,
    limits: &AdmissionLimits,
    findings: &mut Findings,
) {
    let imported = outline.imports().filter(|import| matches!(import.ty, TypeRef::Memory(_)));
    let defined = outline.memories.items().count();
    if outline.whole && defined == 0 {
        findings.refuse(ReasonCode::MemoryMissing, "the module defines no memory");
    }
    if imported.count() + defined > 1 {
        findings.need(WasmFeatures::MULTI_MEMORY);
    }
    for (index, memory) in outline.memories.items().enumerate() {
        findings.need(features::of_memory(&memory));
        let page_size_log2 = memory.page_size_log2.unwrap_or(PAGE_SIZE_LOG2).min(PAGE_SIZE_LOG2);
        let sizes = [("minimum", Some(memory.initial)), ("maximum", memory.maximum)];
        for (which, pages) in sizes {
            let Some(pages) = pages else { continue };
            let what = format_args!("{which} pages of memory {index}");
            let most = u64::from(limits.memory_pages) << (PAGE_SIZE_LOG2 - page_size_log2);
            hold(findings, ReasonCode::LimitMemory, what, pages, most);
        }
    }
}

/// At most one table, with a maximum.
pub(super) fn check_tables(
    outline: &Outline<'_>,
    limits: &AdmissionLimits,
    findings: &mut Findings,
) {
    let count = outline.tables.items().count();
    if count > 1 {
        findings
            .refuse(ReasonCode::TableCount, format_args!("{count} tables, and a sim may have one"));
    }
    for (index, table) in outline.tables.items().enumerate() {
        findings.need(features::of_table(&table.ty));
        if matches!(table.init, TableInit::Expr(_)) {
            findings.need(WasmFeatures::FUNCTION_REFERENCES);
        }
        check_table(index, &table.ty, limits, findings);
    }
}

fn check_table(index: usize, table: &TableType, limits: &AdmissionLimits, findings: &mut Findings) {
    let most = limits.table_elements;
    let what = format_args!("minimum elements of table {index}");
    hold(findings, ReasonCode::LimitTable, what, table.initial, most);
    if table.maximum.is_none() {
        let detail = format_args!("table {index} has no maximum");
        let hint = || Some(hints::BOUND_THE_TABLE.to_owned());
        findings.refuse_with_hint(ReasonCode::TableUnbounded, detail, hint);
    }
    let grown = table.maximum.unwrap_or(u32::MAX.into());
    let what = format_args!("maximum elements of table {index}");
    hold(findings, ReasonCode::LimitTable, what, grown, most);
}

/// Globals are bounded in number alone; here is what their types need.
pub(super) fn check_globals(outline: &Outline<'_>, _: &AdmissionLimits, findings: &mut Findings) {
    for global in outline.globals.items() {
        findings.need(features::of_type(global.ty.content_type));
        findings.note(ReplayOnly::of_global(global.ty));
        if global.ty.shared {
            findings.need(WasmFeatures::SHARED_EVERYTHING_THREADS);
        }
    }
}
