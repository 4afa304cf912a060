//! Constant expressions: how many operators each has, wherever one may stand.
//! The compiler makes code of every operator; linkers write one, position-independent code three.

use std::fmt::Display;

use wasmparser::{ConstExpr, DataKind, ElementItems, ElementKind, Operator};

use super::{ReasonCode, findings::Findings, limits::hold, outline::Outline};
use crate::policy::AdmissionLimits;

pub(super) fn check(outline: &Outline<'_>, limits: &AdmissionLimits, findings: &mut Findings) {
    let mut check = |place: &dyn Display, expression: &ConstExpr<'_>| {
        let what = format_args!("operators of the {place}");
        hold(findings, ReasonCode::LimitConst, what, operators(expression), limits.const_operators);
    };
    for (index, global) in outline.globals.items().enumerate() {
        check(&format_args!("initial value of global {index}"), &global.init_expr);
    }
    for (index, segment) in outline.data.items().enumerate() {
        if let DataKind::Active { offset_expr, .. } = &segment.kind {
            check(&format_args!("offset of data segment {index}"), offset_expr);
        }
    }
    for (index, segment) in outline.elements.items().enumerate() {
        if let ElementKind::Active { offset_expr, .. } = &segment.kind {
            check(&format_args!("offset of element segment {index}"), offset_expr);
        }
        if let ElementItems::Expressions(_, items) = segment.items {
            for (at, item) in items.into_iter().map_while(Result::ok).enumerate() {
                check(&format_args!("element {at} of segment {index}"), &item);
            }
        }
    }
}

/// Those before the final `end`, as far as they can be read.
fn operators(expression: &ConstExpr<'_>) -> u64 {
    let operators = expression.get_operators_reader().into_iter().map_while(Result::ok);
    operators.filter(|operator| !matches!(operator, Operator::End)).count() as u64
}
