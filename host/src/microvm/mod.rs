//! MicroVMs: the second thing that a native sim can run in, beside the cell. Each match has a
//! virtual machine of its own by KVM, with no kernel in it and no device: a sim runs as the user of
//! a machine that has nothing else, and all that it can do is compute and ring the doorbell.

mod code;
mod doorbell;
mod ends;
mod guest;
mod machine;
mod mapping;
mod paging;
mod probe;
#[cfg(test)]
mod sims;
mod system;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::Arc;

use kvm_ioctls::Kvm;
use lattice_policies::{
    isolation::{Barrier, Isolation},
    policy::MatchLimits,
};

use crate::native::{Enclosure, Library};

/// What microVMs are made with on a host.
pub(crate) struct MicroVms {
    device: Kvm,
    watch: watch::Watch,
}

impl MicroVms {
    /// Ready to make them, if the probe finds that KVM runs guests on the processor; otherwise all
    /// that it has seen against it.
    pub(crate) fn start() -> Result<Self, String> {
        let watch = watch::Watch::start().map_err(|error| error.to_string())?;
        probe::probe(&watch).map_err(|against| {
            let against: Vec<_> = against.iter().map(ToString::to_string).collect();
            against.join("; ")
        })?;
        let device = machine::open().map_err(|error| error.to_string())?;
        Ok(Self { device, watch })
    }

    /// On whatever KVM is here, for tests; nothing where there is none.
    #[cfg(test)]
    fn unprobed() -> Option<Self> {
        let device = machine::open().inspect_err(|error| eprintln!("passed over: {error}")).ok()?;
        Some(Self { device, watch: watch::Watch::start().ok()? })
    }

    /// The barriers around each.
    pub(crate) fn isolation() -> Isolation {
        [Barrier::VirtualMachine, Barrier::Clock].into_iter().collect()
    }

    /// Lays the sim out in a microVM of its own. Runs no instruction of it.
    pub(crate) fn enclose(
        &self,
        library: &Arc<Library>,
        limits: &Arc<MatchLimits>,
    ) -> Result<Box<dyn Enclosure>, String> {
        let made =
            guest::MicroVm::new(&self.device, &self.watch, library, limits, Self::isolation());
        Ok(Box::new(made.map_err(|error| error.to_string())?))
    }
}
