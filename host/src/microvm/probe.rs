//! The probe: whether KVM here runs guests on the processor. KVM can be there and be an emulator,
//! which answers every ioctl as the real one does; so two guests are booted and what they do counts,
//! not what anything is called.

use std::{
    fs::File,
    os::{fd::AsFd, unix::fs::FileExt},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use kvm_ioctls::Kvm;
use lattice_cell::{IMAGE_BASE, Range, Rights};
use rustix::fs::{MemfdFlags, memfd_create};
use thiserror::Error;

use super::{
    code,
    machine::{self, Exit, Machine, MachineError, Ring, Start},
    paging::PAGE,
    system::{EXCEPTIONS, RETURNED, rings_at},
    watch::Watch,
};

/// A guest of some dozen instructions has so long, where a processor needs microseconds.
const DEADLINE: Duration = Duration::from_secs(2);
/// KVM itself may hang: the probe's thread is then left behind.
const PATIENCE: Duration = Duration::from_secs(10);
const GENERAL_PROTECTION: u64 = 13;

/// What speaks against running sims in virtual machines here.
#[derive(Debug, Error)]
pub(super) enum NoMachine {
    #[error(transparent)]
    Machine(#[from] MachineError),
    #[error("a guest that computes with SSE can't go on ({0}): KVM is emulated here")]
    Sse(String),
    #[error("a guest that computes with SSE has wrong numbers ({0:#x}): KVM is emulated here")]
    Wrong(u64),
    #[error("a guest can read the processor's clock though it was forbidden: {0}")]
    Clock(String),
    #[error("KVM did not hand a guest back within {} s", PATIENCE.as_secs())]
    Hangs,
    #[error("its thread can't be started: {0}")]
    Thread(std::io::Error),
}

/// Nothing, or all that speaks against it.
pub(super) fn probe(watch: &Watch) -> Result<(), Vec<NoMachine>> {
    let (done, answer) = mpsc::sync_channel(1);
    let watch = watch.clone();
    let boot = move || drop(done.send(boot(&watch)));
    let thread = thread::Builder::new().name("vm probe".into()).spawn(boot);
    thread.map_err(|error| vec![NoMachine::Thread(error)])?;
    answer.recv_timeout(PATIENCE).unwrap_or_else(|_| Err(vec![NoMachine::Hangs]))
}

/// Boots both guests.
fn boot(watch: &Watch) -> Result<(), Vec<NoMachine>> {
    let device = machine::open().map_err(|error| vec![error.into()])?;
    let found = [computes(&device, watch), has_no_clock(&device, watch)];
    let against: Vec<_> = found.into_iter().filter_map(Result::err).collect();
    if against.is_empty() { Ok(()) } else { Err(against) }
}

/// SSE in the guest's kernel, which no shortcut lets run as a part of this process: the numbers
/// have to be right.
fn computes(device: &Kvm, watch: &Watch) -> Result<(), NoMachine> {
    match run(device, watch, code::probe(), Ring::Kernel)? {
        Exit::Store { at, value, .. } if at == rings_at(RETURNED) => match value {
            code::PROBE_RIGHT => Ok(()),
            wrong => Err(NoMachine::Wrong(wrong)),
        },
        other => Err(NoMachine::Sse(other.to_string())),
    }
}

/// A sim that reads the clock has to be stopped by the processor.
fn has_no_clock(device: &Kvm, watch: &Watch) -> Result<(), NoMachine> {
    const ANSWERED: u64 = rings_at(RETURNED);
    const STOPPED: u64 = rings_at(EXCEPTIONS + 8 * GENERAL_PROTECTION);
    match run(device, watch, code::clock(), Ring::User)? {
        Exit::Store { at: STOPPED, .. } => Ok(()),
        Exit::Store { at: ANSWERED, value, .. } => {
            Err(NoMachine::Clock(format!("it read {value}")))
        }
        other => Err(NoMachine::Clock(other.to_string())),
    }
}

/// The first exit of a guest that is that code, in a machine as sims have it.
fn run(device: &Kvm, watch: &Watch, code: &[u8], ring: Ring) -> Result<Exit, MachineError> {
    let image = page_of(code).map_err(MachineError::Memory)?;
    let ranges = [Range { offset: 0, len: PAGE, rights: Rights::Execute }];
    let mut machine = Machine::new(device, image.as_fd(), PAGE, &ranges)?;
    machine.begin(&Start { ring, instruction: IMAGE_BASE, stack: 0, arguments: [0; 2] })?;
    Ok(machine.run(&watch.over_this_thread(Instant::now() + DEADLINE)))
}

fn page_of(code: &[u8]) -> std::io::Result<File> {
    let file = File::from(memfd_create("lattice-probe", MemfdFlags::CLOEXEC)?);
    file.set_len(PAGE)?;
    file.write_all_at(code, 0)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// KVM, or nothing where a test can't have it.
    fn device() -> Option<Kvm> {
        let device = machine::open();
        device.inspect_err(|error| eprintln!("passed over: {error}")).ok()
    }

    #[test]
    fn where_kvm_does_not_use_the_processor_the_probe_says_no() {
        let uses_processor = ["kvm_intel", "kvm_amd"];
        let uses_processor =
            uses_processor.iter().any(|name| Path::new("/sys/module").join(name).exists());
        let found = probe(&Watch::start().unwrap());
        eprintln!("the probe found {found:?}");
        assert!(uses_processor || found.is_err());
    }

    #[test]
    fn a_guest_that_never_comes_back_is_late() {
        let Some(device) = device() else { return };
        let watch = Watch::start().unwrap();
        // jmp to itself, as the sim and as the kernel.
        for ring in [Ring::User, Ring::Kernel] {
            let image = page_of(&[0xeb, 0xfe]).unwrap();
            let ranges = [Range { offset: 0, len: PAGE, rights: Rights::Execute }];
            let mut machine = Machine::new(&device, image.as_fd(), PAGE, &ranges).unwrap();
            let start = Start { ring, instruction: IMAGE_BASE, stack: 0, arguments: [0; 2] };
            machine.begin(&start).unwrap();
            let watched = watch.over_this_thread(Instant::now() + Duration::from_millis(50));
            assert_eq!(machine.run(&watched), Exit::Late, "{ring:?}");
        }
    }

    #[test]
    fn numbers_that_are_wrong_are_told_from_right_ones() {
        let Some(device) = device() else { return };
        let watch = Watch::start().unwrap();
        // As a sim, whose code also an emulated KVM may leave to the processor.
        let store = |code: &[u8]| run(&device, &watch, code, Ring::User).unwrap();
        let right = store(code::probe());
        let at = rings_at(RETURNED);
        assert_eq!(right, Exit::Store { at, value: code::PROBE_RIGHT, len: 8 });
        let last = code::probe().len() - 1;
        let mut altered = code::probe().to_vec();
        altered[last] ^= 1;
        assert_eq!(store(&altered), Exit::Store { at, value: 0x20, len: 8 });
    }
}
