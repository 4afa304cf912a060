//! Processes for native sims: made, checked from outside, given turns, and killed and waited for in
//! any case. Never knows what a sim says: that goes over the ring, byte by byte a stranger's.

mod cgroup;
mod gone;
mod idleness;
mod outside;
mod place;
mod process;
mod reaper;
mod ring;
mod spawn;
#[cfg(test)]
mod tests;

use std::{
    io,
    os::fd::{AsFd, BorrowedFd},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use lattice_cell::{Process, Setup};
use lattice_policies::isolation::Isolation;
use lattice_surface::PromptLimits;
use thiserror::Error;

pub(crate) use gone::{Gone, Told};
pub(crate) use process::Cell;
pub(crate) use ring::{Ring, image_file};
pub(crate) use spawn::SpawnError;

use self::{cgroup::Cgroups, place::Place, reaper::Reaper, spawn::Spawner};

/// What native sims' processes are made of.
#[derive(Debug, Clone, Default)]
pub struct CellSettings {
    /// The program `lattice-cell`.
    pub program: PathBuf,
    /// How many may live at the same time.
    pub slots: u32,
    /// Processors that do nothing else: each serves one cell, which waits there without sleeping.
    pub spin_cpus: Vec<u32>,
    /// A delegated cgroup v2 folder with the memory and the pids controller, for a cgroup per cell.
    pub cgroup: Option<PathBuf>,
}

/// Why there is no cell.
#[derive(Debug, Error)]
pub(crate) enum CellError {
    #[error("all {0} cells are taken; `native_slots` says how many there may be")]
    Full(u32),
    #[error("a cell's process can't be made: {0}")]
    Spawn(#[from] SpawnError),
    #[error("a cell can't be set up: {0}")]
    Host(#[from] io::Error),
    #[error("a cell can't be raised: {0}")]
    Refused(String),
    #[error("a cell's process ended before its sim began: {0}")]
    Ended(Gone),
    #[error("seen from outside, a cell's process is not as it says: {0}")]
    NotAsTold(String),
}

/// The cells of a fleet.
pub(crate) struct Cells(Arc<Shared>);

struct Shared {
    settings: CellSettings,
    spawner: Spawner,
    reaper: Reaper,
    cgroups: Option<Cgroups>,
    live: AtomicU32,
    next_id: AtomicU64,
    free_cpus: Mutex<Vec<u32>>,
}

impl Cells {
    pub(crate) fn start(settings: CellSettings) -> io::Result<Self> {
        let cgroups = settings.cgroup.as_deref().and_then(|folder| {
            let refused = |why| tracing::warn!("no cgroup bounds native sims: {why}");
            Cgroups::of(folder).map_err(refused).ok()
        });
        let shared = Shared {
            spawner: Spawner::start(&settings.program)?,
            reaper: Reaper::start()?,
            cgroups,
            live: AtomicU32::new(0),
            next_id: AtomicU64::new(0),
            free_cpus: Mutex::new(settings.spin_cpus.clone()),
            settings,
        };
        Ok(Self(Arc::new(shared)))
    }

    /// How many there are now.
    pub(crate) fn live(&self) -> u32 {
        self.0.live.load(Ordering::Relaxed)
    }

    /// The barriers of this machine, by raising them around no sim.
    pub(crate) fn probe(&self) -> Result<Isolation, CellError> {
        const ROOM: u32 = 4096;
        let nothing = PromptLimits {
            message_out_bytes: 0,
            tick_messages: 0,
            tick_message_bytes: 0,
            log_record_bytes: 0,
            result_bytes: 0,
        };
        let setup = Setup {
            limits: nothing,
            inlet: ROOM,
            outlet: ROOM,
            span: 0,
            gate: 0,
            stack_end: 0,
            process: Process::default(),
            ranges: Vec::new(),
        };
        let image = image_file(0)?;
        let cell = self.spawn(Ring::new(ROOM, ROOM)?, image.as_fd(), setup)?;
        Ok(cell.isolation().clone())
    }

    /// Makes a process around the image, waits until its barriers stand, and looks at it from
    /// outside. None of the sim's code has been run then. `setup.process` is filled in here.
    pub(crate) fn spawn(
        &self,
        ring: Ring,
        image: BorrowedFd<'_>,
        setup: Setup,
    ) -> Result<Cell, CellError> {
        let place = Place::take(&self.0, &setup)?;
        let (child, namespaces) = place.make(&ring, image, setup)?;
        Cell::begin(place, child, ring, namespaces)
    }
}
