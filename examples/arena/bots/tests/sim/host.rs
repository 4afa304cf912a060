//! A host of a few lines for one sim: enough of the surface to run the arena under bare wasmtime,
//! and everything that it sends kept for the test to look at. No quotas, no threads, no sockets.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use wasmtime::{Caller, Config, Engine, Extern, Instance, Linker, Module, Store, TypedFunc};

pub(crate) const JOIN: u16 = 1;
pub(crate) const LEAVE: u16 = 2;
pub(crate) const MESSAGE: u16 = 3;
pub(crate) const STOP: u16 = 5;

const FUEL_A_TICK: u64 = 50_000_000;

/// What the sim queued in one tick, in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sent {
    /// None: to all.
    pub(crate) player: Option<u32>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) may_drop: bool,
}

#[derive(Default)]
pub(crate) struct Platform {
    config: Vec<u8>,
    events: VecDeque<Vec<u8>>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) kicked: Vec<(u32, i32)>,
    pub(crate) log: Vec<String>,
    pub(crate) result: Option<String>,
    pub(crate) gauges: Vec<(String, f64)>,
    saved: Vec<u8>,
}

pub(crate) struct Sim {
    store: Store<Platform>,
    instance: Instance,
    tick: TypedFunc<i64, i32>,
    hash: TypedFunc<(), i64>,
    shutdown: TypedFunc<(), ()>,
    next_tick: i64,
    pub(crate) fuel: u64, // of the last tick
    pub(crate) init: i32, // what init returned
}

impl Sim {
    pub(crate) fn start(config: &str, seed: i64, tick_hz: i32) -> Self {
        let platform = Platform { config: config.into(), ..Platform::default() };
        let mut store = Store::new(engine(), platform);
        store.set_fuel(10 * FUEL_A_TICK).unwrap();
        let instance = linker().instantiate(&mut store, module()).unwrap();
        let ready: TypedFunc<(), ()> = instance.get_typed_func(&mut store, "_initialize").unwrap();
        ready.call(&mut store, ()).unwrap();
        let init: TypedFunc<(i64, i32), i32> =
            instance.get_typed_func(&mut store, "lattice_sim_init").unwrap();
        let init = init.call(&mut store, (seed, tick_hz)).unwrap();
        let tick = instance.get_typed_func(&mut store, "lattice_sim_tick").unwrap();
        let hash = instance.get_typed_func(&mut store, "lattice_sim_hash").unwrap();
        let shutdown = instance.get_typed_func(&mut store, "lattice_sim_shutdown").unwrap();
        Self { store, instance, tick, hash, shutdown, next_tick: 0, fuel: 0, init }
    }

    pub(crate) fn event(&mut self, kind: u16, player: u32, payload: &[u8]) {
        let mut event = Vec::new();
        event.extend(kind.to_le_bytes());
        event.extend(0_u16.to_le_bytes());
        event.extend((payload.len() as u32).to_le_bytes());
        event.extend(player.to_le_bytes());
        event.extend([0; 12]);
        event.extend(payload);
        self.store.data_mut().events.push_back(event);
    }

    /// Has the events that wait for another sim wait for this one too.
    pub(crate) fn hear(&mut self, other: &Sim) {
        self.store.data_mut().events.clone_from(&other.platform().events);
    }

    /// One tick: what it returned, and what it sent.
    pub(crate) fn tick(&mut self) -> (i32, Vec<Sent>) {
        self.store.set_fuel(FUEL_A_TICK).unwrap();
        let code = self.tick.call(&mut self.store, self.next_tick).unwrap();
        self.next_tick += 1;
        self.fuel = FUEL_A_TICK - self.store.get_fuel().unwrap();
        (code, std::mem::take(&mut self.store.data_mut().sent))
    }

    pub(crate) fn hash(&mut self) -> i64 {
        self.hash.call(&mut self.store, ()).unwrap()
    }

    pub(crate) fn shutdown(&mut self) -> Vec<Sent> {
        self.shutdown.call(&mut self.store, ()).unwrap();
        std::mem::take(&mut self.store.data_mut().sent)
    }

    /// The state that it saves, and what that returned.
    pub(crate) fn save(&mut self) -> (i32, Vec<u8>) {
        let code = self.call("lattice_sim_save");
        (code, std::mem::take(&mut self.store.data_mut().saved))
    }

    /// What it returned to a state that another sim saved before that tick.
    pub(crate) fn load(&mut self, state: &[u8], next_tick: i64) -> i32 {
        self.store.data_mut().saved = state.to_vec();
        self.next_tick = next_tick;
        self.call("lattice_sim_load")
    }

    fn call(&mut self, export: &str) -> i32 {
        let function: TypedFunc<(), i32> =
            self.instance.get_typed_func(&mut self.store, export).unwrap();
        self.store.set_fuel(10 * FUEL_A_TICK).unwrap();
        function.call(&mut self.store, ()).unwrap()
    }

    pub(crate) fn platform(&self) -> &Platform {
        self.store.data()
    }
}

/// The module, built once for all tests with the documented command.
pub(crate) fn module_path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("game_sim.wasm");
        let command =
            "clang --target=wasm32 -nostdlib -Wl,--no-entry -Wl,--allow-undefined -O2 -Iinclude -o";
        let mut words = command.split(' ');
        let built = Command::new(words.next().unwrap())
            .args(words)
            .arg(&path)
            .arg("examples/arena/game_sim.cpp")
            .current_dir(root)
            .status()
            .expect("clang must be installed");
        assert!(built.success(), "the sim does not compile");
        path
    })
}

pub(crate) fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    let bytes = || std::fs::read(module_path()).unwrap();
    MODULE.get_or_init(|| Module::from_binary(engine(), &bytes()).unwrap())
}

fn engine() -> &'static Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| {
        let mut config = Config::new();
        config.consume_fuel(true).cranelift_nan_canonicalization(true);
        Engine::new(&config).unwrap()
    })
}

fn linker() -> Linker<Platform> {
    let mut linker = Linker::new(engine());
    link_in(&mut linker).unwrap();
    link_out(&mut linker).unwrap();
    linker
}

type Call<'a> = Caller<'a, Platform>;

// What comes to the sim.
fn link_in(linker: &mut Linker<Platform>) -> wasmtime::Result<()> {
    linker.func_wrap("env", "lattice_ms_event_peek", |call: Call<'_>| {
        call.data().events.front().map_or(0, |event| event.len() as i32)
    })?;
    linker.func_wrap(
        "env",
        "lattice_ms_event_next",
        |mut call: Call<'_>, ptr: u32, cap: u32| {
            let Some(event) = call.data_mut().events.pop_front() else { return 0 };
            assert!(event.len() <= cap as usize, "the sim made room for what peek announced");
            write(&mut call, ptr, &event);
            event.len() as i32
        },
    )?;
    linker.func_wrap("env", "lattice_ms_config", |mut call: Call<'_>, ptr: u32, cap: u32| {
        let config = call.data().config.clone();
        write(&mut call, ptr, &config[..config.len().min(cap as usize)]);
        config.len() as i32
    })?;
    linker.func_wrap(
        "env",
        "lattice_ms_state_read",
        |mut call: Call<'_>, ptr: u32, cap: u32| {
            let saved = &mut call.data_mut().saved;
            let size = saved.len().min(cap as usize);
            let next: Vec<_> = saved.drain(..size).collect();
            write(&mut call, ptr, &next);
            size as i32
        },
    )?;
    Ok(())
}

// What comes from the sim.
fn link_out(linker: &mut Linker<Platform>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "lattice_ms_send",
        |mut call: Call<'_>, player: u32, ptr: u32, len: u32, flags: u32| {
            keep(&mut call, Some(player), ptr, len, flags)
        },
    )?;
    linker.func_wrap(
        "env",
        "lattice_ms_broadcast",
        |mut call: Call<'_>, ptr: u32, len: u32, flags: u32| keep(&mut call, None, ptr, len, flags),
    )?;
    linker.func_wrap(
        "env",
        "lattice_ms_kick",
        |mut call: Call<'_>, player: u32, reason: i32| {
            call.data_mut().kicked.push((player, reason));
            0
        },
    )?;
    linker.func_wrap(
        "env",
        "lattice_ms_log",
        |mut call: Call<'_>, _level: i32, ptr: u32, len: u32| {
            let line = text(&mut call, ptr, len);
            call.data_mut().log.push(line);
        },
    )?;
    linker.func_wrap(
        "env",
        "lattice_ms_state_write",
        |mut call: Call<'_>, ptr: u32, len: u32| {
            let bytes = read(&mut call, ptr, len);
            call.data_mut().saved.extend(bytes);
            0
        },
    )?;
    linker.func_wrap("env", "lattice_ms_result", |mut call: Call<'_>, ptr: u32, len: u32| {
        let result = text(&mut call, ptr, len);
        call.data_mut().result = Some(result);
        0
    })?;
    linker.func_wrap(
        "env",
        "lattice_ms_gauge",
        |mut call: Call<'_>, ptr: u32, len: u32, value: f64| {
            let name = text(&mut call, ptr, len);
            call.data_mut().gauges.push((name, value));
            0
        },
    )?;
    Ok(())
}

fn keep(call: &mut Call<'_>, player: Option<u32>, ptr: u32, len: u32, flags: u32) -> i32 {
    assert!(flags <= 1, "only the flag that exists");
    let sent = Sent { player, bytes: read(call, ptr, len), may_drop: flags == 1 };
    call.data_mut().sent.push(sent);
    0
}

fn text(call: &mut Call<'_>, ptr: u32, len: u32) -> String {
    String::from_utf8(read(call, ptr, len)).expect("the sim writes UTF-8")
}

fn read(call: &mut Call<'_>, ptr: u32, len: u32) -> Vec<u8> {
    let Some(Extern::Memory(memory)) = call.get_export("memory") else { panic!("no memory") };
    memory.data(call)[ptr as usize..][..len as usize].to_vec()
}

fn write(call: &mut Call<'_>, ptr: u32, bytes: &[u8]) {
    let Some(Extern::Memory(memory)) = call.get_export("memory") else { panic!("no memory") };
    memory.write(call, ptr as usize, bytes).unwrap();
}
