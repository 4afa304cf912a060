//! A cell's place at its host: a slot, a cgroup and a processor, where there are, and the process
//! that is made in it. Given back when it is dropped.

use std::{
    os::fd::{AsFd, BorrowedFd},
    sync::{Arc, atomic::Ordering},
};

use lattice_cell::{Process, Setup};
use lattice_policies::isolation::{Barrier, Isolation};
use rustix::process::geteuid;

use super::{
    CellError, Shared,
    cgroup::Cgroup,
    ring::Ring,
    spawn::{Child, Order},
};
use crate::lock::lock;

/// What a cell takes up of its host, until it is dropped.
pub(super) struct Place {
    pub(super) shared: Arc<Shared>,
    /// No other cell's.
    pub(super) id: u64,
    cgroup: Option<Cgroup>,
    /// The processor that it has to itself.
    pub(super) cpu: Option<u32>,
}

impl Place {
    pub(super) fn take(shared: &Arc<Shared>, setup: &Setup) -> Result<Self, CellError> {
        let slots = shared.settings.slots;
        let more = |live| (live < slots).then_some(live + 1);
        shared
            .live
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .map_err(|_| CellError::Full(slots))?;
        let id = shared.next_id.fetch_add(1, Ordering::Relaxed);
        let cpu = lock(&shared.free_cpus).pop();
        let mut place = Self { shared: Arc::clone(shared), id, cgroup: None, cpu };
        if let Some(cgroups) = &shared.cgroups {
            place.cgroup = Some(cgroups.make(id, memory(setup))?);
        }
        Ok(place)
    }

    /// In as many namespaces as the machine lets; answers in which, as `clone(2)`'s flags.
    pub(super) fn make(
        &self,
        ring: &Ring,
        image: BorrowedFd<'_>,
        mut setup: Setup,
    ) -> Result<(Child, u32), CellError> {
        let cgroup =
            self.cgroup.as_ref().map(|_| Barrier::Cgroup).into_iter().collect::<Isolation>();
        let process = Process {
            host: std::process::id(),
            namespaces: 0,
            barriers: cgroup.bits(),
            spins: self.cpu.is_some(),
        };
        let attempts = namespaces();
        for (place, namespaces) in attempts.iter().copied().enumerate() {
            setup.process = Process { namespaces, ..process };
            ring.write_inlet(&setup.encode())?;
            let order = Order {
                namespaces,
                ring: ring.file().as_fd().try_clone_to_owned()?,
                image: image.try_clone_to_owned()?,
                cgroup: self.cgroup.as_ref().map(Cgroup::processes).transpose()?,
            };
            match self.shared.spawner.spawn(order) {
                Err(error) if error.forbids_namespaces() && place + 1 < attempts.len() => {}
                made => return Ok((made?, namespaces)),
            }
        }
        Err(CellError::Refused("there is no way to make a process".into()))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.live.fetch_sub(1, Ordering::Relaxed);
        lock(&self.shared.free_cpus).extend(self.cpu);
    }
}

/// The namespaces to make a process in, as `clone(2)`'s flags, best first. Root needs no user
/// namespace for the others; the cell gets itself one.
fn namespaces() -> Vec<u32> {
    let (process, user) = (libc::CLONE_NEWPID as u32, libc::CLONE_NEWUSER as u32);
    let root = geteuid().is_root().then_some(process);
    root.into_iter().chain([process | user, 0]).collect()
}

/// Bytes of memory that a cell may have: the image, the ring, and the program itself.
fn memory(setup: &Setup) -> u64 {
    const PROGRAM: u64 = 16 << 20;
    setup.span + u64::from(setup.inlet) + u64::from(setup.outlet) + PROGRAM
}
