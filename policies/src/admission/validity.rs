//! Validation: the whole module, by the rules of WebAssembly, with the features that are on.
//! The engine uses the same validator in the same version, so both agree on what is valid.

use wasmparser::{FuncValidatorAllocations, Parser, Result, ValidPayload, Validator};

use super::features::FEATURES;

/// `Ok` if a module is valid. The features are set on the parser too: it has its own.
pub(super) fn check(wasm: &[u8]) -> Result<()> {
    let mut parser = Parser::new(0);
    parser.set_features(FEATURES);
    let mut validator = Validator::new_with_features(FEATURES);
    let mut allocations = FuncValidatorAllocations::default();
    for payload in parser.parse_all(wasm) {
        if let ValidPayload::Func(function, body) = validator.payload(&payload?)? {
            let mut function = function.into_validator(allocations);
            function.validate(&body)?;
            allocations = function.into_allocations();
        }
    }
    Ok(())
}
