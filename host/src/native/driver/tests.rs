//! The driver against a peer that says what a test has it say: an honest one, and others.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::collections::VecDeque;

use bytes::Bytes;
use lattice_policies::{Code, PlayerId};
use lattice_surface::{Event, Level};

use super::{
    super::{enclosure::Exception, library},
    *,
};
use crate::cell::Ring;

/// What a peer does in one of its turns, given the inlet and the outlet.
type Step = Box<dyn FnMut(&Control, &[u8], &mut Vec<u8>) -> Result<Turn, NativeEnd> + Send>;

struct Fake {
    ring: Ring,
    inlet: std::sync::Mutex<Vec<u8>>,
    outlet: Vec<u8>,
    steps: VecDeque<Step>,
    isolation: Isolation,
}

impl Peer for Fake {
    fn isolation(&self) -> &Isolation {
        &self.isolation
    }

    fn control(&self) -> &Control {
        self.ring.control()
    }

    fn write_inlet(&self, bytes: &[u8]) -> io::Result<()> {
        *self.inlet.lock().unwrap() = bytes.to_vec();
        Ok(())
    }

    fn read_outlet(&self, bytes: u32, into: &mut Vec<u8>) -> io::Result<()> {
        into.clear();
        into.extend_from_slice(&self.outlet[..bytes as usize]);
        Ok(())
    }

    fn turn(&mut self, _: Instant) -> Result<Turn, NativeEnd> {
        let mut step = self.steps.pop_front().expect("the host goes on where it should not");
        self.outlet.clear();
        let turn = step(self.ring.control(), &self.inlet.lock().unwrap(), &mut self.outlet);
        let control = self.ring.control();
        if control.outlet_bytes.load(Relaxed) == 0 {
            control.outlet_bytes.store(self.outlet.len() as u32, Relaxed);
        }
        turn
    }
}

const PLAYER: PlayerId = PlayerId(7);
/// In the data of the library for tests.
const DATA: u32 = 4096;

struct World {
    driver: Driver<Fake>,
    surface: Surface,
    fuel: Fuel,
}

impl World {
    fn new() -> Self {
        Self::with(MatchLimits::default(), None)
    }

    fn with(limits: MatchLimits, sizes: Option<RingSizes>) -> Self {
        let limits = Arc::new(limits);
        let sizes = sizes.unwrap_or_else(|| RingSizes::of(&limits));
        let library = Arc::new(library::tests::library());
        let image = Image::new(&library).unwrap();
        let ring = Ring::new(4096, 4096).unwrap();
        let (inlet, outlet, steps) = Default::default();
        let fake = Fake { ring, inlet, outlet, steps, isolation: Isolation::all() };
        let mut surface = Surface::new(Arc::clone(&limits), Arc::from(*b"config"), Arc::default());
        surface.begin(Phase::Tick);
        surface.push(Event::Join { player: PLAYER, about: Bytes::new() }).unwrap();
        let driver = Driver::new(fake, image, library, limits, sizes);
        Self { driver, surface, fuel: 1_000_000 }
    }

    /// Runs a tick in which the peer takes these turns.
    fn tick(&mut self, steps: Vec<Step>) -> Result<i64, NativeEnd> {
        self.driver.peer.steps = steps.into();
        let deadline = Instant::now() + std::time::Duration::from_mins(1);
        let call = NativeCall { phase: Phase::Tick, function: 2, arguments: [5, 0], deadline };
        let result = self.driver.call(&call, &mut self.surface, &mut self.fuel);
        assert!(result.is_err() || self.driver.peer.steps.is_empty(), "all turns are taken");
        result
    }
}

fn step(
    step: impl FnMut(&Control, &[u8], &mut Vec<u8>) -> Result<Turn, NativeEnd> + Send + 'static,
) -> Step {
    Box::new(step)
}

fn put(outlet: &mut Vec<u8>, call: Call, answer: i32, bytes: &[u8]) {
    let used = outlet.len();
    outlet.resize(used + Record::size(bytes.len()), 0);
    Record { call, answer, bytes }.encode(&mut outlet[used..]).unwrap();
}

fn says(calls: Vec<(Call, i32, &'static [u8])>, turn: Turn) -> Step {
    step(move |_, _, outlet| {
        for (call, answer, bytes) in &calls {
            put(outlet, *call, *answer, bytes);
        }
        Ok(turn)
    })
}

fn asks(function: u32, asked: [u64; 7]) -> Step {
    step(move |control, _, _| {
        control.function.store(function, Relaxed);
        for (to, value) in control.asked.iter().zip(asked) {
            to.store(value, Relaxed);
        }
        Ok(Turn::Ask)
    })
}

fn returns(answer: i64) -> Step {
    step(move |control, _, _| {
        control.returned.store(answer, Relaxed);
        Ok(Turn::Returned)
    })
}

/// Looks at what the last ask was answered, and returns.
fn sees(expected: i32) -> Step {
    step(move |control, _, _| {
        assert_eq!(control.answer.load(Relaxed) as i32, expected);
        Ok(Turn::Returned)
    })
}

const SEND: Call = Call::Send { player: PLAYER, ptr: DATA, len: 5, flags: 0 };
const LOG: Call = Call::Log { level: 2, ptr: DATA, len: 4 };
const NEXT: Call = Call::EventNext { ptr: DATA, cap: 100 };
const JOIN_BYTES: i32 = 24;

fn why(result: Result<i64, NativeEnd>) -> String {
    match result {
        Err(NativeEnd::Ring(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_call_finds_its_events_and_what_it_says_is_charged_and_done() {
    let mut world = World::new();
    let finds = step(|control, inlet, outlet| {
        assert_eq!(control.request.load(Relaxed), Request::Call as u32);
        assert_eq!(control.phase.load(Relaxed), 2);
        assert_eq!(control.entry.load(Relaxed), IMAGE_BASE + 2);
        assert_eq!(control.arguments[0].load(Relaxed), 5);
        let (players, bytes) =
            (control.players.load(Relaxed), control.event_bytes.load(Relaxed) as usize);
        assert_eq!((players, bytes, inlet.len()), (1, 24, 28));
        assert_eq!((&inlet[..4], inlet[4]), (&7u32.to_le_bytes()[..], 1));
        put(outlet, Call::EventPeek, JOIN_BYTES, b"");
        put(outlet, NEXT, JOIN_BYTES, b"");
        put(outlet, NEXT, 0, b"");
        put(outlet, SEND, 0, b"hello");
        put(outlet, LOG, 0, b"line");
        control.returned.store(1, Relaxed);
        Ok(Turn::Returned)
    });
    assert_eq!(world.tick(vec![finds]), Ok(1));
    assert!(world.surface.events().is_empty());
    let messages: Vec<_> = world.surface.outbox().messages().map(|it| it.bytes.to_vec()).collect();
    assert_eq!(messages, [b"hello"]);
    let log = world.surface.log().drain();
    assert_eq!((log.len(), log[0].level, &*log[0].text), (1, Level::Info, "line"));
    assert_eq!(1_000_000 - world.fuel, 50 + 124 + 100 + 105 + 104);
}

#[test]
fn what_is_beside_the_rules_is_refused_as_it_was_answered() {
    let mut world = World::new();
    let far = Call::Send { player: PLAYER, ptr: u32::MAX, len: 5, flags: 0 };
    let calls: Vec<(_, _, &[u8])> = vec![
        (far, Code::BadPointer.value(), b""),
        (
            Call::Send { player: PlayerId(9), ptr: DATA, len: 1, flags: 0 },
            Code::NoSuchPlayer.value(),
            b"x",
        ),
        (Call::Kick { player: PLAYER, reason: 3 }, 0, b""),
        (Call::EventNext { ptr: DATA, cap: 23 }, Code::TooSmall.value(), b""),
        (Call::EventNext { ptr: u32::MAX, cap: 100 }, Code::BadPointer.value(), b""),
        (Call::Log { level: 0, ptr: u32::MAX, len: 1 }, 0, b""),
    ];
    assert_eq!(world.tick(vec![says(calls, Turn::Flush), returns(0)]), Ok(0));
    assert_eq!(world.surface.outbox().messages().count(), 0);
    assert_eq!(world.surface.outbox().kicks().len(), 1);
    assert_eq!((world.surface.events().len(), world.surface.log().dropped()), (1, 1));
}

#[test]
fn a_wrong_word_in_the_ring_is_named() {
    let wrong: Vec<(Step, &str)> = vec![
        (says(vec![(SEND, -1, b"hello")], Turn::Returned), "was answered -1, and it is 0"),
        (says(vec![(SEND, 0, b"hell")], Turn::Returned), "has 4 bytes, and should have 5"),
        (says(vec![(NEXT, 25, b"")], Turn::Returned), "was answered 25, and it is 24"),
        (says(vec![(Call::EventPeek, 0, b"")], Turn::Returned), "answered 0, and it is 24"),
        (says(vec![], Turn::Flush), "said to be full, and is empty"),
        (says(vec![(LOG, 0, b"line")], Turn::Events), "none was pulled"),
        (says(vec![], Turn::Ready), "begins anew"),
        (says(vec![], Turn::Failed), "begins anew"),
        (asks(0, [0; 7]), "function 0 is asked for"),
        (asks(u32::MAX, [0; 7]), "is asked for"),
        (
            step(|control, _, _| {
                control.outlet_bytes.store(u32::MAX, Relaxed);
                Ok(Turn::Returned)
            }),
            "is said to hold 4294967295",
        ),
        (
            step(|_, _, outlet| {
                outlet.resize(40, 0xff);
                Ok(Turn::Returned)
            }),
            "at byte 0 of the ring's outlet",
        ),
    ];
    for (step, expected) in wrong {
        let told = why(World::new().tick(vec![step]));
        assert!(told.contains(expected), "{told}");
    }
}

#[test]
fn a_flood_ends_with_the_fuel_also_in_what_a_dead_peer_has_left() {
    for end in [Ok(Turn::Flush), Err(NativeEnd::Deadline)] {
        let mut world = World::new();
        world.fuel = 250;
        let flood = step(move |_, _, outlet| {
            (0..6).for_each(|_| put(outlet, Call::EventPeek, JOIN_BYTES, b""));
            end.clone()
        });
        assert_eq!(world.tick(vec![flood]), Err(NativeEnd::Fuel));
        assert_eq!(world.fuel, 0);
    }
    let mut world = World::new();
    world.fuel = 150;
    let ask = || asks(lattice_cell::places::CONFIG, [0; 7]);
    assert_eq!(world.tick(vec![ask(), ask()]), Err(NativeEnd::Fuel));
}

#[test]
fn what_a_peer_logged_before_its_end_stays() {
    let mut world = World::new();
    let exception = Exception { signal: 8, code: 1, address: 2, instruction: 3 };
    let dies = step(move |_, _, outlet| {
        put(outlet, LOG, 0, b"line");
        put(outlet, SEND, -99, b"hello");
        Err(NativeEnd::Exception(exception))
    });
    let end = world.tick(vec![dies]);
    assert_eq!(end, Err(NativeEnd::Exception(exception)), "and not what it wrote wrong");
    assert_eq!(world.surface.log().drain().len(), 1);
    let mut world = World::new();
    let flushed = says(vec![(LOG, 0, b"line")], Turn::Flush);
    let dies = step(|_, _, _| Err(NativeEnd::SystemCall));
    assert_eq!(world.tick(vec![flushed, dies]), Err(NativeEnd::SystemCall));
    assert_eq!(world.surface.log().drain().len(), 1, "what was taken is not taken again");
}

#[test]
fn answers_are_written_where_the_sim_may_write_and_nowhere_else() {
    let config = |ptr: u32| asks(lattice_cell::places::CONFIG, [ptr.into(), 100, 0, 0, 0, 0, 0]);
    let mut world = World::new();
    assert_eq!(world.tick(vec![config(DATA), sees(6)]), Ok(0));
    let mut read = [1; 8];
    world.driver.image().read(DATA.into(), &mut read).unwrap();
    assert_eq!(&read, b"config\0\0");
    let (code, gate) = (2, world.driver.library.layout().gate as u32);
    for ptr in [code, gate, DATA + 4000, u32::MAX] {
        let mut world = World::new();
        let ticked = world.tick(vec![config(ptr), sees(Code::BadPointer.value())]);
        assert_eq!(ticked, Ok(0));
        let (mut image, fresh) = (vec![0; 8192], library::tests::library());
        world.driver.image().read(0, &mut image).unwrap();
        for (at, page) in fresh.contents().filter(|(at, _)| *at < 8192) {
            assert_eq!(&image[at as usize..][..4096], page, "{ptr:#x}");
        }
    }
}

#[test]
fn questions_are_answered_by_what_stands_in_the_sims_memory() {
    let mut world = World::new();
    world.driver.image().write(DATA.into(), b"speed").unwrap();
    let gauge =
        |len| asks(lattice_cell::places::GAUGE, [DATA.into(), len, 2.5f64.to_bits(), 0, 0, 0, 0]);
    let far = asks(lattice_cell::places::GAUGE, [u64::MAX, 5, 0, 0, 0, 0, 0]);
    assert_eq!(world.tick(vec![gauge(5), sees(0)]), Ok(0));
    assert_eq!(world.tick(vec![gauge(4000), sees(Code::TooLarge.value())]), Ok(0));
    assert_eq!(world.tick(vec![far, sees(Code::BadPointer.value())]), Ok(0));
    assert!(world.surface.commit());
    let gauges = world.surface.gauges();
    assert_eq!((gauges.len(), &*gauges[0].name, gauges[0].value), (1, "speed", 2.5));
    let url = asks(lattice_cell::places::HTTP_REQUEST, [1, DATA.into(), 5, 0, 0, 0, 0]);
    let refused = Code::HttpBadRequest.value();
    assert_eq!(world.tick(vec![url, sees(refused)]), Ok(0));
    assert_eq!(world.surface.codes(), [refused]);
}

#[test]
fn events_beyond_the_inlet_come_in_further_turns() {
    let sizes = RingSizes { inlet: 4 + 24 + 30, outlet: 4096 };
    let mut world = World::with(MatchLimits::default(), Some(sizes));
    for byte in 0..3 {
        let bytes = Bytes::from(vec![byte; 6]);
        world.surface.push(Event::Message { player: PLAYER, bytes }).unwrap();
    }
    let pulls = |stands: (u32, u32), sizes: &'static [i32], turn| {
        step(move |control, _, outlet| {
            let more = control.more_events.load(Relaxed);
            assert_eq!((more, control.event_bytes.load(Relaxed)), stands);
            for size in sizes {
                put(outlet, NEXT, *size, b"");
            }
            Ok(turn)
        })
    };
    let config = asks(lattice_cell::places::CONFIG, [DATA.into(), 1, 0, 0, 0, 0, 0]);
    let steps = vec![
        pulls((1, 54), &[24], Turn::Flush),
        pulls((1, 30), &[30], Turn::Events),
        config,
        pulls((1, 30), &[30], Turn::Events),
        pulls((0, 30), &[30, 0], Turn::Returned),
    ];
    assert_eq!(world.tick(steps), Ok(0));
    let small = RingSizes { inlet: 4 + 23, outlet: 4096 };
    let mut world = World::with(MatchLimits::default(), Some(small));
    let end = world.tick(vec![returns(0)]);
    assert!(matches!(end, Err(NativeEnd::Host(why)) if why.contains("24 bytes has no room")));
}

#[test]
fn past_the_deadline_no_answer_comes_any_more() {
    let mut world = World::new();
    world.driver.peer.steps = vec![asks(lattice_cell::places::CONFIG, [0; 7])].into();
    let call =
        NativeCall { phase: Phase::Tick, function: 0, arguments: [0; 2], deadline: Instant::now() };
    let end = world.driver.call(&call, &mut world.surface, &mut world.fuel);
    assert_eq!(end, Err(NativeEnd::Deadline));
}

#[test]
fn what_a_sim_leaves_in_its_queue_is_not_all_copied_in_each_tick() {
    let mut world = World::new();
    for _ in 0..3 {
        let bytes = Bytes::from(vec![1; 200 << 10]);
        world.surface.push(Event::Message { player: PLAYER, bytes }).unwrap();
    }
    let returned = step(|control, inlet, _| {
        assert_eq!(control.more_events.load(Relaxed), 1);
        assert_eq!(inlet.len(), 4 + 24 + 24 + (200 << 10));
        Ok(Turn::Returned)
    });
    assert_eq!(world.tick(vec![returned]), Ok(0));
    assert_eq!(world.surface.events().len(), 4);
}
