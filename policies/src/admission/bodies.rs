//! Function bodies: their size, locals, nesting and branch tables, the features that their
//! operators need, and what they do that a snapshot does not hold. A body is not read past the
//! first limit that it exceeds.

use wasmparser::{FunctionBody, Operator, OperatorsReader, Result, WasmFeatures};

use super::{ReasonCode, features, findings::Findings, outline::Outline, replay_only::ReplayOnly};
use crate::policy::AdmissionLimits;

pub(super) fn check(outline: &Outline<'_>, limits: &AdmissionLimits, findings: &mut Findings) {
    let mut total_locals = 0;
    for (index, body) in outline.bodies.iter().enumerate() {
        match survey(body, limits, &mut total_locals) {
            Ok(Survey::Read { needed, replay_only }) => {
                findings.need(needed);
                findings.note(replay_only);
            }
            Ok(Survey::Over(code, what)) => {
                findings.refuse(code, format_args!("defined function {index}: {what}"));
            }
            Err(error) => findings.unreadable(&error),
        }
    }
    if total_locals > u64::from(limits.total_locals) {
        let most = limits.total_locals;
        findings.refuse(
            ReasonCode::LimitLocals,
            format_args!("all functions: {total_locals} locals, and the limit is {most}"),
        );
    }
}

/// What came of reading a body.
enum Survey {
    /// It was read to its end, needs these features, and does this that a snapshot does not hold.
    Read { needed: WasmFeatures, replay_only: ReplayOnly },
    /// It exceeds the limit of that code.
    Over(ReasonCode, String),
}

fn over(code: ReasonCode, what: &str, is: u64, most: u32) -> Option<Survey> {
    let detail = || format!("{is} {what}, and the limit is {most}");
    (is > u64::from(most)).then(|| Survey::Over(code, detail()))
}

fn survey(
    body: &FunctionBody<'_>,
    limits: &AdmissionLimits,
    total_locals: &mut u64,
) -> Result<Survey> {
    use ReasonCode::{LimitBody, LimitLocals};
    let bytes = body.range().len() as u64;
    if let Some(over) = over(LimitBody, "bytes", bytes, limits.function_body_bytes) {
        return Ok(over);
    }
    let mut needed = WasmFeatures::empty();
    let mut locals = 0;
    let mut reader = body.get_locals_reader()?;
    for _ in 0..reader.get_count() {
        let (count, ty) = reader.read()?;
        needed |= features::of_type(ty);
        locals += u64::from(count);
        if let Some(over) = over(LimitLocals, "locals", locals, limits.function_locals) {
            return Ok(over);
        }
    }
    *total_locals += locals;
    survey_operators(OperatorsReader::new(reader.get_binary_reader()), limits, needed)
}

fn survey_operators(
    mut operators: OperatorsReader<'_>,
    limits: &AdmissionLimits,
    mut needed: WasmFeatures,
) -> Result<Survey> {
    use ReasonCode::{LimitBrTable, LimitNesting};
    let mut replay_only = ReplayOnly::default();
    let mut depth: u64 = 0;
    while !operators.eof() {
        let operator = operators.read()?;
        needed |= features::of_operator(&operator);
        replay_only.add(ReplayOnly::of_operator(&operator));
        depth = match operator {
            Operator::Block { .. }
            | Operator::Loop { .. }
            | Operator::If { .. }
            | Operator::Try { .. }
            | Operator::TryTable { .. } => depth + 1,
            // The last `end` is the function's own.
            Operator::End | Operator::Delegate { .. } => depth.saturating_sub(1),
            _ => depth,
        };
        let targets = match &operator {
            Operator::BrTable { targets } => targets.len().into(),
            _ => 0,
        };
        let over = over(LimitNesting, "nested blocks", depth, limits.block_nesting).or_else(|| {
            over(LimitBrTable, "branch table targets", targets, limits.br_table_targets)
        });
        if let Some(over) = over {
            return Ok(over);
        }
    }
    operators.finish()?;
    Ok(Survey::Read { needed, replay_only })
}
