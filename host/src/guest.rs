//! One guest: an instance of a program with its memory, called export by export. Each call is
//! armed with fuel and a deadline, and a failed one is the guest's last.

use std::sync::Arc;

use lattice_policies::{Sha256, functions::MEMORY};
use lattice_surface::{Phase, SharedRules, Surface};
use thiserror::Error;
use wasmtime::{Instance, Memory, Store, TypedFunc, WasmParams, WasmResults};

use crate::{
    engine::Engine,
    epoch::epochs,
    fault::{Fault, FaultKind},
    image::{self, Image},
    memory_limit::MemoryLimit,
    program::Program,
    snapshot::{BadSnapshot, Snapshot},
};

/// Fuel used by one call into the guest, in wasmtime's units and our host functions' prices.
pub type Fuel = u64;

/// What one call into a guest may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct GuestLimits {
    fuel: Fuel,
    deadline_ms: u64,
}

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

/// What wasmtime keeps beside an instance.
pub(crate) struct GuestState {
    pub(crate) surface: Surface,
    pub(crate) memory: Option<Memory>,
    limit: MemoryLimit,
}

impl GuestState {
    fn new(engine: &Engine, config: Arc<[u8]>, egress: Arc<SharedRules>) -> Self {
        let admission = &engine.policy().admission;
        let bytes = admission.memory_pages as usize * (64 << 10);
        Self {
            surface: Surface::new(Arc::clone(engine.limits()), config, egress),
            memory: None,
            limit: MemoryLimit::new(bytes, admission.table_elements as usize),
        }
    }

    #[cfg(test)]
    pub(crate) fn for_tests(engine: &Engine) -> Self {
        Self::new(engine, Arc::from([]), Arc::default())
    }
}

/// A running instance of a sim.
pub struct Guest {
    sandbox: Sandbox,
    instance: Instance,
    program: Program,
    tick: TypedFunc<i64, i32>,
    hash: Option<TypedFunc<(), i64>>,
    shutdown: Option<TypedFunc<(), ()>>,
    tick_limits: GuestLimits,
    init_limits: GuestLimits,
}

/// The store of one guest, and the figures of the last call into it.
struct Sandbox {
    store: Store<GuestState>,
    fuel_used: Fuel,
    gauges_changed: bool,
    code_shift: isize,
}

const INITIALIZE: &str = "_initialize";
const INIT: &str = "lattice_sim_init";
const TICK: &str = "lattice_sim_tick";
const HASH: &str = "lattice_sim_hash";
const SAVE: &str = "lattice_sim_save";
const LOAD: &str = "lattice_sim_load";
const SHUTDOWN: &str = "lattice_sim_shutdown";

impl Guest {
    /// Takes a memory slot and instantiates the program in it. Runs no code of the guest's.
    pub fn new(
        program: &Program,
        config: Arc<[u8]>,
        egress: Arc<SharedRules>,
    ) -> Result<Self, Fault> {
        let engine = program.engine();
        let mut store = Store::new(engine.wasmtime(), GuestState::new(engine, config, egress));
        store.limiter(|state| &mut state.limit);
        let limits = Arc::clone(engine.limits());
        let deadline_ms = limits.tick_deadline_ms.into();
        let tick_limits = GuestLimits { fuel: limits.tick_fuel, deadline_ms };
        let init_limits = GuestLimits { fuel: limits.init_fuel, deadline_ms: 10 * deadline_ms };
        let host = |error: wasmtime::Error| {
            Fault::new(FaultKind::Host, "instantiation", format!("{error:#}"))
        };
        // A data image that is not mapped is written by compiled code, which takes fuel.
        arm(&mut store, init_limits).map_err(host)?;
        let instance = program.pre().instantiate(&mut store).map_err(host)?;
        store.data_mut().memory = instance.get_memory(&mut store, MEMORY);
        let tick = instance.get_typed_func(&mut store, TICK).map_err(host)?;
        let hash = instance.get_typed_func(&mut store, HASH).ok();
        let shutdown = instance.get_typed_func(&mut store, SHUTDOWN).ok();
        let code_shift = program.code_shift();
        let sandbox = Sandbox { store, fuel_used: 0, gauges_changed: false, code_shift };
        let program = program.clone();
        Ok(Self { sandbox, instance, program, tick, hash, shutdown, tick_limits, init_limits })
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
        let Self { sandbox, instance, .. } = &mut guest;
        let store = &mut sandbox.store;
        if let Some(memory) = store.data().memory {
            image::put_memory(store, memory, &snapshot.memory)?;
        }
        image::put_globals(store, instance, program.globals(), &snapshot.globals)?;
        Ok(guest)
    }

    /// Copies the memory and the globals as they are between two calls. `None` if the module does
    /// what no snapshot holds.
    pub fn image(&mut self) -> Option<Image> {
        let store = &mut self.sandbox.store;
        let memory = store.data().memory.filter(|_| self.program.can_snapshot())?;
        Some(Image::copy(store, &self.instance, memory, self.program.globals()))
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
        let store = &mut self.sandbox.store;
        if let Ok(initialize) = self.instance.get_typed_func::<(), ()>(store, INITIALIZE) {
            self.surface().begin(Phase::Initialize);
            self.sandbox.call(INITIALIZE, &initialize, (), limits, |()| None)?;
        }
        let initialized = self.sandbox.fuel_used;
        limits.fuel = limits.fuel.saturating_sub(initialized);
        let init = self
            .instance
            .get_typed_func::<(i64, i32), i32>(&mut self.sandbox.store, INIT)
            .map_err(|error| Fault::new(FaultKind::Host, INIT, error.to_string()))?;
        self.surface().begin(Phase::Init);
        let params = (seed as i64, i32::from(tick_hz));
        let fault = |code: &i32| (*code != 0).then_some(*code);
        let result = self.sandbox.call(INIT, &init, params, limits, fault);
        self.sandbox.fuel_used += initialized;
        result.map(drop)
    }

    /// Runs one tick, and with `hash` the sim's digest of its state, if there, within the tick's
    /// budget. The caller has begun the tick on the surface and queued its events there. Answers
    /// whether the sim has finished.
    pub fn tick(&mut self, tick: i64, hash: bool) -> Result<bool, Fault> {
        let fault = |code: &i32| (*code < 0).then_some(*code);
        let sandbox = &mut self.sandbox;
        let mut result = sandbox.run(TICK, &self.tick, tick, self.tick_limits, fault);
        if let (true, true, Some(hash)) = (hash, result.is_ok(), &self.hash) {
            result = result.and_then(|code| sandbox.hash(hash, self.tick_limits).map(|()| code));
        }
        let result = sandbox.settle(result);
        result.map(|code| code == 1).map_err(|fault| fault.at(Some(tick)))
    }

    /// Runs `lattice_sim_shutdown`, if there, within a tick's budget.
    pub fn shutdown(&mut self) -> Result<(), Fault> {
        self.surface().begin(Phase::Shutdown);
        let Some(shutdown) = &self.shutdown else { return Ok(()) };
        self.sandbox.call(SHUTDOWN, shutdown, (), self.tick_limits, |()| None)
    }

    /// Runs `lattice_sim_save`, if there, within init's budget: what it wrote.
    pub(crate) fn save_state(&mut self) -> Option<Result<Vec<u8>, Fault>> {
        self.surface().begin_save();
        let saved = self.call_declared(SAVE)?;
        Some(saved.map(|()| self.surface().take_state()))
    }

    /// Runs `lattice_sim_load`, if there, within init's budget, for it to read that state.
    pub(crate) fn load_state(&mut self, state: Vec<u8>) -> Option<Result<(), Fault>> {
        self.surface().begin_load(state);
        self.call_declared(LOAD)
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

    /// Calls an export that may be there, of which any result but 0 is a fault that it declares.
    fn call_declared(&mut self, export: &'static str) -> Option<Result<(), Fault>> {
        let store = &mut self.sandbox.store;
        let function = self.instance.get_typed_func::<(), i32>(store, export).ok()?;
        let fault = |code: &i32| (*code != 0).then_some(*code);
        Some(self.sandbox.call(export, &function, (), self.init_limits, fault).map(drop))
    }

    pub fn surface(&mut self) -> &mut Surface {
        &mut self.sandbox.store.data_mut().surface
    }

    /// Fuel that the last call used. A call that faulted is charged all it had: what is left
    /// after a trap says nothing.
    pub fn fuel_used(&self) -> Fuel {
        self.sandbox.fuel_used
    }

    /// Whether the last call set a gauge.
    pub fn gauges_changed(&self) -> bool {
        self.sandbox.gauges_changed
    }

    pub(crate) fn program(&self) -> &Program {
        &self.program
    }

    /// Bytes of linear memory.
    pub fn memory_bytes(&self) -> usize {
        self.sandbox.store.data().limit.memory_bytes()
    }
}

impl Sandbox {
    /// Calls, and commits what the guest did or discards it.
    fn call<P: WasmParams, R: WasmResults>(
        &mut self,
        entry: &'static str,
        function: &TypedFunc<P, R>,
        params: P,
        limits: GuestLimits,
        declared: impl FnOnce(&R) -> Option<i32>,
    ) -> Result<R, Fault> {
        let result = self.run(entry, function, params, limits, declared);
        self.settle(result)
    }

    /// Arms fuel and deadline, and calls. It has failed also when `declared` finds in its result
    /// a fault that the sim declares.
    fn run<P: WasmParams, R: WasmResults>(
        &mut self,
        entry: &'static str,
        function: &TypedFunc<P, R>,
        params: P,
        limits: GuestLimits,
        declared: impl FnOnce(&R) -> Option<i32>,
    ) -> Result<R, Fault> {
        self.fuel_used = limits.fuel;
        let armed = arm(&mut self.store, limits);
        let result = armed.and_then(|()| function.call(&mut self.store, params));
        if result.is_ok() {
            let left = self.store.get_fuel().unwrap_or(0);
            self.fuel_used = limits.fuel.saturating_sub(left);
        }
        let value = result.map_err(|error| {
            let fault = Fault::of_call(entry, &error);
            fault.with_frames_moved(self.code_shift)
        })?;
        match declared(&value) {
            Some(code) => Err(sim_fault(entry, code)),
            None => Ok(value),
        }
    }

    /// Takes the sim's digest with what the tick has left of its fuel.
    fn hash(&mut self, hash: &TypedFunc<(), i64>, mut limits: GuestLimits) -> Result<(), Fault> {
        let used = self.fuel_used;
        limits.fuel = limits.fuel.saturating_sub(used);
        self.store.data_mut().surface.begin_hash();
        let digest = self.run(HASH, hash, (), limits, |_| None);
        self.fuel_used += used;
        self.store.data_mut().surface.hash(digest?);
        Ok(())
    }

    /// Commits what a call did, or discards it when it failed.
    fn settle<R>(&mut self, result: Result<R, Fault>) -> Result<R, Fault> {
        let surface = &mut self.store.data_mut().surface;
        self.gauges_changed = result.is_ok() && surface.commit();
        if result.is_err() {
            surface.discard();
        }
        result
    }
}

/// Gives the next call its fuel and its deadline.
fn arm(store: &mut Store<GuestState>, limits: GuestLimits) -> wasmtime::Result<()> {
    store.set_epoch_deadline(epochs(limits.deadline_ms));
    store.set_fuel(limits.fuel)
}

fn sim_fault(entry: &'static str, code: i32) -> Fault {
    Fault::new(FaultKind::Sim, entry, format!("the sim returned {code}"))
}
