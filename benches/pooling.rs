//! Why the engine is set up as it is: the same short life of an instance under other settings of
//! the pool, each beside the ones in use.

use lattice_policies::Policy;
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::{
    bare, modules,
    stats::{Arm, compare},
};

const ROUNDS: usize = 9;
const LIVES: u32 = 512;
const SLOTS: u32 = 64;

pub(crate) fn measure() {
    for touched_kib in [16, 256, 1_024] {
        measure_touching(touched_kib);
    }
}

fn measure_touching(touched_kib: u32) {
    let policy = Policy::default();
    let wasm = wat::parse_str(modules::short_lived(touched_kib)).unwrap();
    let arm = |(name, engine): (&'static str, Engine)| {
        let pre = bare::prepare(&bare::linker(&engine), &wasm);
        let policy = policy.clone();
        Arm::new(name, move || bare::life(&pre, &policy, LIVES))
    };
    let title =
        format!("an instance's life that touches {touched_kib} KiB, by the pool's settings");
    compare(&title, ROUNDS, engines(&policy).into_iter().map(arm).collect());
}

/// The settings in use, and each with something changed.
fn engines(policy: &Policy) -> Vec<(&'static str, Engine)> {
    let pooled = |change: fn(&mut Config, &mut PoolingAllocationConfig)| {
        let (mut config, mut pool) = (bare::config(policy), bare::pool(policy, SLOTS));
        change(&mut config, &mut pool);
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        Engine::new(&config).unwrap()
    };
    let mut on_demand = bare::config(policy);
    on_demand.allocation_strategy(InstanceAllocationStrategy::OnDemand);
    vec![
        ("in use: 1 MiB kept resident, dirty pages found", pooled(|_, _| {})),
        (
            "nothing kept resident",
            pooled(|_, pool| {
                pool.linear_memory_keep_resident(0).table_keep_resident(0);
            }),
        ),
        (
            "64 KiB kept resident",
            pooled(|_, pool| {
                pool.linear_memory_keep_resident(64 << 10);
            }),
        ),
        (
            "4 MiB kept resident",
            pooled(|_, pool| {
                pool.linear_memory_keep_resident(4 << 20);
            }),
        ),
        (
            "1 MiB kept resident, all of it cleared",
            pooled(|_, pool| {
                pool.pagemap_scan(Enabled::No);
            }),
        ),
        (
            "no copy-on-write image",
            pooled(|config, _| {
                config.memory_init_cow(false);
            }),
        ),
        ("no pool: mapped for each instance", Engine::new(&on_demand).unwrap()),
    ]
}
