//! Data and element segments: what is written at instantiation must fit in what is there then.
//! Otherwise instantiation would trap, and a build that can never run would count as schedulable.

use wasmparser::{ConstExpr, DataKind, Element, ElementItems, ElementKind, MemoryType, Operator};

use super::{ReasonCode, findings::Findings, limits::hold, outline::Outline};
use crate::policy::AdmissionLimits;

const PAGE_BYTES: u64 = 65_536;
/// Operands that an offset may hold at once; compilers write one, position-independent code two.
const MOST_OPERANDS: usize = 16;

/// Active data segments lie in the memory's minimum.
pub(super) fn check_data(outline: &Outline<'_>, _: &AdmissionLimits, findings: &mut Findings) {
    // Without exactly one plain memory, that is the reason.
    let Some(MemoryType { memory64: false, page_size_log2: None, initial, .. }) =
        outline.memories.items().next()
    else {
        return;
    };
    let bytes = initial.saturating_mul(PAGE_BYTES);
    for (index, segment) in outline.data.items().enumerate() {
        if let DataKind::Active { memory_index: 0, offset_expr } = segment.kind {
            let length = segment.data.len() as u64;
            if let Err(why) = lies_within(&offset_expr, length, bytes) {
                let detail = format_args!("data segment {index} {why} bytes");
                findings.refuse(ReasonCode::DataOutOfBounds, detail);
            }
        }
    }
}

/// Active element segments lie in the table's minimum, and all together are no longer than any
/// table: for each element the compiler takes far more memory than the module does.
pub(super) fn check_elements(
    outline: &Outline<'_>,
    limits: &AdmissionLimits,
    findings: &mut Findings,
) {
    let table = outline.tables.items().next().map(|table| table.ty);
    let mut total = 0;
    for (index, segment) in outline.elements.items().enumerate() {
        let length = length_of(&segment);
        total += length;
        let (ElementKind::Active { offset_expr, .. }, Some(table)) = (segment.kind, table) else {
            continue;
        };
        if let Err(why) = lies_within(&offset_expr, length, table.initial) {
            let detail = format_args!("element segment {index} {why} elements");
            findings.refuse(ReasonCode::ElemOutOfBounds, detail);
        }
    }
    let what = "elements of all segments";
    hold(findings, ReasonCode::LimitTable, what, total, limits.table_elements);
}

fn length_of(segment: &Element<'_>) -> u64 {
    match &segment.items {
        ElementItems::Functions(functions) => functions.count().into(),
        ElementItems::Expressions(_, expressions) => expressions.count().into(),
    }
}

/// `Err` says where the segment lies instead, up to the unit.
fn lies_within(offset: &ConstExpr<'_>, length: u64, room: u64) -> Result<(), String> {
    let Some(offset) = value_of(offset) else {
        return Err(format!("is placed by what is not known ahead; it must lie within the {room}"));
    };
    let end = u64::from(offset) + length;
    if end <= room {
        return Ok(());
    }
    Err(format!("ends at {end}, beyond the {room}"))
}

/// The value of a constant offset; `None` if it depends on a global or is no `i32`.
fn value_of(offset: &ConstExpr<'_>) -> Option<u32> {
    let mut operands: Vec<u32> = Vec::new();
    for operator in offset.get_operators_reader() {
        let value = match operator.ok()? {
            Operator::I32Const { value } => value as u32,
            Operator::I32Add => apply(&mut operands, u32::wrapping_add)?,
            Operator::I32Sub => apply(&mut operands, u32::wrapping_sub)?,
            Operator::I32Mul => apply(&mut operands, u32::wrapping_mul)?,
            Operator::End => break,
            _ => return None,
        };
        if operands.len() == MOST_OPERANDS {
            return None;
        }
        operands.push(value);
    }
    operands.pop()
}

fn apply(operands: &mut Vec<u32>, operation: fn(u32, u32) -> u32) -> Option<u32> {
    let right = operands.pop()?;
    let left = operands.pop()?;
    Some(operation(left, right))
}
