//! One guest: a program that runs, called export by export in the order that a match has. Each call
//! has its fuel and its deadline, and a failed one is the guest's last. Never knows how a kind of
//! program is run.

mod entry;

use std::sync::Arc;

use lattice_policies::{Sha256, isolation::Isolation};
use lattice_surface::{SharedRules, Surface};
use thiserror::Error;

pub(crate) use self::entry::{CallLimits, Entry, Returned};
use crate::{
    fault::{Fault, FaultKind},
    image::Image,
    native,
    program::{Code, Native, Program},
    snapshot::{BadSnapshot, Snapshot},
    wasm,
};

/// Fuel used by one call into the guest: what its host functions cost, and for a wasm module its
/// instructions in wasmtime's units.
pub type Fuel = u64;

/// Where a match stands between two calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// The tick that runs next; -1 before `init`.
    pub(crate) tick: i64,
    /// The tick before which a match that was asked to stop ends.
    pub(crate) ends_at: Option<i64>,
    /// Used so far.
    pub(crate) fuel: Fuel,
}

impl Moment {
    pub(crate) const BEFORE_INIT: Self = Self { tick: -1, ends_at: None, fuel: 0 };
}

/// A match as it was copied out of its guest. It takes longer to hash than to copy, so that is done
/// when the guest goes on.
pub(crate) struct Copy {
    module: Sha256,
    moment: Moment,
    image: Image,
    surface: Vec<u8>,
}

impl Copy {
    /// Makes a snapshot of it.
    pub(crate) fn seal(self) -> Snapshot {
        let Self { module, moment, image, surface } = self;
        let (memory, globals) = image.into_parts();
        let Moment { tick, ends_at, fuel } = moment;
        Snapshot { module, tick, ends_at, fuel, memory, globals, surface }
    }
}

/// Why no guest could be made out of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RestoreError {
    #[error(transparent)]
    Snapshot(#[from] BadSnapshot),
    #[error("{0}")]
    Host(Fault),
}

impl From<Fault> for RestoreError {
    fn from(fault: Fault) -> Self {
        Self::Host(fault)
    }
}

/// A running sim.
pub struct Guest {
    sandbox: Sandbox,
    program: Program,
    tick_limits: CallLimits,
    init_limits: CallLimits,
    fuel_used: Fuel,
    gauges_changed: bool,
}

/// What a sim runs in, by the kind of its program.
enum Sandbox {
    Wasm(wasm::Instance),
    Native(Box<native::Instance>),
}

impl Guest {
    /// Takes a place for the program and lays it out there. Runs no code of the guest's.
    pub fn new(
        program: &Program,
        config: Arc<[u8]>,
        egress: Arc<SharedRules>,
    ) -> Result<Self, Fault> {
        let engine = program.engine();
        let limits = engine.limits();
        let deadline_ms = limits.tick_deadline_ms.into();
        let tick_limits = CallLimits { fuel: limits.tick_fuel, deadline_ms };
        let init_limits = CallLimits { fuel: limits.init_fuel, deadline_ms: 10 * deadline_ms };
        let surface = Surface::new(Arc::clone(limits), config, egress);
        let sandbox = match program.code() {
            Code::Wasm(compiled) => {
                Sandbox::Wasm(wasm::Instance::new(engine, compiled, surface, init_limits)?)
            }
            Code::Native(Native { library, tier }) => {
                let enclosure = tier.enclose(library, limits)?;
                Sandbox::Native(Box::new(native::Instance::new(enclosure, library, surface)))
            }
        };
        let (program, fuel_used, gauges_changed) = (program.clone(), 0, false);
        Ok(Self { sandbox, program, tick_limits, init_limits, fuel_used, gauges_changed })
    }

    /// Takes an instance of the program to where a match of it stood between two ticks.
    pub(crate) fn restore(
        program: &Program,
        snapshot: &Snapshot,
        config: Arc<[u8]>,
        egress: Arc<SharedRules>,
    ) -> Result<Self, RestoreError> {
        if snapshot.module != program.sha256() {
            let (expected, found) = (program.sha256(), snapshot.module);
            return Err(BadSnapshot::OtherModule { expected, found }.into());
        }
        let mut guest = Self::new(program, Arc::clone(&config), Arc::clone(&egress))?;
        guest.take_over(snapshot, config, egress)?;
        match &mut guest.sandbox {
            Sandbox::Wasm(instance) => instance.put(snapshot)?,
            Sandbox::Native(instance) => instance.put(snapshot)?,
        }
        Ok(guest)
    }

    /// Copies the memory and the globals as they are between two calls. `None` if the module does
    /// what no snapshot holds.
    pub fn image(&mut self) -> Option<Image> {
        match &mut self.sandbox {
            Sandbox::Wasm(instance) => instance.image(),
            Sandbox::Native(instance) => instance.image(),
        }
    }

    /// Copies the guest as it is between two calls. `None` if its module does what no snapshot
    /// holds.
    pub(crate) fn copy(&mut self, moment: Moment) -> Option<Copy> {
        let image = self.image()?;
        let (module, surface) = (self.program.sha256(), self.surface().save());
        Some(Copy { module, moment, image, surface })
    }

    /// The match between two calls. `None` if its module does what no snapshot holds.
    pub(crate) fn snapshot(&mut self, moment: Moment) -> Option<Snapshot> {
        Some(self.copy(moment)?.seal())
    }

    /// Gives each call so much time, in milliseconds, instead of what policy says.
    pub(crate) fn set_deadline(&mut self, ms: Option<u64>) {
        let policy = u64::from(self.program.engine().limits().tick_deadline_ms);
        self.tick_limits.deadline_ms = ms.unwrap_or(policy);
        self.init_limits.deadline_ms = ms.unwrap_or(10 * policy);
    }

    /// Runs `_initialize`, if there, and `lattice_sim_init`, with one budget for both. A result
    /// other than 0 is a fault that the sim declares.
    pub fn init(&mut self, seed: u64, tick_hz: u16) -> Result<(), Fault> {
        let mut limits = self.init_limits;
        let mut initialized = 0;
        if self.has(Entry::Initialize) {
            self.surface().begin(Entry::Initialize.phase());
            self.call(Entry::Initialize, limits)?;
            initialized = self.fuel_used;
        }
        limits.fuel = limits.fuel.saturating_sub(initialized);
        let init = Entry::Init { seed, tick_hz };
        self.surface().begin(init.phase());
        let result = self.call(init, limits);
        self.fuel_used += initialized;
        result.map(drop)
    }

    /// Runs one tick, and with `hash` the sim's digest of its state, if there, within the tick's
    /// budget. The caller has begun the tick on the surface and queued its events there. Answers
    /// whether the sim has finished.
    pub fn tick(&mut self, tick: i64, hash: bool) -> Result<bool, Fault> {
        let mut result = self.run(Entry::Tick(tick), self.tick_limits);
        if hash && result.is_ok() && self.has(Entry::Hash) {
            result = result.and_then(|code| self.hash().map(|()| code));
        }
        let result = self.settle(result);
        result.map(|code| code as i32 == 1).map_err(|fault| fault.at(Some(tick)))
    }

    /// Runs `lattice_sim_shutdown`, if there, within a tick's budget.
    pub fn shutdown(&mut self) -> Result<(), Fault> {
        self.surface().begin(Entry::Shutdown.phase());
        if !self.has(Entry::Shutdown) {
            return Ok(());
        }
        self.call(Entry::Shutdown, self.tick_limits).map(drop)
    }

    /// Runs `lattice_sim_save`, if there, within init's budget: what it wrote.
    pub(crate) fn save_state(&mut self) -> Option<Result<Vec<u8>, Fault>> {
        self.surface().begin_save();
        let saved = self.has(Entry::Save).then(|| self.call(Entry::Save, self.init_limits))?;
        Some(saved.map(|_| self.surface().take_state()))
    }

    /// Runs `lattice_sim_load`, if there, within init's budget, for it to read that state.
    pub(crate) fn load_state(&mut self, state: Vec<u8>) -> Option<Result<(), Fault>> {
        self.surface().begin_load(state);
        let loaded = self.has(Entry::Load).then(|| self.call(Entry::Load, self.init_limits))?;
        Some(loaded.map(drop))
    }

    /// Goes on with the surface of another match's snapshot, and with its own way out.
    pub(crate) fn take_over(
        &mut self,
        snapshot: &Snapshot,
        config: Arc<[u8]>,
        egress: Arc<SharedRules>,
    ) -> Result<(), BadSnapshot> {
        let limits = Arc::clone(self.program.engine().limits());
        *self.surface() = Surface::restore(limits, config, egress, &snapshot.surface)
            .map_err(|error| BadSnapshot::Misfit(error.to_string()))?;
        Ok(())
    }

    pub fn surface(&mut self) -> &mut Surface {
        match &mut self.sandbox {
            Sandbox::Wasm(instance) => instance.surface(),
            Sandbox::Native(instance) => instance.surface(),
        }
    }

    /// Fuel that the last call used. A call that faulted is charged all it had: what is left
    /// after a trap says nothing.
    pub fn fuel_used(&self) -> Fuel {
        self.fuel_used
    }

    /// Whether the last call set a gauge.
    pub fn gauges_changed(&self) -> bool {
        self.gauges_changed
    }

    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    /// The barriers that stand around a native sim; `None` for a wasm module, which the host's own
    /// process runs.
    pub fn isolation(&self) -> Option<&Isolation> {
        match &self.sandbox {
            Sandbox::Wasm(_) => None,
            Sandbox::Native(instance) => Some(instance.isolation()),
        }
    }

    /// Bytes of the sim's memory: what a wasm module has asked for, and what of a native sim's image
    /// is taken.
    pub fn memory_bytes(&self) -> usize {
        match &self.sandbox {
            Sandbox::Wasm(instance) => instance.memory_bytes(),
            Sandbox::Native(instance) => instance.memory_bytes(),
        }
    }

    fn has(&mut self, entry: Entry) -> bool {
        match &mut self.sandbox {
            Sandbox::Wasm(instance) => instance.has(entry),
            Sandbox::Native(instance) => instance.has(entry),
        }
    }

    /// Calls, and commits what the guest did or discards it.
    fn call(&mut self, entry: Entry, limits: CallLimits) -> Result<i64, Fault> {
        let result = self.run(entry, limits);
        self.settle(result)
    }

    /// Calls. It has failed also when its result is a fault that the sim declares.
    fn run(&mut self, entry: Entry, limits: CallLimits) -> Result<i64, Fault> {
        self.fuel_used = limits.fuel;
        let returned = match &mut self.sandbox {
            Sandbox::Wasm(instance) => instance.call(entry, limits),
            Sandbox::Native(instance) => instance.call(entry, limits),
        };
        let Returned { value, fuel } = returned?;
        self.fuel_used = fuel;
        match entry.declared(value) {
            Some(code) => Err(sim_fault(entry.export(), code)),
            None => Ok(value),
        }
    }

    /// Takes the sim's digest with what the tick has left of its fuel.
    fn hash(&mut self) -> Result<(), Fault> {
        let (used, mut limits) = (self.fuel_used, self.tick_limits);
        limits.fuel = limits.fuel.saturating_sub(used);
        self.surface().begin_hash();
        let digest = self.run(Entry::Hash, limits);
        self.fuel_used += used;
        self.surface().hash(digest?);
        Ok(())
    }

    /// Commits what a call did, or discards it when it failed.
    fn settle<R>(&mut self, result: Result<R, Fault>) -> Result<R, Fault> {
        let is_ok = result.is_ok();
        let surface = self.surface();
        self.gauges_changed = is_ok && surface.commit();
        if !is_ok {
            self.surface().discard();
        }
        result
    }
}

fn sim_fault(entry: &'static str, code: i32) -> Fault {
    Fault::new(FaultKind::Sim, entry, format!("the sim returned {code}"))
}
