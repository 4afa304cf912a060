//! Which WebAssembly features a sim may use, and how one that is off is named.
//! Never reads a module; see `outline` and `bodies` for what uses a feature.

use wasmparser::{
    AbstractHeapType, HeapType, MemoryType, Operator, RefType, TableType, ValType, WasmFeatures,
};

/// The features that are on: parser and validator get them, and the engine is asserted to have
/// no other.
///
/// `REFERENCE_TYPES` without `GC_TYPES` is `funcref` alone: `externref` and its kin would bring a
/// garbage-collected heap into the host.
pub const FEATURES: WasmFeatures = WasmFeatures::MUTABLE_GLOBAL
    .union(WasmFeatures::SIGN_EXTENSION)
    .union(WasmFeatures::SATURATING_FLOAT_TO_INT)
    .union(WasmFeatures::MULTI_VALUE)
    .union(WasmFeatures::BULK_MEMORY)
    .union(WasmFeatures::REFERENCE_TYPES)
    .union(WasmFeatures::EXTENDED_CONST)
    .union(WasmFeatures::SIMD)
    .union(WasmFeatures::FLOATS);

/// The features that are on, by the names of their proposals.
pub fn feature_names() -> Vec<String> {
    FEATURES.iter().map(name).collect()
}

/// Those of `features` that are off.
pub(super) fn off(features: WasmFeatures) -> WasmFeatures {
    features.difference(FEATURES)
}

/// The proposal's name as it is commonly written: `tail-call`.
pub(super) fn name(feature: WasmFeatures) -> String {
    let names: Vec<_> = feature.iter_names().map(|(name, _)| name).collect();
    names.join(", ").to_lowercase().replace('_', "-")
}

/// What to change in a build that uses the feature.
pub(super) fn hint(feature: WasmFeatures) -> Option<&'static str> {
    const HINTS: [(WasmFeatures, &str); 10] = [
        (WasmFeatures::EXCEPTIONS, "compile with -fno-exceptions and without setjmp"),
        (WasmFeatures::LEGACY_EXCEPTIONS, "compile with -fno-exceptions and without setjmp"),
        (WasmFeatures::THREADS, "compile without -pthread, -matomics and shared memory"),
        (WasmFeatures::TAIL_CALL, "compile with -mno-tail-call"),
        (WasmFeatures::RELAXED_SIMD, "compile with -mno-relaxed-simd: its results differ by CPU"),
        (WasmFeatures::MEMORY64, "compile for wasm32"),
        (WasmFeatures::MULTI_MEMORY, "a sim has one memory"),
        (WasmFeatures::WIDE_ARITHMETIC, "compile with -mno-wide-arithmetic"),
        (WasmFeatures::GC_TYPES, "of the reference types only funcref is on"),
        (WasmFeatures::GC, "a sim keeps its objects in its own memory"),
    ];
    HINTS.iter().find(|(known, _)| *known == feature).map(|(_, hint)| *hint)
}

/// What a value type needs.
pub(super) fn of_type(ty: ValType) -> WasmFeatures {
    match ty {
        ValType::Ref(ty) => of_reference(ty),
        _ => WasmFeatures::empty(),
    }
}

/// What a reference type needs.
pub(super) fn of_reference(reference: RefType) -> WasmFeatures {
    use AbstractHeapType::{Cont, Exn, Extern, Func, NoCont, NoExn};
    let (shared, ty) = match reference.heap_type() {
        HeapType::Concrete(_) => return WasmFeatures::FUNCTION_REFERENCES,
        HeapType::Exact(_) => return WasmFeatures::CUSTOM_DESCRIPTORS,
        HeapType::Abstract { shared, ty } => (shared, ty),
    };
    let sharing =
        if shared { WasmFeatures::SHARED_EVERYTHING_THREADS } else { WasmFeatures::empty() };
    sharing
        | match ty {
            Func if reference.is_nullable() => WasmFeatures::empty(),
            Func => WasmFeatures::FUNCTION_REFERENCES,
            Extern => WasmFeatures::GC_TYPES,
            Exn | NoExn => WasmFeatures::EXCEPTIONS,
            Cont | NoCont => WasmFeatures::STACK_SWITCHING,
            _ => WasmFeatures::GC,
        }
}

/// What a memory needs.
pub(super) fn of_memory(memory: &MemoryType) -> WasmFeatures {
    all_that_hold([
        (memory.memory64, WasmFeatures::MEMORY64),
        (memory.shared, WasmFeatures::THREADS),
        (memory.page_size_log2.is_some(), WasmFeatures::CUSTOM_PAGE_SIZES),
    ])
}

/// What a table needs.
pub(super) fn of_table(table: &TableType) -> WasmFeatures {
    all_that_hold([
        (table.table64, WasmFeatures::MEMORY64),
        (table.shared, WasmFeatures::SHARED_EVERYTHING_THREADS),
        (true, of_reference(table.element_type)),
    ])
}

fn all_that_hold(conditions: [(bool, WasmFeatures); 3]) -> WasmFeatures {
    conditions.into_iter().filter(|(holds, _)| *holds).map(|(_, feature)| feature).collect()
}

/// The proposal that an operator came with.
pub(super) fn of_operator(operator: &Operator<'_>) -> WasmFeatures {
    macro_rules! proposal {
        (mvp) => {
            WasmFeatures::empty()
        };
        (sign_extension) => {
            WasmFeatures::SIGN_EXTENSION
        };
        (saturating_float_to_int) => {
            WasmFeatures::SATURATING_FLOAT_TO_INT
        };
        (bulk_memory) => {
            WasmFeatures::BULK_MEMORY
        };
        (reference_types) => {
            WasmFeatures::REFERENCE_TYPES
        };
        (simd) => {
            WasmFeatures::SIMD
        };
        (gc) => {
            WasmFeatures::GC
        };
        (custom_descriptors) => {
            WasmFeatures::CUSTOM_DESCRIPTORS
        };
        (tail_call) => {
            WasmFeatures::TAIL_CALL
        };
        (memory_control) => {
            WasmFeatures::MEMORY_CONTROL
        };
        (threads) => {
            WasmFeatures::THREADS
        };
        (relaxed_simd) => {
            WasmFeatures::RELAXED_SIMD
        };
        (exceptions) => {
            WasmFeatures::EXCEPTIONS
        };
        (legacy_exceptions) => {
            WasmFeatures::LEGACY_EXCEPTIONS
        };
        (shared_everything_threads) => {
            WasmFeatures::SHARED_EVERYTHING_THREADS
        };
        (function_references) => {
            WasmFeatures::FUNCTION_REFERENCES
        };
        (stack_switching) => {
            WasmFeatures::STACK_SWITCHING
        };
        (wide_arithmetic) => {
            WasmFeatures::WIDE_ARITHMETIC
        };
    }
    macro_rules! proposal_of_each {
        ($(@$proposal:ident $op:ident $({ $($arg:ident: $argty:ty),* })? => $visit:ident ($($ann:tt)*))*) => {
            match operator {
                $(Operator::$op { .. } => proposal!($proposal),)*
                _ => WasmFeatures::empty(),
            }
        };
    }
    wasmparser::for_each_operator!(proposal_of_each)
}
