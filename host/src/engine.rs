//! The one wasmtime engine of a process, with every setting that matters stated here.

use std::{num::NonZeroUsize, sync::Arc};

use lattice_policies::{Policy, Sha256, admission::FEATURES, policy::MatchLimits};
use thiserror::Error;
use wasmtime::{
    Config, Enabled, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    WasmBacktraceDetails, WasmFeatures,
};

use crate::{
    capacity::{self, CapacityError},
    native,
    wasm::REWRITER,
};

/// Each memory slot's share of the address space; with the guard behind it, a 32-bit address and
/// a small offset can't leave it, so that compiled code needs no bounds checks.
pub(crate) const SLOT_BYTES: u64 = 4 << 30;
/// The unmapped bytes behind each slot.
pub(crate) const GUARD_BYTES: u64 = 32 << 20;
/// Bytes of a slot that stay resident when its match ends, to spare the next one page faults.
const KEPT_RESIDENT: usize = 1 << 20;
/// A data image larger than this is mapped only if it is dense: a sparse one must not cost its
/// whole span for each module.
const DENSE_IMAGE_BYTES: u64 = 1 << 20;
/// Memory slots for replays, and for whatever else needs a guest beside those of the matches.
pub const REPLAY_SLOTS: u32 = 2;
/// Beside these, for the new guest of a match that is upgraded: the old one goes on until it is there.
pub(crate) const UPGRADE_SLOTS: u32 = REPLAY_SLOTS;
/// Guest frames that a fault names.
const FAULT_FRAMES: usize = 32;

/// Why no engine could be made.
#[derive(Debug, Error)]
pub enum EngineError {
    #[error(transparent)]
    Capacity(#[from] CapacityError),
    #[error("the sandbox can't be set up: {0}")]
    Sandbox(String),
    #[error("the sandbox has wasm features on ({on}) that the admission scan does not know")]
    Features { on: String },
}

/// The engine, and the limits that its guests run under. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: wasmtime::Engine,
    policy: Arc<Policy>,
    limits: Arc<MatchLimits>,
    fingerprint: Sha256,
    native_fingerprint: Sha256,
    slots: u32,
}

impl Engine {
    /// Makes the engine with memory slots for `slots` matches at once, and for replays.
    pub fn new(policy: &Policy, slots: u32) -> Result<Self, EngineError> {
        capacity::check(slots)?;
        let inner = wasmtime::Engine::new(&config(policy, slots + REPLAY_SLOTS + UPGRADE_SLOTS))
            .map_err(|error| EngineError::Sandbox(format!("{error:#}")))?;
        assert_features(&inner)?;
        let fingerprint = fingerprint(&inner, policy);
        let native_fingerprint = native::fingerprint(policy);
        let policy = Arc::new(policy.clone());
        let limits = Arc::new(policy.matches.clone());
        Ok(Self { inner, policy, limits, fingerprint, native_fingerprint, slots })
    }

    /// Names the compiler, its settings and the policy: what compiled code depends on.
    pub fn fingerprint(&self) -> Sha256 {
        self.fingerprint
    }

    /// The same for native sims, of which no compiler is a part.
    pub fn native_fingerprint(&self) -> Sha256 {
        self.native_fingerprint
    }

    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    pub fn slots(&self) -> u32 {
        self.slots
    }

    pub(crate) fn limits(&self) -> &Arc<MatchLimits> {
        &self.limits
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.inner
    }
}

fn config(policy: &Policy, slots: u32) -> Config {
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
        .wasm_backtrace_max_frames(NonZeroUsize::new(FAULT_FRAMES))
        .native_unwind_info(false)
        .memory_reservation(SLOT_BYTES)
        .memory_guard_size(GUARD_BYTES)
        .memory_may_move(false)
        .memory_init_cow(true)
        .memory_guaranteed_dense_image_size(DENSE_IMAGE_BYTES)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool(policy, slots)));
    config
}

fn pool(policy: &Policy, slots: u32) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_core_instances(slots)
        .total_memories(slots)
        .total_tables(slots)
        .max_memory_size(policy.admission.memory_pages as usize * (64 << 10))
        .table_elements(policy.admission.table_elements as usize)
        .linear_memory_keep_resident(KEPT_RESIDENT)
        .table_keep_resident(KEPT_RESIDENT)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// What the engine runs must be exactly what the scan lets through: one constant says it.
fn assert_features(engine: &wasmtime::Engine) -> Result<(), EngineError> {
    let on = engine.get_wasm_features();
    if on == FEATURES {
        return Ok(());
    }
    Err(EngineError::Features { on: format!("{:?}", on.symmetric_difference(FEATURES)) })
}

fn fingerprint(engine: &wasmtime::Engine, policy: &Policy) -> Sha256 {
    let mut settings = Digest::default();
    std::hash::Hash::hash(&engine.precompile_compatibility_hash(), &mut settings);
    settings.0.extend_from_slice(&policy.fingerprint().0);
    settings.0.extend_from_slice(&REWRITER.to_le_bytes());
    Sha256::of(&settings.0)
}

/// Gathers what is hashed, so that the digest does not depend on the standard library's hasher.
#[derive(Default)]
struct Digest(Vec<u8>);

impl std::hash::Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}
