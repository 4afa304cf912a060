//! A sim in bare wasmtime, with a host of a few lines. Never the real host: only the surface's text.

use std::collections::VecDeque;

use lattice_policies::functions::{self, HostFunction, Scalar};
use wasmtime::{
    Caller, Config, Engine, FuncType, Instance, Linker, Module, Store, Val, ValType, WasmParams,
    WasmResults,
};

const FUEL: u64 = 1_000_000_000;

/// What the host keeps for the sim, and heard from it.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) events: VecDeque<Vec<u8>>,
    pub(crate) logs: Vec<String>,
    pub(crate) broadcasts: Vec<Vec<u8>>,
    pub(crate) sent: Vec<(u32, Vec<u8>)>,
}

pub(crate) struct Sim {
    store: Store<Heard>,
    instance: Instance,
}

impl Sim {
    /// Loads a module and calls `_initialize`, if it has that.
    pub(crate) fn new(wasm: &[u8]) -> Sim {
        let mut config = Config::new();
        config.consume_fuel(true).cranelift_nan_canonicalization(true);
        let engine = Engine::new(&config).unwrap();
        let module = Module::new(&engine, wasm).unwrap();
        let mut store = Store::new(&engine, Heard::default());
        store.set_fuel(FUEL).unwrap();
        let instance = linker(&engine).instantiate(&mut store, &module).unwrap();
        let mut sim = Sim { store, instance };
        if sim.instance.get_func(&mut sim.store, "_initialize").is_some() {
            sim.call::<(), ()>("_initialize", ()).unwrap();
        }
        sim
    }

    /// As `new`, and `lattice_sim_init` with the native runner's arguments.
    pub(crate) fn started(wasm: &[u8]) -> Sim {
        let mut sim = Sim::new(wasm);
        assert_eq!(sim.call::<_, i32>("lattice_sim_init", (7_i64, 60_i32)).unwrap(), 0);
        sim
    }

    pub(crate) fn heard(&mut self) -> &mut Heard {
        self.store.data_mut()
    }

    /// One tick; what it returned.
    pub(crate) fn tick(&mut self, tick: i64) -> i32 {
        self.call("lattice_sim_tick", tick).unwrap()
    }

    pub(crate) fn hash(&mut self) -> u64 {
        self.call::<(), i64>("lattice_sim_hash", ()).unwrap().cast_unsigned()
    }

    /// The hash after each of the first ticks.
    pub(crate) fn hashes(&mut self, ticks: u32) -> Vec<u64> {
        let mut hashes = Vec::new();
        for tick in 0..ticks {
            assert_eq!(self.tick(i64::from(tick)), 0);
            hashes.push(self.hash());
        }
        hashes
    }

    /// The fuel that a call burns.
    pub(crate) fn fuel_of_tick(&mut self, tick: i64) -> u64 {
        self.tick(tick);
        FUEL - self.store.get_fuel().unwrap()
    }

    /// Pages of memory that the sim has.
    pub(crate) fn pages(&mut self) -> u64 {
        let memory = self.instance.get_memory(&mut self.store, "memory").unwrap();
        memory.size(&self.store)
    }

    /// Copies bytes into the sim's memory, or out of it.
    pub(crate) fn write(&mut self, at: usize, bytes: &[u8]) {
        let memory = self.instance.get_memory(&mut self.store, "memory").unwrap();
        memory.write(&mut self.store, at, bytes).unwrap();
    }

    pub(crate) fn read(&mut self, at: usize, len: usize) -> Vec<u8> {
        let memory = self.instance.get_memory(&mut self.store, "memory").unwrap();
        let mut bytes = vec![0; len];
        memory.read(&self.store, at, &mut bytes).unwrap();
        bytes
    }

    /// Calls any export, with full fuel.
    pub(crate) fn call<P: WasmParams, R: WasmResults>(
        &mut self,
        name: &str,
        with: P,
    ) -> wasmtime::Result<R> {
        self.store.set_fuel(FUEL).unwrap();
        let function = self.instance.get_typed_func::<P, R>(&mut self.store, name)?;
        function.call(&mut self.store, with)
    }
}

/// All functions of the surface; those that a test listens to do something, the others answer 0.
fn linker(engine: &Engine) -> Linker<Heard> {
    let mut linker = Linker::new(engine);
    for function in functions::HOST_FUNCTIONS {
        let name = function.name;
        linker
            .func_new(
                "env",
                name,
                signature(engine, &function),
                move |mut caller, args, results| {
                    let answer = answer(&mut caller, name, args);
                    if let Some(result) = results.first_mut() {
                        *result = Val::I32(answer);
                    }
                    Ok(())
                },
            )
            .unwrap();
    }
    linker
}

fn signature(engine: &Engine, function: &HostFunction) -> FuncType {
    let value = |scalar: Scalar| match scalar {
        Scalar::I32 => ValType::I32,
        Scalar::I64 => ValType::I64,
        Scalar::F64 => ValType::F64,
    };
    let params = function.signature.params.iter().copied().map(value);
    FuncType::new(engine, params, function.signature.result.map(value))
}

fn answer(caller: &mut Caller<'_, Heard>, name: &str, args: &[Val]) -> i32 {
    let word = |i: usize| args[i].unwrap_i32().cast_unsigned();
    match name {
        "lattice_ms_log" => {
            let text = read(caller, word(1), word(2));
            caller.data_mut().logs.push(String::from_utf8(text).unwrap());
            0
        }
        "lattice_ms_broadcast" => {
            let data = read(caller, word(0), word(1));
            caller.data_mut().broadcasts.push(data);
            0
        }
        "lattice_ms_send" => {
            let data = read(caller, word(1), word(2));
            caller.data_mut().sent.push((word(0), data));
            0
        }
        "lattice_ms_event_peek" => {
            caller.data().events.front().map_or(0, |event| event.len() as i32)
        }
        "lattice_ms_event_next" => next_event(caller, word(0), word(1)),
        _ => 0,
    }
}

fn next_event(caller: &mut Caller<'_, Heard>, to: u32, room: u32) -> i32 {
    let Some(event) = caller.data_mut().events.pop_front() else { return 0 };
    assert!(event.len() <= room as usize, "the header's buffer was too small");
    let memory = caller.get_export("memory").unwrap().into_memory().unwrap();
    memory.write(caller, to as usize, &event).unwrap();
    event.len() as i32
}

fn read(caller: &mut Caller<'_, Heard>, from: u32, len: u32) -> Vec<u8> {
    let memory = caller.get_export("memory").unwrap().into_memory().unwrap();
    let mut bytes = vec![0; len as usize];
    memory.read(&caller, from as usize, &mut bytes).unwrap();
    bytes
}

/// An event as the host writes it: 24 bytes, then the payload.
pub(crate) fn event(kind: u16, player: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(kind.to_le_bytes());
    bytes.extend(0_u16.to_le_bytes());
    bytes.extend((payload.len() as u32).to_le_bytes());
    bytes.extend(player.to_le_bytes());
    bytes.extend([0; 12]);
    bytes.extend(payload);
    bytes
}
