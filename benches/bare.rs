//! The peer: wasmtime by itself, with the settings of the platform's engine and nothing around it.

use std::num::NonZeroUsize;

use lattice_policies::{Policy, admission::FEATURES};
use wasmtime::{
    Config, Enabled, Engine, Instance, InstanceAllocationStrategy, InstancePre, Linker, Memory,
    Module, OptLevel, PoolingAllocationConfig, Store, TypedFunc, WasmBacktraceDetails,
    WasmFeatures,
};

use crate::clocks;

/// Epochs until a call is interrupted; nothing here advances them.
const DEADLINE: u64 = 100;

/// What a bare guest keeps beside its instance.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) memory: Option<Memory>,
    pub(crate) copied: Vec<u8>,
}

/// A bare guest.
pub(crate) struct BareGuest {
    store: Store<State>,
    init: TypedFunc<(i64, i32), i32>,
    tick: TypedFunc<i64, i32>,
    tick_fuel: u64,
    init_fuel: u64,
}

impl BareGuest {
    pub(crate) fn new(pre: &InstancePre<State>, policy: &Policy) -> Self {
        let mut store = Store::new(pre.module().engine(), State::default());
        // Without copy-on-write images, filling the memory is code that takes fuel as well.
        store.set_fuel(policy.matches.init_fuel).unwrap();
        store.set_epoch_deadline(DEADLINE);
        let instance: Instance = pre.instantiate(&mut store).unwrap();
        store.data_mut().memory = instance.get_memory(&mut store, "memory");
        let init = instance.get_typed_func(&mut store, "lattice_sim_init").unwrap();
        let tick = instance.get_typed_func(&mut store, "lattice_sim_tick").unwrap();
        let (tick_fuel, init_fuel) = (policy.matches.tick_fuel, policy.matches.init_fuel);
        Self { store, init, tick, tick_fuel, init_fuel }
    }

    pub(crate) fn init(&mut self) -> i32 {
        self.store.set_fuel(self.init_fuel).unwrap();
        self.store.set_epoch_deadline(DEADLINE);
        self.init.call(&mut self.store, (7, 30)).unwrap()
    }

    /// Arms fuel and deadline, calls, and reads the fuel that is left: what any host must do.
    pub(crate) fn tick(&mut self, tick: i64) -> (i32, u64) {
        self.store.set_fuel(self.tick_fuel).unwrap();
        self.store.set_epoch_deadline(DEADLINE);
        let code = self.tick.call(&mut self.store, tick).unwrap();
        (code, self.store.get_fuel().unwrap())
    }
}

/// Seconds on the wall that one life takes, of `count` that follow one another: an instance is
/// made, initialised, finishes in tick 0, and is dropped.
pub(crate) fn life(pre: &InstancePre<State>, policy: &Policy, count: u32) -> f64 {
    let lives = || {
        for _ in 0..count {
            let mut guest = BareGuest::new(pre, policy);
            assert_eq!((guest.init(), guest.tick(0).0), (0, 1));
        }
    };
    clocks::wall(lives) / f64::from(count)
}

/// A linker without functions.
pub(crate) fn linker(engine: &Engine) -> Linker<State> {
    Linker::new(engine)
}

pub(crate) fn prepare(linker: &Linker<State>, wasm: &[u8]) -> InstancePre<State> {
    let module = Module::from_binary(linker.engine(), wasm).unwrap();
    linker.instantiate_pre(&module).unwrap()
}

/// An engine with the platform's settings.
pub(crate) fn engine(policy: &Policy, slots: u32) -> Engine {
    let pool = pool(policy, slots);
    Engine::new(config(policy).allocation_strategy(InstanceAllocationStrategy::Pooling(pool)))
        .unwrap()
}

/// The settings of `host/src/engine.rs`, without the pool.
pub(crate) fn config(policy: &Policy) -> Config {
    let mut config = Config::new();
    config
        .wasm_features(WasmFeatures::all(), false)
        .wasm_features(FEATURES, true)
        .cranelift_opt_level(OptLevel::Speed)
        .cranelift_nan_canonicalization(true)
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(policy.matches.stack_bytes as usize)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_backtrace_max_frames(NonZeroUsize::new(32))
        .native_unwind_info(false)
        .memory_reservation(4 << 30)
        .memory_guard_size(32 << 20)
        .memory_may_move(false)
        .memory_init_cow(true)
        .memory_guaranteed_dense_image_size(1 << 20);
    config
}

/// The pool of `host/src/engine.rs`.
pub(crate) fn pool(policy: &Policy, slots: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(slots)
        .total_memories(slots)
        .total_tables(slots)
        .max_memory_size(policy.admission.memory_pages as usize * (64 << 10))
        .table_elements(policy.admission.table_elements as usize)
        .linear_memory_keep_resident(1 << 20)
        .table_keep_resident(1 << 20)
        .pagemap_scan(Enabled::Auto);
    pool
}
