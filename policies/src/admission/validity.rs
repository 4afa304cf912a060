//! Validation: the whole module, by the rules of WebAssembly, with the features that are on.
//! The engine uses the same validator in the same version, so both agree on what is valid.

use wasmparser::{FuncValidatorAllocations, Parser, Result, ValidPayload, Validator};

use super::{dataflow::Dataflow, features::FEATURES, findings::Findings};
use crate::policy::AdmissionLimits;

/// `Ok` if a module is valid; what it takes to follow its functions is held against the limits on
/// the way. The features are set on the parser too: it has its own.
pub(super) fn check(wasm: &[u8], limits: &AdmissionLimits, findings: &mut Findings) -> Result<()> {
    let mut parser = Parser::new(0);
    parser.set_features(FEATURES);
    let mut validator = Validator::new_with_features(FEATURES);
    let mut dataflow = Dataflow::default();
    let mut allocations = FuncValidatorAllocations::default();
    for payload in parser.parse_all(wasm) {
        if let ValidPayload::Func(function, body) = validator.payload(&payload?)? {
            let mut function = function.into_validator(allocations);
            dataflow.validate(&mut function, &body, limits, findings)?;
            allocations = function.into_allocations();
        }
    }
    dataflow.conclude(limits, findings);
    Ok(())
}
