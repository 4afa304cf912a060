//! The native tier of a host: whether native sims are run here, behind which barriers, and in what.

use std::sync::Arc;

use lattice_cell::{Process, Setup};
use lattice_policies::{Policy, isolation::Isolation, policy::MatchLimits};

use super::{
    driver::{Driver, RingSizes},
    enclosure::Enclosure,
    image::Image,
    library::Library,
};
use crate::{
    cell::{CellSettings, Cells, Ring},
    engine::{REPLAY_SLOTS, UPGRADE_SLOTS},
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
    cells: Option<Cells>,
    minimum: Isolation,
    slots: u32,
}

impl Tier {
    /// Finds out what this machine can do, if the policy wants native sims.
    pub(crate) fn start(policy: &Policy, settings: CellSettings) -> Self {
        let (minimum, slots) = (policy.native.minimum.clone(), settings.slots);
        if !policy.native.enabled {
            return Self { state: NativeTier::Off, cells: None, minimum, slots };
        }
        match probed(settings, &minimum) {
            Ok((cells, isolation)) => {
                Self { state: NativeTier::Ready(isolation), cells: Some(cells), minimum, slots }
            }
            Err(why) => Self { state: NativeTier::Refused(why), cells: None, minimum, slots },
        }
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
        self.cells.as_ref().map_or(0, Cells::live)
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
        let Some(cells) = &self.cells else { return Err(host("there are no cells")) };
        let sizes = RingSizes::of(limits);
        let image = Image::new(library).map_err(|error| host(&error))?;
        let ring = Ring::new(sizes.inlet, sizes.outlet).map_err(|error| host(&error))?;
        let setup = setup(library, limits, &ring);
        let cell = cells.spawn(ring, image.fd(), setup).map_err(|error| host(&error))?;
        tracing::debug!(pid = cell.pid(), module = %library.sha256(), "a native sim has its process");
        enough(cell.isolation(), &self.minimum).map_err(|error| host(&error))?;
        let (library, limits) = (Arc::clone(library), Arc::clone(limits));
        Ok(Box::new(Driver::new(cell, image, library, limits, sizes)))
    }
}

fn probed(settings: CellSettings, minimum: &Isolation) -> Result<(Cells, Isolation), String> {
    // Replays and upgrades have places beside those of the matches.
    let slots = settings.slots + REPLAY_SLOTS + UPGRADE_SLOTS;
    let cells =
        Cells::start(CellSettings { slots, ..settings }).map_err(|error| error.to_string())?;
    let isolation = cells.probe().map_err(|error| error.to_string())?;
    enough(&isolation, minimum)?;
    Ok((cells, isolation))
}

/// Whether all barriers stand that have to; otherwise which do not.
fn enough(isolation: &Isolation, minimum: &Isolation) -> Result<(), String> {
    let lacking = isolation.lacks(minimum);
    if lacking.is_empty() {
        return Ok(());
    }
    Err(format!("the policy demands barriers that do not stand here: {lacking}"))
}

fn setup(library: &Library, limits: &MatchLimits, ring: &Ring) -> Setup {
    let layout = library.layout();
    Setup {
        limits: limits.into(),
        inlet: ring.inlet(),
        outlet: ring.outlet(),
        span: layout.span,
        gate: layout.gate,
        stack_end: layout.stack.end,
        process: Process::default(),
        ranges: layout.ranges.clone(),
    }
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
