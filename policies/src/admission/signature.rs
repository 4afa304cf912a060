//! The types of functions: a module's own held against the surface table's.

use std::fmt;

use wasmparser::{FuncType, ValType};

use crate::functions::{Scalar, Signature};

/// Whether a function type of a module is the one in the surface table.
pub(super) fn is(ty: &FuncType, signature: &Signature) -> bool {
    let params = signature.params.iter().map(|param| value(*param));
    let results = signature.result.iter().map(|result| value(*result));
    ty.params().iter().copied().eq(params) && ty.results().iter().copied().eq(results)
}

/// A module's function type, shown as the surface table's are: `(i32, i64) -> i32`.
pub(super) struct Shown<'a>(pub(super) &'a FuncType);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        list(f, self.0.params())?;
        f.write_str(" -> ")?;
        match self.0.results() {
            [one] => one.fmt(f),
            several => list(f, several),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, types: &[ValType]) -> fmt::Result {
    f.write_str("(")?;
    for (index, ty) in types.iter().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        write!(f, "{separator}{ty}")?;
    }
    f.write_str(")")
}

fn value(scalar: Scalar) -> ValType {
    match scalar {
        Scalar::I32 => ValType::I32,
        Scalar::I64 => ValType::I64,
        Scalar::F64 => ValType::F64,
    }
}
