//! Data flow: branches and the values that live across them, neither of which is much alone.

use lattice_policies::policy::AdmissionLimits;

use crate::sim::{expect, expect_of, scan, with};

/// A function with so many locals and so many branches, one after another.
fn function(locals: usize, branches: usize) -> String {
    let branch = "local.get 0 if end ";
    format!("(func (param i32) (local {}) {})", "i32 ".repeat(locals), branch.repeat(branches))
}

#[test]
fn many_locals_and_many_branches_are_admitted_each_alone() {
    expect("locals", &with(&function(4_096, 1_000)), "");
    expect("branches", &with(&function(10, 12_000)), "");
    expect("both", &with(&function(4_096, 4_000)), "LIMIT_DATAFLOW");
}

#[test]
fn values_on_the_operand_stack_count_as_locals_do() {
    let stack = |branches: usize| {
        let branches = "local.get 0 if end ".repeat(branches);
        let (values, sums) = ("local.get 0 ".repeat(4_096), "drop ".repeat(4_096));
        format!("(func (param i32) {values} {branches} {sums})")
    };
    expect("few branches", &with(&stack(1_000)), "");
    expect("many branches", &with(&stack(4_000)), "LIMIT_DATAFLOW");
}

#[test]
fn branches_that_nothing_lives_across_are_limited_too() {
    let ways = [
        ("if", "local.get 0 if end ", 24_000),
        ("loop", "loop end ", 10_000),
        ("br_if", "local.get 0 br_if 0 ", 24_000),
        ("call_indirect", "local.get 0 call_indirect ", 12_000),
        ("table.get", "local.get 0 table.get 0 drop ", 24_000),
        ("memory.grow", "local.get 0 memory.grow drop ", 8_000),
    ];
    for (what, way, times) in ways {
        let fields =
            |times| format!("(table 1 1 funcref) (func (param i32) {})", way.repeat(times));
        expect(what, &with(&fields(times / 4)), "");
        expect(what, &with(&fields(times)), "LIMIT_DATAFLOW");
    }
}

#[test]
fn blocks_that_carry_values_weigh_more() {
    let list = "i32 ".repeat(16);
    let fields = |times: usize| {
        let block = format!("local.get 0 if (param {list}) (result {list}) else end ");
        let (values, drops) = ("local.get 0 ".repeat(16), "drop ".repeat(16));
        format!("(func (param i32) {values} {} {drops})", block.repeat(times))
    };
    expect("1000", &with(&fields(1_000)), "");
    expect("3000", &with(&fields(3_000)), "LIMIT_DATAFLOW");
}

#[test]
fn a_branch_table_branches_to_each_label_once() {
    let fields = |nested: usize| {
        let targets = (0..4_096).map(|at| format!("{} ", at % nested)).collect::<String>();
        let table = format!("(block local.get 0 br_table {targets}) ").repeat(10);
        let locals = "i32 ".repeat(4_000);
        let (open, close) = ("(block ".repeat(nested - 1), ")".repeat(nested - 1));
        format!("(func (param i32) (local {locals}) {open} {table} {close})")
    };
    expect("to few labels", &with(&fields(10)), "");
    expect("to many labels", &with(&fields(500)), "LIMIT_DATAFLOW");
}

#[test]
fn each_figure_is_the_last_that_is_admitted() {
    // Two ifs, across each of which a parameter, a local and the condition live.
    let wasm = with(&function(1, 2).repeat(3)).wasm();
    let limits = |function_dataflow, total_dataflow| AdmissionLimits {
        function_dataflow,
        total_dataflow,
        ..AdmissionLimits::default()
    };
    expect_of("at both limits", &scan(wasm.clone(), &limits(6, 18)), "");
    expect_of("over the total", &scan(wasm.clone(), &limits(6, 17)), "LIMIT_DATAFLOW");
    let rejection = scan(wasm, &limits(5, 18)).unwrap_err();
    assert_eq!(rejection.total, 3, "each of the three functions");
    let detail = "branches times live values of function 4: 6, and the limit is 5";
    assert_eq!(rejection.reasons[0].detail, detail);
}
