//! The barriers, in the order in which they can be raised: what needs files or rights first, the
//! filter last. Each is checked where the kernel tells of it, and counts only then.

use std::{fs::File, io, os::unix::fs::FileExt, sync::atomic::Ordering::Relaxed};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetError,
    RulesetStatus, Scope,
};
use lattice_cell::{Control, Setup};
use lattice_policies::isolation::{Barrier, Isolation};
use rustix::process::{Resource, Rlimit, Signal};
use thiserror::Error;

use crate::{capabilities, faults, filter, memory, namespaces, system, trampoline};

/// Why no sim is run in this process.
#[derive(Debug, Error)]
#[error("{what}: {why}")]
pub(crate) struct Failure {
    what: &'static str,
    why: String,
}

impl Failure {
    /// What can't be done, for `map_err`.
    pub(crate) fn of<E: ToString>(what: &'static str) -> impl FnOnce(E) -> Self {
        move |why| Self { what, why: why.to_string() }
    }
}

/// Raises all barriers that this machine has, and says in `control` which stand. After this the
/// process waits, wakes its host and ends, and does nothing else.
pub(crate) fn raise(control: &'static Control, setup: &Setup) -> Result<(), Failure> {
    memory::check(setup)?;
    trampoline::learn_registers();
    faults::reset_signals().map_err(Failure::of("signals"))?;
    let clocks = memory::Clocks::find().map_err(Failure::of("/proc/self/maps"))?;
    let status = File::open("/proc/self/status").map_err(Failure::of("/proc/self/status"))?;

    let mut stand = Isolation::of_bits(setup.process.barriers);
    let spaces = namespaces::raise(setup.process.namespaces);
    if spaces.empty_root {
        stand.insert(Barrier::EmptyRoot);
    }
    let user = capabilities::become_nobody(setup.process.namespaces);
    if user && spaces.all_but_user {
        stand.insert(Barrier::Namespaces);
    }
    capabilities::drop_all().map_err(Failure::of(Barrier::Unprivileged.text()))?;
    stand.insert(Barrier::Unprivileged);
    if landlock().is_ok_and(|stands| stands) {
        stand.insert(Barrier::Landlock);
    }

    memory::map(setup)?;
    clocks.unmap().map_err(Failure::of(Barrier::Clock.text()))?;
    no_time_stamps().map_err(Failure::of(Barrier::Clock.text()))?;
    stand.insert(Barrier::Clock);
    if no_speculation() {
        stand.insert(Barrier::Speculation);
    }
    system::fault_on_cpuid();
    limits(setup).map_err(Failure::of("limits"))?;
    end_with_host(&status, setup.process.host).map_err(Failure::of("the host's death"))?;
    drop(status);
    memory::close_descriptors().map_err(Failure::of("descriptors"))?;
    faults::tell_in(control).map_err(Failure::of("signals"))?;

    // The host reads this only once it is told that the filter stands as well.
    stand.insert(Barrier::Seccomp);
    control.barriers.store(stand.bits(), Relaxed);
    drop(stand);
    filter::raise(control).map_err(Failure::of(Barrier::Seccomp.text()))
}

/// Whether every file is forbidden; with newer kernels TCP ports and what else they know are, too.
/// The second ABI is Linux 5.19's, and Debian 12 has no later one; sockets are the filter's anyway.
fn landlock() -> Result<bool, RulesetError> {
    let demanded = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(ABI::V2))?;
    let status = demanded
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V6))?
        .handle_access(AccessNet::from_all(ABI::V6))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .restrict_self()?;
    Ok(status.ruleset != RulesetStatus::NotEnforced && status.no_new_privs)
}

fn no_time_stamps() -> io::Result<()> {
    system::prctl(libc::PR_SET_TSC, libc::PR_TSC_SIGSEGV as u64, 0)?;
    let mut state = 0;
    system::prctl_read(libc::PR_GET_TSC, &mut state)?;
    if state == libc::PR_TSC_SIGSEGV {
        return Ok(());
    }
    Err(io::Error::other("the time stamp counter is still readable"))
}

/// Turns off what the kernel lets a process turn off, and says whether it is off then, or was
/// before, or has nothing to it on this processor.
fn no_speculation() -> bool {
    [PR_SPEC_STORE_BYPASS, PR_SPEC_INDIRECT_BRANCH].into_iter().all(|kind| {
        let _ = system::prctl(PR_SET_SPECULATION_CTRL, kind, PR_SPEC_FORCE_DISABLE);
        let off = PR_SPEC_DISABLE | PR_SPEC_FORCE_DISABLE;
        let state = system::prctl(PR_GET_SPECULATION_CTRL, kind, 0).map(|state| state as u64);
        state.is_ok_and(|state| state == PR_SPEC_NOT_AFFECTED || state & off != 0)
    })
}

// Of <linux/prctl.h>.
const PR_GET_SPECULATION_CTRL: i32 = 52;
const PR_SET_SPECULATION_CTRL: i32 = 53;
const PR_SPEC_STORE_BYPASS: u64 = 0;
const PR_SPEC_INDIRECT_BRANCH: u64 = 1;
const PR_SPEC_NOT_AFFECTED: u64 = 0;
const PR_SPEC_DISABLE: u64 = 1 << 2;
const PR_SPEC_FORCE_DISABLE: u64 = 1 << 3;

/// Address space, in bytes, beside the sim's image and the ring: the program itself.
const OWN_MEMORY: u64 = 64 << 20;
/// Of the cell's own stack, in bytes.
const OWN_STACK: u64 = 1 << 20;

fn limits(setup: &Setup) -> rustix::io::Result<()> {
    let ring = u64::from(setup.inlet) + u64::from(setup.outlet);
    let set = |resource, most| {
        rustix::process::setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
    };
    set(Resource::As, setup.span + ring + OWN_MEMORY)?;
    set(Resource::Stack, OWN_STACK)?;
    for resource in [
        Resource::Core,
        Resource::Fsize,
        Resource::Nproc,
        Resource::Nofile,
        Resource::Memlock,
        Resource::Locks,
        Resource::Msgqueue,
        Resource::Sigpending,
        Resource::Rtprio,
        Resource::Nice,
    ] {
        set(resource, 0)?;
    }
    Ok(())
}

/// The kernel kills this process when the host's thread that made it ends. To come after the last
/// change of rights, which would undo it; and the host may be gone by then.
fn end_with_host(status: &File, host: u32) -> io::Result<()> {
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    let mut text = [0; 4096];
    let len = status.read_at(&mut text, 0)?;
    let text = String::from_utf8_lossy(&text[..len]);
    let parent = text.lines().find_map(|line| line.strip_prefix("PPid:"));
    if parent.map(str::trim) == Some(host.to_string().as_str()) {
        return Ok(());
    }
    Err(io::Error::other("the host has ended"))
}
