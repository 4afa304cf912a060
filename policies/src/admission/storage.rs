//! Memory and tables: how many, of what kind, and how large they may become.

use wasmparser::{TableInit, TableType, TypeRef, WasmFeatures};

use super::{
    ReasonCode, features,
    findings::Findings,
    limits::hold,
    outline::{Outline, items},
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
    let defined = outline.memories().count();
    if outline.whole && defined == 0 {
        findings.refuse(ReasonCode::MemoryMissing, "the module defines no memory");
    }
    if imported.count() + defined > 1 {
        findings.need(WasmFeatures::MULTI_MEMORY);
    }
    for (index, memory) in outline.memories().enumerate() {
        findings.need(features::of_memory(&memory));
        let page_size_log2 = memory.page_size_log2.unwrap_or(PAGE_SIZE_LOG2).min(PAGE_SIZE_LOG2);
        let sizes = [("minimum", Some(memory.initial)), ("maximum", memory.maximum)];
        for (which, pages) in sizes {
            let Some(pages) = pages else { continue };
            let what = format!("{which} pages of memory {index}");
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
    let count = outline.tables().count();
    if count > 1 {
        findings.refuse(ReasonCode::TableCount, format!("{count} tables, and a sim may have one"));
    }
    for (index, table) in outline.tables().enumerate() {
        findings.need(features::of_table(&table.ty));
        if matches!(table.init, TableInit::Expr(_)) {
            findings.need(WasmFeatures::FUNCTION_REFERENCES);
        }
        check_table(index, &table.ty, limits, findings);
    }
}

fn check_table(index: usize, table: &TableType, limits: &AdmissionLimits, findings: &mut Findings) {
    let what = |which: &str| format!("{which} elements of table {index}");
    let most = limits.table_elements;
    hold(findings, ReasonCode::LimitTable, what("minimum"), table.initial, most);
    if table.maximum.is_none() {
        let detail = format!("table {index} has no maximum");
        findings.refuse_with_hint(ReasonCode::TableUnbounded, detail, || {
            Some("link without --growable-table".to_owned())
        });
    }
    let grown = table.maximum.unwrap_or(u32::MAX.into());
    hold(findings, ReasonCode::LimitTable, what("maximum"), grown, most);
}

/// Globals are bounded in number alone; here is what their types need.
pub(super) fn check_globals(outline: &Outline<'_>, _: &AdmissionLimits, findings: &mut Findings) {
    for global in items(&outline.global_section) {
        findings.need(features::of_type(global.ty.content_type));
        if global.ty.shared {
            findings.need(WasmFeatures::SHARED_EVERYTHING_THREADS);
        }
    }
}
