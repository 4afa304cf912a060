//! Real sims, compiled as their authors compile them: in a microVM and in the wasm sandbox the
//! transcript is the same, tick by tick, also of a match that goes on in another machine.

use std::{fs, path::Path, process::Command, sync::Arc};

use bytes::Bytes;
use lattice_policies::{
    MatchId, PlayerId, Policy, Sha256,
    admission::{self, Admitted, Packaging},
    isolation::Isolation,
};
use lattice_surface::{Event, Phase};

use super::super::MicroVms;
use crate::{
    CellSettings, EnclosureKind, Engine, Fleet, Guest, HostSettings, InputChunk, LogLine, MatchEnd,
    NativeTier, Program, Reports, Snapshot,
    egress::{EgressSettings, SystemNetwork},
    guest::Moment,
    native::Tier,
};

/// A sim's two forms.
const WASM: &str = "clang --target=wasm32 -nostdlib -Wl,--no-entry -Wl,--allow-undefined \
    -Wl,--stack-first -Wl,-z,stack-size=1048576 -O2";
const NATIVE: &str = "clang --target=x86_64-unknown-linux-gnu -shared -nostdlib -nostdlibinc \
    -fuse-ld=lld -DLATTICE_CELL -U__linux__ -U__unix__ -fPIC -fvisibility=hidden -msse4.1 \
    -fignore-exceptions -fno-asynchronous-unwind-tables -fno-stack-protector \
    -fstack-clash-protection -ffunction-sections -fdata-sections -Wl,--gc-sections \
    -Wl,-Bsymbolic -Wl,-z,now -Wl,-z,relro -Wl,-z,separate-code -Wl,-z,noexecstack \
    -Wl,--hash-style=sysv -O2";
const EQUAL: &str = "-ffp-contract=off -fno-math-errno -fsigned-char -fwrapv -Iinclude";

const SIMS: [&str; 3] =
    ["examples/hello/hello.c", "examples/arena/game_sim.cpp", "examples/physics/physics.cpp"];
const TICKS: i64 = 120;

fn policy() -> Policy {
    let mut policy = Policy::default();
    policy.native.enabled = true;
    policy
}

fn build(source: &str, packaging: Packaging) -> Admitted {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = tempfile::tempdir().unwrap();
    let built = folder.path().join("sim");
    let words = if packaging == Packaging::Wasm { WASM } else { NATIVE };
    let command = format!("{words} {EQUAL} -o {} {source}", built.display());
    let said = Command::new("sh").args(["-c", &command]).current_dir(project).output().unwrap();
    assert!(said.status.success(), "{command}\n{}", String::from_utf8_lossy(&said.stderr));
    let admitted = admission::scan(packaging, fs::read(built).unwrap(), &policy());
    admitted.unwrap_or_else(|rejection| panic!("{:?}", rejection.reasons))
}

/// What comes in before a tick: a player each of the first three, and of each a few bytes now and
/// then that are the same in every run.
fn events(tick: i64) -> Vec<Event> {
    let player = PlayerId(tick as u32 % 3 + 1);
    if tick < 3 {
        return vec![Event::Join { player, about: Bytes::from_static(b"Ada") }];
    }
    let bytes = tick.wrapping_mul(0x5851_f42d_4c95_7f2d).to_le_bytes();
    vec![Event::Message { player, bytes: Bytes::copy_from_slice(&bytes[..=tick as usize % 8]) }]
}

/// One tick, and what the sim has said in it.
fn tick(guest: &mut Guest, tick: i64) -> (bool, Vec<u8>) {
    let surface = guest.surface();
    surface.begin(Phase::Tick);
    for event in events(tick) {
        surface.push(event).unwrap();
    }
    let finished = guest.tick(tick, tick % 10 == 9).unwrap();
    (finished, guest.surface().said().to_vec())
}

fn begin(program: &Program) -> Guest {
    let mut guest = Guest::new(program, Arc::from(*b""), Arc::default()).unwrap();
    guest.init(7, 60).unwrap();
    guest
}

/// Plays the match both ways, and answers its transcript. In its middle the native one goes over to
/// another machine.
fn play(source: &str, wasm: &Program, native: &Program) -> Sha256 {
    let (mut wasm, mut one) = (begin(wasm), begin(native));
    let mut bytes_said = 0;
    for number in 0..TICKS {
        if number == TICKS / 2 {
            let moment = Moment { tick: number, ends_at: None, fuel: 0 };
            let snapshot = one.snapshot(moment).unwrap();
            one = Guest::restore(native, &snapshot, Arc::from(*b""), Arc::default()).unwrap();
            assert_eq!(one.snapshot(moment).unwrap().state(), snapshot.state(), "{source}");
        }
        let (expected, found) = (tick(&mut wasm, number), tick(&mut one, number));
        assert_eq!(found, expected, "{source}, tick {number}");
        bytes_said += expected.1.len();
    }
    assert!(bytes_said > 100, "{source} says something");
    let transcripts = [wasm.surface().transcript(), one.surface().transcript()];
    assert_eq!(transcripts[0], transcripts[1], "{source}");
    transcripts[0]
}

#[test]
fn real_sims_say_the_same_in_a_microvm_as_in_the_sandbox() {
    let engine = Engine::new(&policy(), 2).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let artifacts = crate::wasm::Artifacts::open(&folder.path().join("code"), &engine).unwrap();
    let Some(machines) = MicroVms::unprobed() else { return };
    let tier = Arc::new(Tier::of_microvms(machines));
    for source in SIMS {
        let wasm = Program::compile(&engine, &build(source, Packaging::Wasm), &artifacts).unwrap();
        let build = build(source, Packaging::Native);
        let native = Program::lay_out(&engine, &build, build.native().unwrap(), &tier).unwrap();
        play(source, &wasm, &native);
    }
}

/// These tests start guests, and no match of the fleet's.
struct NoMatches;

impl Reports for NoMatches {
    fn started(&self, _: &MatchId, _: Option<&Isolation>) {}
    fn resumed(&self, _: &MatchId, _: i64, _: Option<&Isolation>) {}
    fn logs(&self, _: &MatchId, _: Vec<LogLine>) {}
    fn inputs(&self, _: &MatchId, _: InputChunk) {}
    fn snapshot(&self, _: &MatchId, _: &Arc<Snapshot>) -> bool {
        false
    }
    fn rested(&self, _: &MatchId, _: i64) {}
    fn ended(&self, _: &MatchId, _: MatchEnd) {}
}

/// A fleet whose native sims run in microVMs.
fn fleet(folder: &Path) -> Fleet {
    let (records, _taken) = tokio::sync::mpsc::channel(1);
    let egress = EgressSettings {
        policy: policy().egress,
        roots: Vec::new(),
        records,
        network: Arc::new(SystemNetwork),
    };
    let settings = HostSettings {
        policy: policy(),
        workers: 1,
        slots: 2,
        cache_dir: folder.join("code"),
        egress,
        enclosure: EnclosureKind::MicroVm,
        cells: CellSettings { slots: 2, ..CellSettings::default() },
    };
    Fleet::start(settings, Arc::new(NoMatches)).unwrap()
}

#[test]
fn a_fleet_says_what_its_probe_has_found_and_compiles_for_no_tier_that_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let fleet = fleet(folder.path());
    let found = MicroVms::start();
    let compiled = fleet.compile(&build(SIMS[0], Packaging::Native));
    match (found, fleet.native_tier()) {
        (Ok(_), NativeTier::Ready(isolation)) => {
            assert_eq!(isolation.to_string(), "clock, virtual-machine");
            assert!(compiled.is_ok());
        }
        (Err(_), NativeTier::Refused(why)) => {
            let error = compiled.err().unwrap().to_string();
            assert!(error.contains(why.as_str()), "{error}");
        }
        (found, tier) => panic!("{:?}, and the tier is {tier:?}", found.err()),
    }
}

/// The whole of it, on a machine whose KVM is the processor's.
#[test]
#[ignore = "needs KVM that uses the processor"]
fn a_fleet_runs_real_sims_in_microvms() {
    let folder = tempfile::tempdir().unwrap();
    let fleet = fleet(folder.path());
    assert!(matches!(fleet.native_tier(), NativeTier::Ready(_)), "{:?}", fleet.native_tier());
    for source in SIMS {
        let compile = |packaging| fleet.compile(&build(source, packaging)).unwrap();
        let transcript = play(source, &compile(Packaging::Wasm), &compile(Packaging::Native));
        println!("{source}: {TICKS} ticks, the same in a microVM and in the sandbox: {transcript}");
    }
}
