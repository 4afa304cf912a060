//! What the native tier costs: sims in cells, against the same source in the sandbox and compiled
//! for this machine without any boundary. All queue the same bytes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use lattice_host::{CellSettings, Guest, NativeTier, Program};
use lattice_policies::{Policy, admission::Packaging};
use lattice_surface::Phase;

use crate::{
    clocks,
    native::{Compiled, NativeMatch},
    script::Script,
    sims,
    stats::{Arm, compare, heading},
    subject::Subject,
};

const ROUNDS: usize = 5;
const START_ROUNDS: usize = 15;
const EMPTY_TICKS: usize = 20_000;
const CALL_TICKS: usize = 4_000;
/// The deadline of the tick that never returns.
const DEADLINE_MS: u32 = 20;

pub(crate) fn measure() {
    let tiers = Tiers::new(&enabled());
    tiers.against("an empty tick", "benches/native/nothing.c", &sims::nobody(EMPTY_TICKS), None);
    let calls = "a tick with 32 host calls that need no answer";
    tiers.against(calls, "benches/native/calls.c", &sims::nobody(CALL_TICKS), None);
    let asks = "a tick with 32 host calls that need an answer";
    tiers.against(asks, "benches/native/asks.c", &sims::nobody(CALL_TICKS), None);
    tiers.against("a tick of arena with 16 players", sims::ARENA, &sims::arena(1_800), None);
    let physics = "a tick of physics with hundreds of bodies";
    tiers.against(physics, sims::PHYSICS, &sims::physics(240), Some(1.03));
    tiers.starts();
    tiers.memory();
    kills();
}

fn enabled() -> Policy {
    let mut policy = Policy::default();
    policy.native.enabled = true;
    policy
}

/// Where a sim can run under the platform: cells that sleep, which stand beside the sandbox, and
/// cells that spin.
struct Tiers {
    sleeping: Subject,
    spinning: Option<Subject>,
}

impl Tiers {
    fn new(policy: &Policy) -> Self {
        let sleeping = Self::subject(policy, Vec::new());
        match sleeping.fleet.native_tier() {
            NativeTier::Ready(isolation) => println!("\nbarriers around a cell: {isolation}"),
            other => panic!("the native tier can't be had here: {other:?}"),
        }
        // The last of at least two processors is kept for the one cell that spins.
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let spinning = (processors > 1).then(|| Self::subject(policy, vec![processors as u32 - 1]));
        Self { sleeping, spinning }
    }

    fn subject(policy: &Policy, spin_cpus: Vec<u32>) -> Subject {
        let cells = CellSettings { program: program(), slots: 4, spin_cpus, cgroup: None };
        Subject::with_cells(policy, 1, cells)
    }

    fn against(&self, title: &str, source: &str, script: &Script, aim: Option<f64>) {
        let compiled = Compiled::new(source);
        let wasm = self.sleeping.program(&compiled.wasm);
        let sleeping = self.sleeping.packaged(Packaging::Native, &compiled.library);
        let bytes = script.bytes();
        let digest = compiled.play(&bytes).digest;
        let per_tick = |seconds: f64| seconds / script.ticks.len() as f64;
        let plain = Arm::new("compiled for this machine, no boundary", || {
            let NativeMatch { seconds, digest: again, .. } = compiled.play(&bytes);
            assert_eq!(again, digest, "{title}: two runs queue the same bytes");
            per_tick(seconds)
        });
        let guest = |name: &str, program: Program| {
            Arm::new(name, move || {
                let mut guest = guest(&program, script);
                let (seconds, queued) = sims::play_in(&mut guest, script);
                assert_eq!(queued, digest, "{title}: the same bytes are queued everywhere");
                per_tick(seconds)
            })
        };
        let cell = guest("in a cell that sleeps between turns", sleeping);
        let cell = if let Some(aim) = aim { cell.aim(aim) } else { cell };
        let mut arms = vec![plain, guest("in the sandbox", wasm), cell];
        if let Some(subject) = &self.spinning {
            let program = subject.packaged(Packaging::Native, &compiled.library);
            arms.push(guest("in a cell that spins on a core of its own", program));
        }
        compare(title, ROUNDS, arms);
    }

    /// From nothing to the end of `init`.
    fn starts(&self) {
        let compiled = Compiled::new("benches/native/nothing.c");
        let (script, none) = (sims::nobody(0), sims::nobody(0).bytes());
        let start = |name: &str, program: Program| {
            let script = &script;
            Arm::new(name, move || clocks::wall(|| guest(&program, script).init(7, 30).unwrap()))
        };
        let plain = Arm::new("a process of the plain program, to its end", || {
            clocks::wall(|| {
                compiled.play(&none);
            })
        });
        let wasm = start("in the sandbox", self.sleeping.program(&compiled.wasm));
        let library = self.sleeping.packaged(Packaging::Native, &compiled.library);
        let cell = start("in a cell, its end included", library);
        compare("a start, to the end of `init`", START_ROUNDS, vec![plain, wasm, cell]);
    }

    /// What a match of arena takes when it has run for a minute.
    fn memory(&self) {
        let compiled = Compiled::new(sims::ARENA);
        let script = sims::arena(1_800);
        let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
        let played = |program: &Program| {
            let mut guest = guest(program, &script);
            sims::play_in(&mut guest, &script);
            guest
        };
        let wasm = played(&self.sleeping.program(&compiled.wasm));
        let cell = played(&self.sleeping.packaged(Packaging::Native, &compiled.library));
        heading("memory of arena with 16 players after a minute", 1);
        let plain = compiled.play(&script.bytes()).resident;
        println!("  the plain program's process, at most: {}", mib(plain));
        println!("  the sandbox, linear memory: {}", mib(wasm.memory_bytes() as u64));
        println!("  the cell, of its sim's image: {}", mib(cell.memory_bytes() as u64));
        let resident = resident().map_or_else(|| "not told".to_owned(), mib);
        println!("  the cell's process, image and ring included: {resident}");
    }
}

/// How late a tick that never returns is ended.
fn kills() {
    let mut policy = enabled();
    policy.matches.tick_deadline_ms = DEADLINE_MS;
    // So that the sandbox ends it by the deadline as well.
    policy.matches.tick_fuel = 1 << 40;
    let subject = Tiers::subject(&policy, Vec::new());
    let compiled = Compiled::new("benches/native/loop.c");
    let script = sims::nobody(0);
    let late = |name: &str, program: Program| {
        let script = &script;
        Arm::new(name, move || {
            let mut guest = guest(&program, script);
            guest.init(7, 30).unwrap();
            guest.surface().begin(Phase::Tick);
            let began = Instant::now();
            let fault = guest.tick(0, false).unwrap_err();
            let took = began.elapsed();
            assert_eq!(fault.kind.as_str(), "DEADLINE");
            took.saturating_sub(Duration::from_millis(DEADLINE_MS.into())).as_secs_f64()
        })
    };
    let wasm = late("in the sandbox", subject.program(&compiled.wasm));
    let library = subject.packaged(Packaging::Native, &compiled.library);
    let cell = late("in a cell, killed and waited for", library);
    compare("how late a tick that never returns is ended", START_ROUNDS, vec![wasm, cell]);
}

fn guest(program: &Program, script: &Script) -> Guest {
    Guest::new(program, Arc::clone(&script.config), Arc::default()).unwrap()
}

/// `lattice-cell`, built as these figures are.
fn program() -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--release", "--quiet", "--locked", "--offline", "-p", "lattice-cell"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap())
        .status();
    assert!(built.unwrap().success(), "lattice-cell is built");
    // figures stand in release/deps
    let own = std::env::current_exe().unwrap();
    own.ancestors().nth(2).unwrap().join("lattice-cell")
}

/// Bytes that the one cell of this process has in memory.
fn resident() -> Option<u64> {
    let own = std::process::id().to_string();
    let folders = fs::read_dir("/proc").ok()?.flatten().map(|entry| entry.path());
    let cell = folders.into_iter().find(|folder| {
        let status = fs::read_to_string(folder.join("status")).unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.map(str::trim)
        };
        field("Name:") == Some("lattice-cell") && field("PPid:") == Some(&own)
    })?;
    let status = fs::read_to_string(cell.join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib << 10)
}
