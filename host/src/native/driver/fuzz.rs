//! The driver against peers that write the ring as a hostile sim would, by the numbers of a seed.
//! Whatever they write: a call ends well or with a fault that is theirs, for what it has paid;
//! memory stays within what the ring and the limits allow; and nothing is written where a sim may
//! not write.
//!
//! `LATTICE_RING_CASES` says how many seeds are tried; `LATTICE_RING_SEED` is the first of them.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod allocated;
mod hostile;
mod seeded;

use std::{env, str::FromStr, thread, time::Duration};

use bytes::Bytes;
use lattice_policies::PlayerId;
use lattice_surface::Event;

use self::{hostile::Hostile, seeded::Seeded};
use super::{super::library, *};
use crate::cell::Ring;

/// Small enough that every limit is met.
fn limits() -> MatchLimits {
    MatchLimits {
        message_out_bytes: 256,
        tick_messages: 8,
        tick_message_bytes: 1024,
        log_record_bytes: 128,
        log_tick_bytes: 512,
        result_bytes: 128,
        gauges: 4,
        gauge_name_bytes: 16,
        state_blob_bytes: 4096,
        event_queue_events: 16,
        ..MatchLimits::default()
    }
}

const SIZES: RingSizes = RingSizes { inlet: 4096, outlet: 8192 };
const FUEL: Fuel = 100_000;
/// What one call may make the host allocate at once, in bytes: copies of inlet and outlet, the
/// largest ranges that a fetch can have, and what the limits let a call queue; each twice, as a
/// buffer that grows is copied.
const MOST: usize = 2 * (4096 + 8192 + 2 * (256 + 64 + 16) * 1024);

#[test]
fn whatever_a_peer_writes_the_host_answers_it_within_bounds() {
    let (first, cases) = (from_env("LATTICE_RING_SEED", 1), from_env("LATTICE_RING_CASES", 3000));
    let mut met = [0_u64; 4];
    for seed in first..first + cases {
        let ends = play(seed);
        met.iter_mut().zip(ends).for_each(|(all, here)| *all += here);
    }
    println!("calls that returned, RING, FUEL, DEADLINE: {met:?}");
    assert!(cases < 1000 || met[..3].iter().all(|count| *count > cases / 100), "{met:?}");
}

fn from_env<T: FromStr>(name: &str, otherwise: T) -> T {
    let text = env::var(name).ok();
    let parse = |text: String| text.parse().ok().unwrap_or_else(|| panic!("{name} is {text}"));
    text.map_or(otherwise, parse)
}

/// A match of some ticks against the peer of that seed; how its calls ended.
fn play(seed: u64) -> [u64; 4] {
    let mut world = World::new(seed);
    let mut ends = [0; 4];
    for _ in 0..4 {
        let (result, paid, largest) = world.tick();
        let place = match result {
            Ok(_) => 0,
            Err(NativeEnd::Ring(_)) => 1,
            Err(NativeEnd::Fuel) => 2,
            Err(NativeEnd::Deadline) => 3,
            Err(end) => panic!("seed {seed}: no peer can bring {end:?} about"),
        };
        ends[place] += 1;
        let turns = world.driver.peer.turns();
        assert!(turns <= paid / cheapest() + 2, "seed {seed}: {turns} turns for {paid}");
        assert!(largest <= MOST, "seed {seed}: {largest} bytes");
        world.is_as_it_was_where_no_sim_writes(seed);
        if place != 0 {
            break;
        }
    }
    ends
}

fn cheapest() -> u64 {
    let prices = lattice_policies::functions::HOST_FUNCTIONS.iter().map(|it| it.price.fixed);
    prices.min().unwrap()
}

struct World {
    driver: Driver<Hostile>,
    surface: Surface,
    random: Seeded,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut random = Seeded(seed);
        let limits = Arc::new(limits());
        let library = Arc::new(library::tests::library());
        let ring = Arc::new(Ring::new(SIZES.inlet, SIZES.outlet).unwrap());
        let layout = library.layout().clone();
        let peer = Hostile::new(ring, random.fork(), layout, (&*limits).into());
        let image = Image::new(&library).unwrap();
        let config = Arc::from(vec![7; random.below(512) as usize]);
        let surface = Surface::new(Arc::clone(&limits), config, Arc::default());
        Self { driver: Driver::new(peer, image, library, limits, SIZES), surface, random }
    }

    /// One tick, with what came meanwhile: how it ended, what was paid, and the most memory that
    /// stood beyond what stood before.
    fn tick(&mut self) -> (Result<i64, NativeEnd>, u64, usize) {
        let World { driver, surface, random } = self;
        surface.begin(Phase::Tick);
        for _ in 0..random.below(6) {
            let player = PlayerId(random.below(4) as u32);
            let bytes = Bytes::from(vec![random.byte(); random.below(1500) as usize]);
            let joins = !surface.has(player);
            let _ = surface.push(match random.below(4) {
                _ if joins => Event::Join { player, about: bytes },
                0 => Event::Leave { player, reason: 1 },
                _ => Event::Message { player, bytes },
            });
        }
        driver.peer.begin(surface.roster().iter().copied().collect());
        // One in some calls comes when its time is over.
        let patience = Duration::from_secs(if random.one_in(50) { 0 } else { 600 });
        let deadline = Instant::now() + patience;
        let call = NativeCall { phase: Phase::Tick, function: 2, arguments: [0; 2], deadline };
        let mut fuel = FUEL;
        let scribbles = random.one_in(4).then(|| driver.peer.scribbler());
        let (result, largest) = thread::scope(|scope| {
            let scribbler = scribbles.map(|scribbler| scribbler.start(scope));
            let told = allocated::most_during(|| driver.call(&call, surface, &mut fuel));
            drop(scribbler);
            told
        });
        if result.is_ok() {
            surface.commit();
        } else {
            surface.discard();
        }
        (result, FUEL - fuel, largest)
    }

    fn is_as_it_was_where_no_sim_writes(&self, seed: u64) {
        let library = &self.driver.library;
        let writable: Vec<_> = library.layout().writable().collect();
        let is_writable = |at: u64| writable.iter().any(|range| range.contains(&at));
        for (at, page) in library.contents().filter(|(at, _)| !is_writable(*at)) {
            let mut now = vec![0; page.len()];
            self.driver.image().read(at, &mut now).unwrap();
            assert!(now == page, "seed {seed}: {at:#x} was written");
        }
        let contents: Vec<u64> = library.contents().map(|(at, _)| at).collect();
        for filled in self.driver.image().filled(0..library.layout().span).unwrap() {
            for page in filled.step_by(4096).filter(|at| !is_writable(*at)) {
                assert!(contents.contains(&page), "seed {seed}: {page:#x} was written");
            }
        }
    }
}
