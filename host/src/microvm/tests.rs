//! Sims in microVMs, whatever KVM is here: these sims compute as users of their machines, which an
//! emulated KVM too may leave to the processor. Where KVM is not at all, each test says so and is
//! passed over. What only the processor itself can keep is in the ignored ones.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod alike;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bytes::Bytes;
use lattice_cell::IMAGE_BASE;
use lattice_policies::{
    Code, PlayerId, Policy, Sha256,
    admission::{NativeModule, NativeRights, NativeSegment, Relocation, RelocationValue},
    functions::HOST_FUNCTIONS,
};
use lattice_surface::{Event, Level, Phase, Surface};

use super::{guest::MicroVm, sims, system::RETURNED, *};
use crate::{
    guest::Fuel,
    native::{Exception, NativeCall, NativeEnd},
};

const PLAYER: PlayerId = PlayerId(7);
const FUEL: Fuel = 1_000_000;

/// The sims' code is a segment at 0; their data, one at this offset, begins with the host
/// functions' addresses, and goes on with what the sims are given.
const DATA: u64 = 0x4000;
/// What is written back for a test to look at.
const SEEN: u64 = DATA + 0x200;

struct World {
    sim: MicroVm,
    library: Arc<Library>,
    surface: Surface,
    fuel: Fuel,
    deadline: Duration,
}

impl World {
    /// A match of the sims below with one player, or nothing where there is no KVM.
    fn new() -> Option<Self> {
        let MicroVms { device, watch } = MicroVms::unprobed()?;
        let library = Arc::new(library());
        let limits = Arc::new(MatchLimits::default());
        let isolation = MicroVms::isolation();
        let sim = MicroVm::new(&device, &watch, &library, &limits, isolation).unwrap();
        let mut surface = Surface::new(limits, Arc::from(*b"config"), Arc::default());
        surface.begin(Phase::Tick);
        surface.push(Event::Join { player: PLAYER, about: Bytes::from_static(b"Ada") }).unwrap();
        Some(Self { sim, library, surface, fuel: FUEL, deadline: Duration::from_mins(1) })
    }

    fn call(&mut self, sim: &str, arguments: [u64; 2]) -> Result<i64, NativeEnd> {
        self.call_in(Phase::Tick, sim, arguments)
    }

    fn call_in(&mut self, phase: Phase, sim: &str, arguments: [u64; 2]) -> Result<i64, NativeEnd> {
        let function = sims::place(sim);
        let deadline = Instant::now() + self.deadline;
        let call = NativeCall { phase, function, arguments, deadline };
        self.sim.call(&call, &mut self.surface, &mut self.fuel)
    }

    fn exception(&mut self, sim: &str, arguments: [u64; 2]) -> (i32, u64, u64) {
        match self.call(sim, arguments) {
            Err(NativeEnd::Exception(Exception { signal, address, instruction, .. })) => {
                (signal, address, instruction.wrapping_sub(IMAGE_BASE + sims::place(sim)))
            }
            other => panic!("{sim}: {other:?}"),
        }
    }

    fn words<const N: usize>(&self, offset: u64) -> [u64; N] {
        let mut bytes = vec![0; 8 * N];
        self.sim.image().read(offset, &mut bytes).unwrap();
        let words: Vec<_> =
            bytes.chunks(8).map(|word| u64::from_le_bytes(word.try_into().unwrap())).collect();
        words.try_into().unwrap()
    }
}

fn library() -> Library {
    let code = sims::code();
    let mut bytes = code.to_vec();
    let data = bytes.len();
    bytes.resize(data + 0x100, 0);
    bytes.extend_from_slice(b"hello name");
    let segment = |address, file, rights| NativeSegment { address, file, len: 0x1000, rights };
    let relocations = (0..HOST_FUNCTIONS.len()).map(|place| Relocation {
        at: DATA + 8 * place as u64,
        value: RelocationValue::HostFunction(place),
    });
    let module = NativeModule {
        segments: vec![
            segment(0, 0..data, NativeRights::Execute),
            segment(DATA, data..bytes.len(), NativeRights::Write),
        ],
        relocations: relocations.collect(),
        exports: BTreeMap::new(),
        initializers: Vec::new(),
        arena: Some(DATA + 0x80),
        span: DATA + 0x1000,
        symbols: Vec::new(),
    };
    Library::new(&module, &bytes, Sha256::of(&bytes), &Policy::default()).unwrap()
}

#[test]
fn a_function_finds_its_arguments_and_answers_as_wide_as_it_is_asked() {
    let Some(mut world) = World::new() else { return };
    let (a, b) = (5_u64 << 32 | 3, 1 << 31);
    assert_eq!(world.call_in(Phase::Hash, "adds", [a, b]), Ok((a + b) as i64));
    assert_eq!(world.call("adds", [a, b]), Ok(i64::from((3 | 1_u32 << 31) as i32)));
    // 1.5 * 2.25 + the root of 6.25, by SSE.
    assert_eq!(world.call_in(Phase::Hash, "computes", [0; 2]), Ok(5.875_f64.to_bits() as i64));
    assert_eq!(world.fuel, FUEL, "what calls nobody costs nothing");
}

#[test]
fn a_function_begins_with_nothing_in_its_registers_and_leaves_none_of_our_addresses() {
    let Some(mut world) = World::new() else { return };
    world.call("fills", [0; 2]).unwrap();
    assert_eq!(
        world.call("collects", [0; 2]),
        Ok(0),
        "an or of all but rax, rsp and its arguments"
    );
    let top = world.library.layout().stack.end - 8;
    assert_eq!(world.words(top), [0]);
    let gate = world.library.layout().gate;
    assert_eq!(world.words::<12>(gate), [0; 12], "the image's own page of the gate");
}

#[test]
fn a_tick_hears_its_events_and_what_it_says_is_done_and_charged() {
    let Some(mut world) = World::new() else { return };
    // Pulls the join, sends what it is given, logs and sets a gauge; then asks again for events.
    assert_eq!(world.call("plays", [PLAYER.0.into(), 0]), Ok(0));
    let messages: Vec<_> = world.surface.outbox().messages().map(|it| it.bytes.to_vec()).collect();
    assert_eq!(messages, [b"hello"]);
    let log = world.surface.log().drain();
    assert_eq!((log.len(), log[0].level, &*log[0].text), (1, Level::Info, "hello name"));
    assert!(world.surface.commit());
    let gauges = world.surface.gauges();
    assert_eq!((gauges.len(), &*gauges[0].name, gauges[0].value), (1, "name", 2.5));
    assert_eq!(world.surface.events().len(), 0);
    // The event as a sim receives it: type 1, 3 bytes, player 7; then `Ada`.
    assert_eq!(world.words(SEEN), [1 | 3 << 32, 7, 0, u64::from_le_bytes(*b"Ada\0\0\0\0\0")]);
    // What the five calls were answered: peek, next, send, gauge, peek.
    assert_eq!(world.words(SEEN + 0x40), [27, 27, 0, 0, 0]);
    assert!(world.fuel < FUEL);
}

#[test]
fn a_host_call_leaves_nothing_in_the_registers_that_it_may_spoil() {
    let Some(mut world) = World::new() else { return };
    assert_eq!(world.call("collects_after_call", [0; 2]), Ok(0));
}

#[test]
fn seven_arguments_reach_the_host_and_the_config_comes_back() {
    let Some(mut world) = World::new() else { return };
    // The seventh is the length of the body: `hello` is no URL, whatever the body.
    let bad_request = i64::from(Code::HttpBadRequest.value());
    let bad_pointer = i64::from(Code::BadPointer.value());
    assert_eq!(world.call("fetches", [3, 0]), Ok(bad_request));
    assert_eq!(world.call("fetches", [u64::MAX, 0]), Ok(bad_pointer));
    assert_eq!(world.call("reads_config", [0; 2]), Ok(6));
    assert_eq!(world.words(SEEN), [u64::from_le_bytes(*b"config\0\0")]);
    let code = IMAGE_BASE + world.library.layout().gate_code;
    for nowhere in [code, IMAGE_BASE, 0, u64::MAX] {
        assert_eq!(world.call("reads_config_to", [nowhere, 0]), Ok(bad_pointer), "{nowhere:#x}");
    }
}

#[test]
fn what_the_processor_refuses_is_told_as_of_a_process() {
    for (sim, signal, address, instruction) in [
        ("divides", libc::SIGFPE, None, 8),
        ("traps", libc::SIGILL, None, 0),
        ("breaks", libc::SIGTRAP, None, 1),
        ("halts", libc::SIGSEGV, Some(0), 0),
        ("writes", libc::SIGSEGV, Some(0), 0),
    ] {
        let Some(mut world) = World::new() else { return };
        let (found, at, place) = world.exception(sim, [0; 2]);
        assert_eq!((found, place), (signal, instruction), "{sim}");
        assert!(address.is_none_or(|address| address == at), "{sim}: {at:#x}");
    }
}

#[test]
fn memory_that_is_not_the_sims_to_write_is_kept_from_it() {
    let Some(world) = World::new() else { return };
    let layout = world.library.layout();
    let gap = IMAGE_BASE + layout.stack.start - 8;
    let ours = [0x4000_0000, 0x4000_1000, 0x4000_3000, 0x5000_1000, RETURNED - 0x800 + 0x1000];
    let sims = [IMAGE_BASE, IMAGE_BASE + layout.gate, IMAGE_BASE + layout.gate_code, gap];
    for at in ours.into_iter().chain(sims) {
        let mut world = World::new().unwrap();
        assert_eq!(world.exception("writes", [at, 1]), (libc::SIGSEGV, at, 0), "{at:#x}");
    }
    // Nor is what it may write to be run.
    for at in [IMAGE_BASE + DATA, IMAGE_BASE + layout.stack.start, IMAGE_BASE + layout.arena.start]
    {
        let mut world = World::new().unwrap();
        let (signal, address, _) = world.exception("jumps", [at, 0]);
        assert_eq!((signal, address), (libc::SIGSEGV, at), "{at:#x}");
    }
}

#[test]
fn a_stack_without_end_is_found_below_it() {
    let Some(mut world) = World::new() else { return };
    let (signal, address, _) = world.exception("recurses", [0; 2]);
    let offset = address - IMAGE_BASE;
    assert!(signal == libc::SIGSEGV && world.library.layout().is_below_stack(offset));
}

#[test]
fn a_system_call_is_told_as_such() {
    let Some(mut world) = World::new() else { return };
    assert_eq!(world.call("makes_int80", [0; 2]), Err(NativeEnd::SystemCall));
}

#[test]
fn a_loop_meets_its_deadline_and_calls_without_end_their_fuel() {
    let Some(mut world) = World::new() else { return };
    world.deadline = Duration::from_millis(50);
    assert_eq!(world.call("loops", [0; 2]), Err(NativeEnd::Deadline));
    let mut world = World::new().unwrap();
    world.fuel = 10_000;
    assert_eq!(world.call("peeks_for_ever", [0; 2]), Err(NativeEnd::Fuel));
    assert_eq!(world.fuel, 0);
}

#[test]
fn a_sim_that_rings_by_itself_is_found_out() {
    let Some(mut world) = World::new() else { return };
    let bell = RETURNED - 0x800;
    let end = world.call("writes", [bell + 0x10, 0]).unwrap_err();
    assert!(matches!(&end, NativeEnd::Ring(why) if why.contains("at 0x10,")), "{end:?}");
}

#[test]
fn memory_goes_from_one_machine_to_another() {
    let Some(mut one) = World::new() else { return };
    let Some(mut other) = World::new() else { return };
    one.call("counts", [0; 2]).unwrap();
    one.call("counts", [0; 2]).unwrap();
    let mut data = vec![0; 0x1000];
    one.sim.image().read(DATA, &mut data).unwrap();
    other.sim.image().write(DATA, &data).unwrap();
    assert_eq!([one.call("counts", [0; 2]), other.call("counts", [0; 2])], [Ok(3), Ok(3)]);
    let filled = one.sim.image().filled(0..one.library.layout().span).unwrap();
    assert!(filled.iter().any(|range| range.contains(&DATA)));
    let taken = one.sim.image().allocated();
    assert!(taken > 0 && taken < one.library.layout().span / 4, "{taken} bytes");
}

/// To be run where the processor's own virtualisation is.
#[test]
#[ignore = "needs KVM that uses the processor"]
fn the_probe_says_yes_and_no_sim_reads_the_clock() {
    let machines = MicroVms::start();
    assert!(machines.is_ok(), "{:?}", machines.err());
    let (signal, address, place) = World::new().unwrap().exception("reads_clock", [0; 2]);
    assert_eq!((signal, address, place), (libc::SIGSEGV, 0, 0));
    let syscall = World::new().unwrap().call("makes_syscall", [0; 2]);
    assert_eq!(syscall, Err(NativeEnd::SystemCall));
    println!("the probe says yes: KVM runs guests on the processor, and keeps its clock from them");
}
