//! An instance of a compiled module: its store, the call into it, and its memory. Each call is armed
//! with fuel and a deadline.

use std::sync::Arc;

use lattice_policies::functions::MEMORY;
use lattice_surface::Surface;
use wasmtime::{Memory, Store, TypedFunc, WasmParams, WasmResults};

use super::{epoch::epochs, memory, memory_limit::MemoryLimit, module::Compiled, traps};
use crate::{
    engine::Engine,
    fault::{Fault, FaultKind},
    guest::{CallLimits, Entry, Returned},
    image::Image,
    snapshot::{BadSnapshot, Snapshot},
};

/// What wasmtime keeps beside an instance.
pub(crate) struct GuestState {
    pub(super) surface: Surface,
    pub(super) memory: Option<Memory>,
    limit: MemoryLimit,
}

impl GuestState {
    fn new(engine: &Engine, surface: Surface) -> Self {
        let admission = &engine.policy().admission;
        let bytes = admission.memory_pages as usize * (64 << 10);
        let limit = MemoryLimit::new(bytes, admission.table_elements as usize);
        Self { surface, memory: None, limit }
    }

    #[cfg(test)]
    pub(super) fn for_tests(engine: &Engine) -> Self {
        let limits = Arc::clone(engine.limits());
        Self::new(engine, Surface::new(limits, Arc::from([]), Arc::default()))
    }
}

/// An instance in its memory slot.
pub(crate) struct Instance {
    store: Store<GuestState>,
    inner: wasmtime::Instance,
    compiled: Arc<Compiled>,
    tick: TypedFunc<i64, i32>,
    hash: Option<TypedFunc<(), i64>>,
}

impl Instance {
    /// Takes a memory slot and instantiates the module in it, within those limits. Runs no code of
    /// the guest's.
    pub(crate) fn new(
        engine: &Engine,
        compiled: &Arc<Compiled>,
        surface: Surface,
        limits: CallLimits,
    ) -> Result<Self, Fault> {
        let mut store = Store::new(engine.wasmtime(), GuestState::new(engine, surface));
        store.limiter(|state| &mut state.limit);
        let host = |error: wasmtime::Error| {
            Fault::new(FaultKind::Host, "instantiation", format!("{error:#}"))
        };
        // A data image that is not mapped is written by compiled code, which takes fuel.
        arm(&mut store, limits).map_err(host)?;
        let inner = compiled.pre().instantiate(&mut store).map_err(host)?;
        store.data_mut().memory = inner.get_memory(&mut store, MEMORY);
        let tick = inner.get_typed_func(&mut store, Entry::TICK).map_err(host)?;
        let hash = inner.get_typed_func(&mut store, Entry::HASH).ok();
        Ok(Self { store, inner, compiled: Arc::clone(compiled), tick, hash })
    }

    pub(crate) fn has(&mut self, entry: Entry) -> bool {
        match entry {
            Entry::Tick(_) => true,
            Entry::Hash => self.hash.is_some(),
            _ => self.inner.get_func(&mut self.store, entry.export()).is_some(),
        }
    }

    pub(crate) fn call(&mut self, entry: Entry, limits: CallLimits) -> Result<Returned, Fault> {
        let result = arm(&mut self.store, limits).and_then(|()| self.run(entry));
        let fault = |error| traps::fault(entry.export(), &error, self.compiled.code_shift());
        let value = result.map_err(fault)?;
        let left = self.store.get_fuel().unwrap_or(0);
        Ok(Returned { value, fuel: limits.fuel.saturating_sub(left) })
    }

    fn run(&mut self, entry: Entry) -> wasmtime::Result<i64> {
        let export = entry.export();
        match (entry, &self.hash) {
            (Entry::Tick(tick), _) => self.tick.call(&mut self.store, tick).map(i64::from),
            (Entry::Hash, Some(hash)) => hash.call(&mut self.store, ()),
            (Entry::Init { seed, tick_hz }, _) => self
                .run_named(export, (seed as i64, i32::from(tick_hz)))
                .map(|code: i32| code.into()),
            (Entry::Initialize | Entry::Shutdown, _) => self.run_named(export, ()).map(|()| 0),
            (Entry::Save | Entry::Load | Entry::Hash, _) => {
                self.run_named(export, ()).map(|code: i32| code.into())
            }
        }
    }

    fn run_named<P: WasmParams, R: WasmResults>(
        &mut self,
        export: &str,
        params: P,
    ) -> wasmtime::Result<R> {
        let function = self.inner.get_typed_func::<P, R>(&mut self.store, export)?;
        function.call(&mut self.store, params)
    }

    /// Copies the memory and the globals. `None` if the module does what no snapshot holds.
    pub(crate) fn image(&mut self) -> Option<Image> {
        let memory = self.store.data().memory.filter(|_| self.compiled.can_snapshot())?;
        Some(memory::copy(&mut self.store, &self.inner, memory, self.compiled.globals()))
    }

    /// Takes a fresh instance's memory and globals to where a snapshot has them.
    pub(crate) fn put(&mut self, snapshot: &Snapshot) -> Result<(), BadSnapshot> {
        let Self { store, inner, compiled, .. } = self;
        if let Some(memory) = store.data().memory {
            memory::put_memory(store, memory, &snapshot.memory)?;
        }
        memory::put_globals(store, inner, compiled.globals(), &snapshot.globals)
    }

    pub(crate) fn surface(&mut self) -> &mut Surface {
        &mut self.store.data_mut().surface
    }

    /// Bytes of linear memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.store.data().limit.memory_bytes()
    }
}

/// Gives the next call its fuel and its deadline.
fn arm(store: &mut Store<GuestState>, limits: CallLimits) -> wasmtime::Result<()> {
    store.set_epoch_deadline(epochs(limits.deadline_ms));
    store.set_fuel(limits.fuel)
}
