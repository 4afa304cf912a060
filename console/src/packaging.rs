//! What a build's packaging means beside the scan and the run: how its bytes travel, and whose word
//! its admission rests on. Never looks into the bytes.

use lattice_policies::{
    Policy, Sha256,
    admission::{Packaging, feature_names},
};

/// The packaging of an upload of that content type.
pub(crate) fn of_content_type(found: &str) -> Option<Packaging> {
    Packaging::ALL.into_iter().find(|packaging| content_type(*packaging) == found)
}

/// The content type of a build's bytes.
pub(crate) const fn content_type(packaging: Packaging) -> &'static str {
    match packaging {
        Packaging::Wasm => "application/wasm",
        Packaging::Native => "application/x-sharedlib",
    }
}

/// The name of the part of a policy that a build is admitted and run under.
pub(crate) fn policy_id(policy: &Policy, packaging: Packaging) -> Sha256 {
    match packaging {
        Packaging::Wasm => policy.fingerprint(),
        Packaging::Native => policy.native_fingerprint(),
    }
}

/// The features of WebAssembly that a build may use.
pub(crate) fn features(packaging: Packaging) -> Vec<String> {
    match packaging {
        Packaging::Wasm => feature_names(),
        Packaging::Native => Vec::new(),
    }
}
