//! The check at the start: every build is hashed and scanned again under today's policy. What fails
//! is made unschedulable, what failed before and passes now is taken back, and the audit says why.

use lattice_policies::{
    Policy, Sha256,
    admission::{self, Admitted},
};
use lattice_store::{ModuleBuild, Refusal, Store, StoreError};

use crate::packaging::policy_id;

/// How many builds were checked, and how many of them were refused or taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Recheck {
    pub(crate) checked: usize,
    pub(crate) refused: usize,
    pub(crate) readmitted: usize,
}

/// Checks all builds that matches could start from, and those that an earlier check refused.
/// Takes as long as scanning them does.
pub(crate) fn recheck(store: &Store, policy: &Policy) -> Result<Recheck, StoreError> {
    let mut done = Recheck::default();
    for build in store.refused_builds()? {
        done.checked += 1;
        if let Verdict::Admitted(admitted) = judge(store, &build, policy)? {
            store.readmit_build(&build, &admitted, policy_id(policy, build.packaging))?;
            done.readmitted += 1;
        }
    }
    for build in store.schedulable_builds()? {
        done.checked += 1;
        match judge(store, &build, policy)? {
            Verdict::Admitted(_) => continue,
            Verdict::Altered(found) => store.refuse_build(&build, Refusal::Altered { found })?,
            Verdict::Rejected(rejection) => {
                store.refuse_build(&build, Refusal::Rejected(&rejection))?;
            }
        }
        done.refused += 1;
    }
    Ok(done)
}

enum Verdict {
    Admitted(Admitted),
    Altered(Sha256),
    Rejected(admission::Rejection),
}

fn judge(store: &Store, build: &ModuleBuild, policy: &Policy) -> Result<Verdict, StoreError> {
    let bytes = store.module(build.sha256)?.unwrap_or_default();
    let found = Sha256::of(&bytes);
    if found != build.sha256 {
        return Ok(Verdict::Altered(found));
    }
    let outcome = admission::scan(build.packaging, bytes, policy);
    Ok(outcome.map_or_else(Verdict::Rejected, Verdict::Admitted))
}
