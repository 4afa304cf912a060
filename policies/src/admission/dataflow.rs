//! Data flow: what the compiler has to follow through a function, where control branches and joins.
//! Its time and memory grow with the branches times the values that live across them, and again
//! with the branches themselves, so no limit of either alone bounds them.

use wasmparser::{
    BinaryReader, BlockType, FuncValidator, FunctionBody, ModuleArity, Operator, Result, SubType,
    ValidatorResources,
};

use super::{ReasonCode, findings::Findings, limits::hold};
use crate::policy::AdmissionLimits;

/// Branches that cost as much as one value that lives across one.
const BRANCHES_PER_VALUE: u64 = 16;
/// A loop is a place to branch to, and each turn checks the fuel and the deadline; so do the bulk
/// operations, by their length.
const LOOP_BRANCHES: u64 = 3;
/// An indirect call looks whether the table's element is there, and makes it otherwise.
const INDIRECT_CALL_BRANCHES: u64 = 2;

/// Follows the functions of a module one by one, and adds them up.
#[derive(Default)]
pub(super) struct Dataflow {
    total: u64,
}

impl Dataflow {
    /// Validates a function's body, and holds what it takes to follow it against the limit.
    pub(super) fn validate(
        &mut self,
        function: &mut FuncValidator<ValidatorResources>,
        body: &FunctionBody<'_>,
        limits: &AdmissionLimits,
        findings: &mut Findings,
    ) -> Result<()> {
        let flow = validate(function, body)?;
        self.total += flow;
        let what = format_args!("branches times live values of function {}", function.index());
        hold(findings, ReasonCode::LimitDataflow, what, flow, limits.function_dataflow);
        Ok(())
    }

    pub(super) fn conclude(self, limits: &AdmissionLimits, findings: &mut Findings) {
        let what = "branches times live values of all functions";
        hold(findings, ReasonCode::LimitDataflow, what, self.total, limits.total_dataflow);
    }
}

/// What it takes to follow the function: the sum, over its branches, of the values that may live
/// across each.
fn validate(
    function: &mut FuncValidator<ValidatorResources>,
    body: &FunctionBody<'_>,
) -> Result<u64> {
    let mut reader = body.get_binary_reader();
    function.read_locals(&mut reader)?;
    let mut flow = 0;
    let mut branches = 0;
    while !reader.eof() {
        let operator = peek(&reader, function)?;
        let live = u64::from(function.len_locals()) + u64::from(function.operand_stack_height());
        let added = branches_of(&operator, function);
        let position = reader.original_position();
        reader.visit_operator(&mut function.visitor(position))??;
        let passed = branches * (1 + 2 * values_carried(&operator, function)) / BRANCHES_PER_VALUE;
        flow += added * (live + passed);
        branches += added;
    }
    reader.finish_expression(&function.visitor(reader.original_position()))?;
    Ok(flow)
}

fn peek<'a>(
    reader: &BinaryReader<'a>,
    function: &mut FuncValidator<ValidatorResources>,
) -> Result<Operator<'a>> {
    reader.peek_operator(&function.visitor(reader.original_position()))
}

/// The ways that control may take at an operator, besides the next one.
fn branches_of(operator: &Operator<'_>, function: &FuncValidator<ValidatorResources>) -> u64 {
    match operator {
        Operator::Loop { .. }
        | Operator::MemoryGrow { .. }
        | Operator::MemoryInit { .. }
        | Operator::MemoryCopy { .. }
        | Operator::MemoryFill { .. }
        | Operator::TableGrow { .. }
        | Operator::TableInit { .. }
        | Operator::TableCopy { .. }
        | Operator::TableFill { .. } => LOOP_BRANCHES,
        Operator::CallIndirect { .. } => INDIRECT_CALL_BRANCHES,
        Operator::Block { .. }
        | Operator::If { .. }
        | Operator::Else
        | Operator::BrIf { .. }
        | Operator::TableGet { .. } => 1,
        // Targets are as many as there are labels; the same one again is no further way.
        Operator::BrTable { targets } => {
            u64::from(targets.len()).min(function.control_stack_height().into()) + 1
        }
        _ => 0,
    }
}

/// The parameters and results of the block that a valid operator opens.
fn values_carried(operator: &Operator<'_>, function: &FuncValidator<ValidatorResources>) -> u64 {
    let (Operator::Block { blockty } | Operator::Loop { blockty } | Operator::If { blockty }) =
        operator
    else {
        return 0;
    };
    match blockty {
        BlockType::Empty => 0,
        BlockType::Type(_) => 1,
        BlockType::FuncType(index) => {
            let ty = function.sub_type_at(*index).map(SubType::unwrap_func);
            ty.map_or(0, |ty| (ty.params().len() + ty.results().len()) as u64)
        }
    }
}
