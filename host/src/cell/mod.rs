//! Processes for native sims: made, checked from outside, given turns, and killed and waited for in
//! any case. Never knows what a sim says: that goes over the ring, byte by byte a stranger's.

mod cgroup;
mod gone;
mod idleness;
mod outside;
mod reaper;
mod ring;
mod spawn;
#[cfg(test)]
mod tests;

use std::{
    io,
    num::NonZeroU32,
    os::fd::{AsFd, BorrowedFd},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering, fence},
    },
    time::{Duration, Instant},
};

use lattice_cell::{Process, Setup, Turn};
use lattice_policies::isolation::{Barrier, Isolation};
use lattice_surface::PromptLimits;
use rustix::{
    io::Errno,
    process::{Pid, Signal, WaitId, WaitIdOptions, geteuid, pidfd_send_signal, waitid},
    thread::{CpuSet, futex, sched_setaffinity},
    time::{ClockId, Timespec, clock_gettime},
};
use thiserror::Error;

pub(crate) use gone::{Gone, Told};
pub(crate) use ring::{Ring, image_file};
pub(crate) use spawn::SpawnError;

use self::{
    cgroup::{Cgroup, Cgroups},
    idleness::Idleness,
    reaper::{Reaper, Watched},
    spawn::{Child, Order, Spawner},
};
use crate::lock::lock;

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

/// How long a process may take to raise its barriers.
const START: Duration = Duration::from_secs(10);

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
        let mut cell = Cell::new(place, child, ring);
        cell.shared().reaper.watch(cell.place.id, &cell.watched)?;
        cell.pin()?;
        cell.wait_until_ready(namespaces)?;
        Ok(cell)
    }
}

/// What a cell takes up of its host, until it is dropped.
struct Place {
    shared: Arc<Shared>,
    id: u64,
    cgroup: Option<Cgroup>,
    cpu: Option<u32>,
}

impl Place {
    fn take(shared: &Arc<Shared>, setup: &Setup) -> Result<Self, CellError> {
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
    fn make(
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

/// A process around one sim. Dropped, it is killed and waited for.
pub(crate) struct Cell {
    watched: Arc<Watched>,
    pid: u32,
    isolation: Isolation,
    /// Not of one that spins: that has a processor to itself.
    idleness: Option<Idleness>,
    reaped: bool,
    // Given back last, when the process is no more.
    place: Place,
}

impl Cell {
    fn new(place: Place, child: Child, ring: Ring) -> Self {
        let watched = Watched::new(child.pidfd, ring);
        let isolation = Isolation::default();
        Self { watched, pid: child.pid, isolation, idleness: None, reaped: false, place }
    }

    pub(crate) fn ring(&self) -> &Ring {
        &self.watched.ring
    }

    /// The barriers that stand around this cell.
    pub(crate) fn isolation(&self) -> &Isolation {
        &self.isolation
    }

    /// As the host's process namespace numbers it.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Gives the cell its turn, with what is in the ring, and waits until it hands it back. Past the
    /// deadline, and in whatever other case there is no turn, the process has been waited for.
    pub(crate) fn turn(&mut self, deadline: Instant) -> Result<Turn, Gone> {
        if self.reaped {
            return Err(Gone::Host(io::Error::other("the cell's process has ended before")));
        }
        if !self.has_rested().map_err(Gone::Host)? {
            return Err(Gone::NoTurn);
        }
        let control = self.ring().control();
        let seen = control.to_host.load(Ordering::Acquire);
        control.to_cell.fetch_add(1, Ordering::Release);
        if self.place.cpu.is_none() {
            futex::wake(&control.to_cell, futex::Flags::empty(), 1)
                .map_err(|error| Gone::Host(error.into()))?;
        }
        let turn = self.wait(seen, deadline)?;
        if let Some(idleness) = &mut self.idleness {
            idleness.begin().map_err(Gone::Host)?;
        }
        Ok(turn)
    }

    fn has_rested(&mut self) -> io::Result<bool> {
        self.idleness.as_mut().map_or(Ok(true), Idleness::end)
    }

    fn wait(&mut self, seen: u32, deadline: Instant) -> Result<Turn, Gone> {
        match self.sleep(seen, deadline) {
            Ok(true) => {}
            Ok(false) => return Err(self.kill().map_or_else(Gone::Host, |_| Gone::Deadline)),
            Err(error) => return Err(Gone::Host(error)),
        }
        if self.watched.has_ended() {
            return Err(self.reap().unwrap_or_else(Gone::Host));
        }
        Turn::of(self.ring().control().turn.load(Ordering::Relaxed)).ok_or(Gone::NoTurn)
    }

    /// Until the number is another one than `seen`; `false` past the deadline.
    fn sleep(&self, seen: u32, deadline: Instant) -> io::Result<bool> {
        let control = self.ring().control();
        let came = || control.to_host.load(Ordering::Acquire) != seen;
        if self.place.cpu.is_some() && spin(came) {
            return Ok(true);
        }
        let until = monotonic(deadline);
        control.host_sleeps.store(1, Ordering::Relaxed);
        // Between the two, the cell either sees this or is seen to have handed over.
        fence(Ordering::SeqCst);
        let mut in_time = true;
        while in_time && !came() && !self.watched.has_ended() {
            let word = &control.to_host;
            let any = NonZeroU32::MAX;
            match futex::wait_bitset(word, futex::Flags::empty(), seen, Some(&until), any) {
                Ok(()) | Err(Errno::AGAIN | Errno::INTR) => {}
                Err(Errno::TIMEDOUT) => in_time = came(),
                Err(error) => return Err(error.into()),
            }
        }
        control.host_sleeps.store(0, Ordering::Relaxed);
        Ok(in_time)
    }

    fn pin(&self) -> io::Result<()> {
        let Some(cpu) = self.place.cpu else { return Ok(()) };
        let mut set = CpuSet::new();
        set.set(cpu as usize);
        Ok(sched_setaffinity(Pid::from_raw(self.pid as i32), &set)?)
    }

    fn wait_until_ready(&mut self, namespaces: u32) -> Result<(), CellError> {
        match self.wait(0, Instant::now() + START) {
            Ok(Turn::Ready) => {}
            Ok(Turn::Failed) => return Err(CellError::Refused(self.refusal()?)),
            Ok(_) => return Err(CellError::Ended(Gone::NoTurn)),
            Err(gone) => return Err(CellError::Ended(gone)),
        }
        outside::check(self.pid, namespaces).map_err(CellError::NotAsTold)?;
        let barriers = self.ring().control().barriers.load(Ordering::Relaxed);
        self.isolation = Isolation::of_bits(barriers);
        if self.place.cpu.is_none() {
            self.idleness = Some(Idleness::of(self.pid)?);
        }
        Ok(())
    }

    fn refusal(&self) -> io::Result<String> {
        let mut text = Vec::new();
        let len = self.ring().control().outlet_bytes.load(Ordering::Relaxed);
        self.ring().read_outlet(len, &mut text)?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    fn shared(&self) -> &Shared {
        &self.place.shared
    }

    fn kill(&mut self) -> io::Result<Gone> {
        // One that has just ended by itself can't be signalled, and is waited for all the same.
        let _ = pidfd_send_signal(&self.watched.pidfd, Signal::KILL);
        self.reap()
    }

    /// Waits for the end, which is certain, and reads how it was.
    fn reap(&mut self) -> io::Result<Gone> {
        self.shared().reaper.unwatch(self.place.id, &self.watched);
        self.reaped = true;
        let id = WaitId::PidFd(self.watched.pidfd.as_fd());
        let status = loop {
            match waitid(id.clone(), WaitIdOptions::EXITED) {
                Err(Errno::INTR) => {}
                other => break other?,
            }
        };
        let told = Told::read(self.ring().control());
        Ok(match status {
            Some(status) => Gone::of(&status, told),
            None => Gone::Host(io::Error::other("a wait that waited for nothing")),
        })
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        if !self.reaped {
            let _ = self.kill();
        }
    }
}

/// For as long as a short turn takes; whether it came.
fn spin(came: impl Fn() -> bool) -> bool {
    const LOOKS: u32 = 20_000;
    (0..LOOKS).any(|_| {
        std::hint::spin_loop();
        came()
    })
}

/// The deadline on the clock by which the kernel waits.
fn monotonic(deadline: Instant) -> Timespec {
    let now = clock_gettime(ClockId::Monotonic);
    let left = deadline.saturating_duration_since(Instant::now());
    let nanoseconds = now.tv_nsec + i64::from(left.subsec_nanos());
    Timespec {
        tv_sec: now.tv_sec + left.as_secs() as i64 + nanoseconds / 1_000_000_000,
        tv_nsec: nanoseconds % 1_000_000_000,
    }
}
