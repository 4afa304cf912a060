//! Constant expressions: short wherever one stands, since the compiler makes code of each operator.

use lattice_policies::policy::AdmissionLimits;

use crate::sim::{expect_of, scan, with};

/// Where an expression may stand, and the fields that have it there.
type Place = (&'static str, fn(&str) -> String);

/// A value of 0 in so many operators, an odd count.
fn zero(operators: usize) -> String {
    format!("i32.const 0 {}", "i32.const 0 i32.add ".repeat(operators / 2))
}

#[test]
fn a_constant_expression_is_limited_wherever_it_stands() {
    let limits = AdmissionLimits { const_operators: 5, ..AdmissionLimits::default() };
    let places: [Place; 3] = [
        ("initial value of global 0", |zero| format!("(global i32 {zero})")),
        ("offset of data segment 0", |zero| format!("(data (offset {zero}) \"x\")")),
        ("offset of element segment 0", |zero| {
            format!("(func $f) (table 4 4 funcref) (elem (offset {zero}) func $f)")
        }),
    ];
    for (place, fields) in places {
        let at_most = with(&fields(&zero(5))).wasm();
        expect_of(place, &scan(at_most, &limits), "");
        let outcome = scan(with(&fields(&zero(7))).wasm(), &limits);
        expect_of(place, &outcome, "LIMIT_CONST");
        let detail = &outcome.unwrap_err().reasons[0].detail;
        assert_eq!(*detail, format!("operators of the {place}: 7, and the limit is 5"));
    }
}

#[test]
fn an_element_is_limited_as_any_other() {
    let limits =
        |const_operators| AdmissionLimits { const_operators, ..AdmissionLimits::default() };
    let wasm = with("(func $f) (elem funcref (ref.func $f) (ref.null func))").wasm();
    expect_of("one operator", &scan(wasm.clone(), &limits(1)), "");
    let outcome = scan(wasm, &limits(0));
    expect_of("of none", &outcome, "LIMIT_CONST");
    let detail = &outcome.unwrap_err().reasons[1].detail;
    assert_eq!(*detail, "operators of the element 1 of segment 0: 1, and the limit is 0");
}

#[test]
fn a_chain_as_long_as_a_module_is_refused_before_it_is_validated() {
    // It would underflow its operands, had it been validated.
    let chain = format!("(global i32 {} i32.add)", zero(1_000_001));
    let outcome = with(&chain).scan();
    expect_of("a long chain", &outcome, "LIMIT_CONST");
}
