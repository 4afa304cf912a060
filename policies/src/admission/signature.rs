//! The types of functions: a module's own held against the surface table's.

use wasmparser::{FuncType, ValType};

use crate::functions::{Scalar, Signature};

/// Whether a function type of a module is the one in the surface table.
pub(super) fn is(ty: &FuncType, signature: &Signature) -> bool {
    let params = signature.params.iter().map(|param| value(*param));
    let results = signature.result.iter().map(|result| value(*result));
    ty.params().iter().copied().eq(params) && ty.results().iter().copied().eq(results)
}

/// `(i32, i64) -> i32`, as the surface table's signatures are shown.
pub(super) fn shown(ty: &FuncType) -> String {
    let list = |types: &[ValType]| {
        let names: Vec<String> = types.iter().map(ToString::to_string).collect();
        names.join(", ")
    };
    let results = match ty.results() {
        [one] => one.to_string(),
        several => format!("({})", list(several)),
    };
    format!("({}) -> {results}", list(ty.params()))
}

fn value(scalar: Scalar) -> ValType {
    match scalar {
        Scalar::I32 => ValType::I32,
        Scalar::I64 => ValType::I64,
        Scalar::F64 => ValType::F64,
    }
}
