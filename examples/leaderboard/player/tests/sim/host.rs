//! A host of a few lines for one sim: enough of the surface to run the leaderboard under bare
//! wasmtime, with a script in the place of the network. No quotas, no threads, no sockets.

use std::{
    collections::VecDeque,
    path::Path,
    process::Command,
    sync::{LazyLock, OnceLock},
};

use wasmtime::{Caller, Engine, Extern, Linker, Module, Store, TypedFunc};

const JOIN: u16 = 1;
const MESSAGE: u16 = 3;
const HTTP: u16 = 4;
const STOP: u16 = 5;

/// A request as the sim made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) method: u32,
    pub(crate) url: String,
    pub(crate) headers: String,
    pub(crate) body: String,
}

/// What the host has of the sim, and what the network will say to it.
#[derive(Default)]
pub(crate) struct Platform {
    config: String,
    events: VecDeque<Vec<u8>>,
    /// What the next calls of `http_request` return; an id of its own for each beyond these.
    pub(crate) codes: VecDeque<i32>,
    pub(crate) asked: Vec<Asked>,
    /// The player, or none for all, and the text.
    pub(crate) sent: Vec<(Option<u32>, String)>,
    pub(crate) log: Vec<String>,
    pub(crate) result: Option<String>,
}

pub(crate) struct Sim {
    store: Store<Platform>,
    tick: TypedFunc<i64, i32>,
    now: i64,
    /// What init returned.
    pub(crate) init: i32,
}

impl Sim {
    /// At one tick a second, so that a tick is also a second.
    pub(crate) fn start(config: &str) -> Self {
        let platform = Platform { config: config.to_owned(), ..Platform::default() };
        let mut store = Store::new(module().engine(), platform);
        let instance = linker().instantiate(&mut store, module()).unwrap();
        let ready: TypedFunc<(), ()> = instance.get_typed_func(&mut store, "_initialize").unwrap();
        ready.call(&mut store, ()).unwrap();
        let init: TypedFunc<(i64, i32), i32> =
            instance.get_typed_func(&mut store, "lattice_sim_init").unwrap();
        let init = init.call(&mut store, (7, 1)).unwrap();
        let tick = instance.get_typed_func(&mut store, "lattice_sim_tick").unwrap();
        Self { store, tick, now: 0, init }
    }

    pub(crate) fn join(&mut self, player: u32, name: &str) {
        self.event(JOIN, player, 0, 0, name.as_bytes());
    }

    pub(crate) fn say(&mut self, player: u32, text: &str) {
        self.event(MESSAGE, player, 0, 0, text.as_bytes());
    }

    /// The response to the newest request: an HTTP status with a body and header lines, or a code.
    pub(crate) fn respond(&mut self, status: i32, headers: &str, body: &str) {
        let mut payload = (headers.len() as u32).to_le_bytes().to_vec();
        payload.extend([headers.as_bytes(), body.as_bytes()].concat());
        self.respond_raw(status, &payload);
    }

    pub(crate) fn respond_raw(&mut self, status: i32, payload: &[u8]) {
        let id = self.platform().asked.len() as u32;
        self.event(HTTP, 0, id, status, payload);
    }

    pub(crate) fn stop(&mut self) {
        self.event(STOP, 0, 0, 2, &[]);
    }

    /// One tick: what it returned.
    pub(crate) fn tick(&mut self) -> i32 {
        let code = self.tick.call(&mut self.store, self.now).unwrap();
        self.now += 1;
        code
    }

    /// Ticks until the sim asks for something, at most so often; how many ticks it took.
    pub(crate) fn ticks_until_asked(&mut self, most: usize) -> Option<usize> {
        let before = self.platform().asked.len();
        (1..=most).find(|_| {
            assert_eq!(self.tick(), 0);
            self.platform().asked.len() > before
        })
    }

    pub(crate) fn platform(&mut self) -> &mut Platform {
        self.store.data_mut()
    }

    fn event(&mut self, kind: u16, player: u32, id: u32, status: i32, payload: &[u8]) {
        let mut event = Vec::new();
        event.extend(kind.to_le_bytes());
        event.extend(0_u16.to_le_bytes());
        event.extend((payload.len() as u32).to_le_bytes());
        event.extend(player.to_le_bytes());
        event.extend(id.to_le_bytes());
        event.extend(status.to_le_bytes());
        event.extend([0; 4]);
        event.extend(payload);
        self.platform().events.push_back(event);
    }
}

/// The module, built once for all tests with the documented command.
fn module() -> &'static Module {
    static MODULE: OnceLock<Module> = OnceLock::new();
    MODULE.get_or_init(|| {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("leaderboard.wasm");
        let command =
            "clang --target=wasm32 -nostdlib -Wl,--no-entry -Wl,--allow-undefined -O2 -Iinclude -o";
        let mut words = command.split(' ');
        let built = Command::new(words.next().unwrap())
            .args(words)
            .arg(&path)
            .arg("examples/leaderboard/leaderboard.cpp")
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.."))
            .status()
            .expect("clang must be installed");
        assert!(built.success(), "the sim does not compile");
        Module::from_file(&Engine::default(), path).unwrap()
    })
}

type Call<'a> = Caller<'a, Platform>;

fn linker() -> &'static Linker<Platform> {
    static LINKER: LazyLock<Linker<Platform>> = LazyLock::new(|| {
        let mut linker = Linker::new(module().engine());
        link_in(&mut linker).unwrap();
        link_out(&mut linker).unwrap();
        linker
    });
    &LINKER
}

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
        write(&mut call, ptr, &config.as_bytes()[..config.len().min(cap as usize)]);
        config.len() as i32
    })?;
    Ok(())
}

// What comes from the sim.
fn link_out(linker: &mut Linker<Platform>) -> wasmtime::Result<()> {
    linker.func_wrap(
        "env",
        "lattice_ms_send",
        |mut call: Call<'_>, player: u32, ptr: u32, len: u32, _flags: u32| {
            keep(&mut call, Some(player), ptr, len)
        },
    )?;
    linker.func_wrap(
        "env",
        "lattice_ms_broadcast",
        |mut call: Call<'_>, ptr: u32, len: u32, _flags: u32| keep(&mut call, None, ptr, len),
    )?;
    linker.func_wrap("env", "lattice_ms_kick", |_player: u32, _reason: i32| 0)?;
    linker.func_wrap("env", "lattice_ms_gauge", |_ptr: u32, _len: u32, _value: f64| 0)?;
    linker.func_wrap(
        "env",
        "lattice_ms_log",
        |mut call: Call<'_>, _: i32, ptr: u32, len: u32| {
            let line = text(&mut call, ptr, len);
            call.data_mut().log.push(line);
        },
    )?;
    linker.func_wrap("env", "lattice_ms_result", |mut call: Call<'_>, ptr: u32, len: u32| {
        let result = text(&mut call, ptr, len);
        call.data_mut().result = Some(result);
        0
    })?;
    linker.func_wrap("env", "lattice_ms_http_request", request)?;
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "they are the function's")]
fn request(
    mut call: Call<'_>,
    method: u32,
    url: u32,
    url_len: u32,
    headers: u32,
    headers_len: u32,
    body: u32,
    body_len: u32,
) -> i32 {
    let url = text(&mut call, url, url_len);
    let headers = text(&mut call, headers, headers_len);
    let body = text(&mut call, body, body_len);
    let platform = call.data_mut();
    platform.asked.push(Asked { method, url, headers, body });
    platform.codes.pop_front().unwrap_or(platform.asked.len() as i32)
}

fn keep(call: &mut Call<'_>, player: Option<u32>, ptr: u32, len: u32) -> i32 {
    let sent = text(call, ptr, len);
    call.data_mut().sent.push((player, sent));
    0
}

fn text(call: &mut Call<'_>, ptr: u32, len: u32) -> String {
    let Some(Extern::Memory(memory)) = call.get_export("memory") else { panic!("no memory") };
    let bytes = memory.data(call)[ptr as usize..][..len as usize].to_vec();
    String::from_utf8(bytes).expect("the sim writes UTF-8")
}

fn write(call: &mut Call<'_>, ptr: u32, bytes: &[u8]) {
    let Some(Extern::Memory(memory)) = call.get_export("memory") else { panic!("no memory") };
    memory.write(call, ptr as usize, bytes).unwrap();
}
