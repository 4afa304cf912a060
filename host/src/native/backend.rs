//! What the enclosures of a host's native sims are made by: the cells, or the microVMs.

use std::sync::Arc;

use lattice_cell::{Process, Setup};
use lattice_policies::{isolation::Isolation, policy::MatchLimits};

use super::{
    driver::{Driver, RingSizes},
    enclosure::Enclosure,
    image::Image,
    library::Library,
};
#[cfg(all(feature = "microvm", target_arch = "x86_64"))]
use crate::microvm::MicroVms;
use crate::{
    cell::{CellSettings, Cells, Ring},
    engine::{REPLAY_SLOTS, UPGRADE_SLOTS},
};

/// What a native sim runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EnclosureKind {
    /// A process that can do nothing.
    #[default]
    Cell,
    /// A virtual machine of its own, where the host is built with the feature `microvm`.
    MicroVm,
}

/// What makes enclosures, ready to.
pub(super) enum Backend {
    Cells(Cells),
    #[cfg(all(feature = "microvm", target_arch = "x86_64"))]
    MicroVms(MicroVms),
}

impl Backend {
    /// With the barriers that a probe has found to stand.
    pub(super) fn start(
        kind: EnclosureKind,
        cells: CellSettings,
    ) -> Result<(Self, Isolation), String> {
        match kind {
            EnclosureKind::Cell => start_cells(cells),
            EnclosureKind::MicroVm => start_microvms(),
        }
    }

    /// Processes that live.
    pub(super) fn cells(&self) -> u32 {
        match self {
            Self::Cells(cells) => cells.live(),
            #[cfg(all(feature = "microvm", target_arch = "x86_64"))]
            Self::MicroVms(_) => 0,
        }
    }

    /// Lays the sim out in an enclosure of its own. Runs no instruction of it.
    pub(super) fn enclose(
        &self,
        library: &Arc<Library>,
        limits: &Arc<MatchLimits>,
    ) -> Result<Box<dyn Enclosure>, String> {
        match self {
            Self::Cells(cells) => enclose_in_cell(cells, library, limits),
            #[cfg(all(feature = "microvm", target_arch = "x86_64"))]
            Self::MicroVms(machines) => machines.enclose(library, limits),
        }
    }
}

fn start_cells(settings: CellSettings) -> Result<(Backend, Isolation), String> {
    // Replays and upgrades have places beside those of the matches.
    let slots = settings.slots + REPLAY_SLOTS + UPGRADE_SLOTS;
    let program = settings.program.display().to_string();
    let cells = Cells::start(CellSettings { slots, ..settings });
    let cells = cells.map_err(|error| format!("{program}: {error}"))?;
    let isolation = cells.probe().map_err(|error| format!("{program}: {error}"))?;
    Ok((Backend::Cells(cells), isolation))
}

#[cfg(all(feature = "microvm", target_arch = "x86_64"))]
fn start_microvms() -> Result<(Backend, Isolation), String> {
    Ok((Backend::MicroVms(MicroVms::start()?), MicroVms::isolation()))
}

#[cfg(not(all(feature = "microvm", target_arch = "x86_64")))]
fn start_microvms() -> Result<(Backend, Isolation), String> {
    Err("there are no microVMs in this build; build it for x86-64 with the feature `microvm`, or \
         choose the enclosure `cell`"
        .to_owned())
}

fn enclose_in_cell(
    cells: &Cells,
    library: &Arc<Library>,
    limits: &Arc<MatchLimits>,
) -> Result<Box<dyn Enclosure>, String> {
    let sizes = RingSizes::of(limits);
    let image = Image::new(library).map_err(|error| error.to_string())?;
    let ring = Ring::new(sizes.inlet, sizes.outlet).map_err(|error| error.to_string())?;
    let setup = setup(library, limits, &ring);
    let cell = cells.spawn(ring, image.fd(), setup).map_err(|error| error.to_string())?;
    tracing::debug!(pid = cell.pid(), module = %library.sha256(), "a native sim has its process");
    let (library, limits) = (Arc::clone(library), Arc::clone(limits));
    Ok(Box::new(Driver::new(cell, image, library, limits, sizes)))
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
