//! How long a match stands still for a snapshot, against a plain copy of the same bytes; and how long
//! it takes until a host that has started anew has a thousand matches back.

use std::{hint::black_box, ops::ControlFlow, sync::Arc, time::Instant};

use lattice_host::{Guest, Program, Resume, replay::Stretch};
use lattice_policies::Policy;
use lattice_surface::{InputLog, Phase};

use crate::{
    native::Compiled,
    replay, sims,
    stats::{Arm, compare, heading, row},
    subject::Subject,
};

const ROUNDS: usize = 15;
/// Bytes of state, none of them zero.
const SIZES: [(&str, usize); 3] = [("64 KiB", 64 << 10), ("1 MiB", 1 << 20), ("16 MiB", 16 << 20)];
const MATCHES: u64 = 1_000;
/// A minute of arena, of which the second half lies behind the snapshot.
const TICKS: usize = 1_800;
const SNAPSHOT_AT: i64 = 900;

pub(crate) fn measure() {
    let subject = Subject::new(&Policy::default(), 1);
    for (name, bytes) in SIZES {
        pause(&subject, name, bytes);
    }
    resume();
}

fn pause(subject: &Subject, name: &str, bytes: usize) {
    let program = subject.program(&filled(bytes));
    let mut guest = Guest::new(&program, Arc::from([]), Arc::default()).unwrap();
    guest.init(1, 30).unwrap();
    guest.surface().begin(Phase::Tick);
    guest.tick(0, false).unwrap();
    let plain = vec![1_u8; bytes];
    let copy = Arm::new("a plain copy", || {
        let began = Instant::now();
        black_box(plain.clone());
        began.elapsed().as_secs_f64()
    });
    let snapshot = Arm::new("a snapshot", || {
        let began = Instant::now();
        black_box(guest.image()).unwrap();
        began.elapsed().as_secs_f64()
    });
    compare(&format!("the pause for a snapshot of {name}"), ROUNDS, vec![copy, snapshot]);
}

/// A sim that fills so many bytes of its memory in its first tick.
fn filled(bytes: usize) -> Vec<u8> {
    let pages = bytes.div_ceil(64 << 10);
    wat::parse_str(format!(
        r#"(module (memory (export "memory") {pages})
            (func (export "lattice_abi_v1"))
            (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
            (func (export "lattice_sim_tick") (param i64) (result i32)
                (memory.fill (i32.const 0) (i32.const 1) (i32.const {bytes}))
                i32.const 0))"#
    ))
    .unwrap()
}

fn resume() {
    let script = sims::arena(TICKS);
    let mut subject = Subject::new(&Policy::default(), MATCHES as u32);
    let program = subject.program(&Compiled::new(sims::ARENA).wasm);
    let mut bytes = Vec::new();
    replay::play(&program, &script, Some(&mut bytes));
    let mut log = InputLog::read(&bytes).unwrap();
    log.end = None;
    let resume = Arc::new(half_way(&subject, &program, log));
    let began = Instant::now();
    for _ in 0..MATCHES {
        subject.resume(&program, &script, &resume);
    }
    subject.wait_for_resumes();
    heading("1,000 matches of arena with 16 players are back, 30 s after their snapshots", 1);
    row("all, on one thread", began.elapsed().as_secs_f64(), "");
}

fn half_way(subject: &Subject, program: &Program, log: InputLog) -> Resume {
    let stretch = Stretch { part: log.parts()[0], from: None };
    let snapshot = subject
        .fleet
        .state_at(program, stretch, SNAPSHOT_AT, |_| ControlFlow::Continue(()))
        .unwrap();
    Resume { log, snapshot: Some(snapshot), at: TICKS as i64 }
}
