//! What the sandbox costs a real game: the examples' ticks in a guest, against the same source
//! compiled for this machine, with the same inputs. Both must queue the same bytes.

use std::{ops::RangeInclusive, sync::Arc, time::Instant};

use bytes::Bytes;
use lattice_host::{Guest, Program};
use lattice_policies::{PlayerId, Policy};
use lattice_surface::{Event, Outbox, Phase, Recipient};

use crate::{
    modules::Random,
    native::{Compiled, NativeMatch},
    script::Script,
    stats::{Arm, compare},
    subject::Subject,
};

const ROUNDS: usize = 5;
const TICK_HZ: u16 = 30;

/// The source of arena.
pub(crate) const ARENA: &str = "examples/arena/game_sim.cpp";

/// The source of physics.
pub(crate) const PHYSICS: &str = "examples/physics/physics.cpp";

/// Physics with somebody who throws more bodies in.
pub(crate) fn physics(ticks: usize) -> Script {
    script("", ticks, 1..=1, physics_input)
}

/// A match in which nobody takes part.
pub(crate) fn nobody(ticks: usize) -> Script {
    script("", ticks, RangeInclusive::new(1, 0), |_| None)
}

/// Arena with 16 players.
pub(crate) fn arena(ticks: usize) -> Script {
    script("score_limit=0", ticks, 1..=16, arena_input)
}

pub(crate) fn measure() {
    against_native("arena with 16 players", ARENA, &arena(1_800));
    against_native("physics with hundreds of bodies", PHYSICS, &physics(240));
}

fn against_native(what: &str, source: &str, script: &Script) {
    let compiled = Compiled::new(source);
    let subject = Subject::new(&Policy::default(), 1);
    let program = subject.program(&compiled.wasm);
    let bytes = script.bytes();
    let digest = compiled.play(&bytes).digest;
    let ticks = script.ticks.len() as f64;
    let native = Arm::new("compiled for this machine", || {
        let NativeMatch { seconds, digest: again, .. } = compiled.play(&bytes);
        assert_eq!(again, digest, "{what}: two native runs queue the same bytes");
        seconds / ticks
    });
    let sandboxed = Arm::new("in the sandbox", || {
        let (seconds, sandboxed) = play(&program, script);
        assert_eq!(sandboxed, digest, "{what}: the sandbox queues the same bytes as the machine");
        seconds / ticks
    });
    let title = format!("a tick of {what}, the same bytes queued on both sides");
    compare(&title, ROUNDS, vec![native, sandboxed]);
}

/// Plays the match in a guest of the program's: seconds in ticks, and the digest of what the sim
/// queued.
fn play(program: &Program, script: &Script) -> (f64, u64) {
    let mut guest = Guest::new(program, Arc::clone(&script.config), Arc::default()).unwrap();
    play_in(&mut guest, script)
}

/// Plays the match in a new guest.
pub(crate) fn play_in(guest: &mut Guest, script: &Script) -> (f64, u64) {
    guest.init(script.seed, script.tick_hz).unwrap();
    let (mut seconds, mut hash) = (0.0, FNV_START);
    for (tick, events) in script.ticks.iter().enumerate() {
        let events = events.clone();
        let began = Instant::now();
        guest.surface().begin(Phase::Tick);
        for event in events {
            guest.surface().push(event).unwrap();
        }
        assert_eq!(guest.tick(tick as i64, false), Ok(false));
        seconds += began.elapsed().as_secs_f64();
        guest.surface().log().drain();
        hash = digest(hash, guest.surface().outbox());
    }
    (seconds, hash)
}

const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;

/// As the native driver's: FNV-1a over each message's receiver, flags, size and bytes.
fn digest(hash: u64, outbox: &Outbox) -> u64 {
    outbox.messages().fold(hash, |hash, message| {
        let player = match message.to {
            Recipient::Player(player) => player.0,
            Recipient::Everyone => u32::MAX,
        };
        let head = [player, message.may_be_dropped.into(), message.bytes.len() as u32];
        let head = head.iter().flat_map(|word| word.to_le_bytes());
        head.chain(message.bytes.iter().copied())
            .fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
    })
}

/// What a player sends in a tick, if anything.
type Input = fn(&mut Random) -> Option<Vec<u8>>;

/// All players join before tick 0, and then send what `input` draws.
fn script(config: &str, ticks: usize, players: RangeInclusive<u32>, input: Input) -> Script {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let join = |player: u32| Event::Join {
        player: PlayerId(player),
        about: Bytes::from(format!("player {player}")),
    };
    let mut inputs = |_| -> Vec<Event> {
        let draw = |player: u32| {
            let bytes = input(&mut random)?;
            Some(Event::Message { player: PlayerId(player), bytes: bytes.into() })
        };
        players.clone().filter_map(draw).collect()
    };
    let mut all: Vec<Vec<Event>> = vec![players.clone().map(join).collect()];
    all.extend((1..ticks).map(&mut inputs));
    Script { seed: 7, tick_hz: TICK_HZ, config: Arc::from(config.as_bytes()), ticks: all }
}

/// A new direction to go and to shoot in, four times a second and player.
fn arena_input(random: &mut Random) -> Option<Vec<u8>> {
    if random.below(u32::from(TICK_HZ) / 4) != 0 {
        return None;
    }
    let mut component = || (random.below(255) as i32 - 127) as i8 as u8;
    let (go_x, go_y, aim_x, aim_y) = (component(), component(), component(), component());
    let fire = u8::from(random.below(4) != 0);
    Some(vec![1, fire, go_x, go_y, aim_x, aim_y, 0, 0])
}

/// A cannon ball, four times a second: from where it falls, and how fast it goes.
fn physics_input(random: &mut Random) -> Option<Vec<u8>> {
    if random.below(u32::from(TICK_HZ) / 4) != 0 {
        return None;
    }
    let (x, speed) = (random.below(80) as f32 - 40.0, random.below(100) as f32 - 50.0);
    Some([x.to_le_bytes(), speed.to_le_bytes()].concat())
}
