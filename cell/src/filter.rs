//! The filter: of all system calls, this process keeps waiting for its turn, waking the host, and
//! ending. Each other, also by way of another architecture's numbers, kills it.

use std::{collections::BTreeMap, mem, sync::atomic::AtomicU32};

use lattice_cell::Control;
use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp,
    SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

/// Raises the filter. From here on nothing may allocate or give memory back.
pub(crate) fn raise(control: &'static Control) -> Result<(), Error> {
    let program = program(control)?;
    let raised = seccompiler::apply_filter(&program);
    mem::forget(program);
    raised
}

fn program(control: &Control) -> Result<BpfProgram, BackendError> {
    let wait = futex(&control.to_cell, libc::FUTEX_WAIT)?;
    let wake = futex(&control.to_host, libc::FUTEX_WAKE)?;
    let rules =
        BTreeMap::from([(libc::SYS_futex, vec![wait, wake]), (libc::SYS_exit_group, Vec::new())]);
    let arch = TargetArch::x86_64;
    SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, arch)?.try_into()
}

/// The futex call on that word alone, of that kind, and without a timeout: that would be a clock.
fn futex(word: &AtomicU32, operation: i32) -> Result<SeccompRule, BackendError> {
    let is = |place, len, value| SeccompCondition::new(place, len, SeccompCmpOp::Eq, value);
    SeccompRule::new(vec![
        is(0, SeccompCmpArgLen::Qword, word.as_ptr() as u64)?,
        is(1, SeccompCmpArgLen::Dword, operation as u64)?,
        is(3, SeccompCmpArgLen::Qword, 0)?,
    ])
}
