//! The check at the start: every build that matches could start from is hashed and scanned again
//! under today's policy. What fails is made unschedulable, and the audit says why.

use lattice_policies::{Sha256, admission, policy::AdmissionLimits};
use lattice_store::{ModuleBuild, Refusal, Store, StoreError};

/// How many builds were checked, and how many of them refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Recheck {
    pub(crate) checked: usize,
    pub(crate) refused: usize,
}

/// Checks all schedulable builds. Takes as long as scanning them does.
pub(crate) fn recheck(store: &Store, limits: &AdmissionLimits) -> Result<Recheck, StoreError> {
    let builds = store.schedulable_builds()?;
    let mut refused = 0;
    for build in &builds {
        refused += usize::from(!is_still_admitted(store, build, limits)?);
    }
    Ok(Recheck { checked: builds.len(), refused })
}

fn is_still_admitted(
    store: &Store,
    build: &ModuleBuild,
    limits: &AdmissionLimits,
) -> Result<bool, StoreError> {
    let wasm = store.wasm(build.sha256)?.unwrap_or_default();
    let found = Sha256::of(&wasm);
    if found != build.sha256 {
        store.refuse_build(build, Refusal::Altered { found })?;
        return Ok(false);
    }
    match admission::scan(wasm, limits) {
        Ok(_) => Ok(true),
        Err(rejection) => {
            store.refuse_build(build, Refusal::Rejected(&rejection))?;
            Ok(false)
        }
    }
}
