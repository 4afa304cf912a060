//! The native tier of a host: whether native sims are run here, behind which barriers, and in what.

use std::sync::Arc;

use lattice_policies::{Policy, isolation::Isolation, policy::MatchLimits};

use super::{
    backend::{Backend, EnclosureKind},
    enclosure::Enclosure,
    library::Library,
};
use crate::{
    cell::CellSettings,
    fault::{Fault, FaultKind},
};

/// Whether native sims are run on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NativeTier {
    /// The policy does not want any.
    Off,
    /// The policy does, and they can't be run as it demands; why.
    Refused(String),
    /// They are, behind these barriers.
    Ready(Isolation),
}

/// The native tier, and what its sims run in.
pub(crate) struct Tier {
    state: NativeTier,
    backend: Option<Backend>,
    minimum: Isolation,
    slots: u32,
}

impl Tier {
    /// Finds out what this machine can do, if the policy wants native sims.
    pub(crate) fn start(policy: &Policy, kind: EnclosureKind, cells: CellSettings) -> Self {
        let (minimum, slots) = (policy.native.minimum.clone(), cells.slots);
        let (state, backend) = if policy.native.enabled {
            match probed(kind, cells, &minimum) {
                Ok((backend, isolation)) => (NativeTier::Ready(isolation), Some(backend)),
                Err(why) => (NativeTier::Refused(why), None),
            }
        } else {
            (NativeTier::Off, None)
        };
        Self { state, backend, minimum, slots }
    }

    /// One that was not probed for, for tests.
    #[cfg(all(test, feature = "microvm", target_arch = "x86_64"))]
    pub(crate) fn of_microvms(machines: crate::microvm::MicroVms) -> Self {
        let (backend, minimum) = (Some(Backend::MicroVms(machines)), Isolation::default());
        let state = NativeTier::Ready(crate::microvm::MicroVms::isolation());
        Self { state, backend, minimum, slots: 1 }
    }

    pub(crate) fn state(&self) -> &NativeTier {
        &self.state
    }

    /// Native matches that can run at once.
    pub(crate) fn slots(&self) -> u32 {
        self.slots
    }

    /// Processes that live.
    pub(crate) fn cells(&self) -> u32 {
        self.backend.as_ref().map_or(0, Backend::cells)
    }

    /// Whether native sims are run; otherwise why not.
    pub(crate) fn check(&self) -> Result<(), String> {
        match &self.state {
            NativeTier::Ready(_) => Ok(()),
            NativeTier::Off => {
                Err("native builds are not run here: the policy's `native.enabled` is false".into())
            }
            NativeTier::Refused(why) => Err(format!("native builds can't be run here: {why}")),
        }
    }

    /// Lays the sim out in an enclosure of its own. Runs no instruction of it.
    pub(crate) fn enclose(
        &self,
        library: &Arc<Library>,
        limits: &Arc<MatchLimits>,
    ) -> Result<Box<dyn Enclosure>, Fault> {
        self.check().map_err(|why| host(&why))?;
        let Some(backend) = &self.backend else { return Err(host("there are no enclosures")) };
        let enclosure = backend.enclose(library, limits).map_err(|why| host(&why))?;
        enough(enclosure.isolation(), &self.minimum).map_err(|why| host(&why))?;
        Ok(enclosure)
    }
}

fn probed(
    kind: EnclosureKind,
    cells: CellSettings,
    minimum: &Isolation,
) -> Result<(Backend, Isolation), String> {
    let (backend, isolation) = Backend::start(kind, cells)?;
    enough(&isolation, minimum)?;
    Ok((backend, isolation))
}

/// Whether all barriers stand that have to; otherwise which do not.
fn enough(isolation: &Isolation, minimum: &Isolation) -> Result<(), String> {
    let lacking = isolation.lacks(minimum);
    if lacking.is_empty() {
        return Ok(());
    }
    Err(format!("the policy demands barriers that do not stand here: {lacking}"))
}

fn host(why: &(impl ToString + ?Sized)) -> Fault {
    Fault::new(FaultKind::Host, "instantiation", why.to_string())
}

#[cfg(test)]
mod tests {
    use lattice_policies::isolation::Barrier;

    use super::*;

    #[test]
    fn barriers_that_are_demanded_and_lack_are_named() {
        let minimum: Isolation = [Barrier::Seccomp, Barrier::Landlock].into_iter().collect();
        assert_eq!(enough(&Isolation::all(), &minimum), Ok(()));
        let stand = [Barrier::Seccomp, Barrier::Clock, Barrier::Unprivileged];
        let why = enough(&stand.into_iter().collect(), &minimum).unwrap_err();
        assert!(why.ends_with(": landlock"), "{why}");
    }
}
