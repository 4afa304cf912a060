//! What a match's creation costs, to the end of its tick 0 and back out of its slot, against a
//! bare pooled instantiation of the same module that does the same.

use std::{sync::mpsc, thread};

use lattice_host::Program;
use lattice_policies::Policy;
use wasmtime::InstancePre;

use crate::{
    bare::{self, State},
    clocks, modules,
    stats::{Arm, compare},
    subject::Subject,
};

const ROUNDS: usize = 9;
/// Matches that are started together.
const BATCH: u32 = 64;
/// Matches of a round.
const MATCHES: u32 = 1_024;
/// What the sim touches of its memory.
const TOUCHED_KIB: u32 = 64;

pub(crate) fn measure() {
    let policy = Policy::default();
    let wasm = wat::parse_str(modules::short_lived(TOUCHED_KIB)).unwrap();
    let pre = bare::prepare(&bare::linker(&bare::engine(&policy, 2 * BATCH)), &wasm);
    let mut subject = Subject::new(&policy, 2 * BATCH);
    let program = subject.program(&wasm);
    subject.assert_same_code(pre.module());
    one_by_one(&pre, &policy, &mut subject, &program);
    in_batches(&pre, &policy, &mut subject, &program);
}

fn one_by_one(pre: &InstancePre<State>, policy: &Policy, subject: &mut Subject, program: &Program) {
    let arms = vec![
        Arm::new("bare pooled instance, init, tick, drop", || bare::life(pre, policy, MATCHES)),
        Arm::new("the same on another thread, and word back", || lives_aside(pre, policy)),
        Arm::new("start action to the report of the end", || lives(subject, program, 1)).aim(3.0),
    ];
    compare("a match's creation and tick 0, one at a time; time on the wall", ROUNDS, arms);
}

fn in_batches(pre: &InstancePre<State>, policy: &Policy, subject: &mut Subject, program: &Program) {
    let arms = vec![
        Arm::new("bare pooled instance, init, tick, drop", || bare::life(pre, policy, MATCHES)),
        Arm::new("start action to the report of the end", || lives(subject, program, BATCH))
            .aim(3.0),
    ];
    let title = format!("a match's creation and tick 0, {BATCH} started together; time a match");
    compare(&title, ROUNDS, arms);
}

/// Bare lives on a thread of their own, each asked for and waited for: what two hand-overs cost.
fn lives_aside(pre: &InstancePre<State>, policy: &Policy) -> f64 {
    let (order, orders) = mpsc::channel::<()>();
    let (end, ends) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(move || {
            for () in orders {
                bare::life(pre, policy, 1);
                end.send(()).unwrap();
            }
        });
        let lives = || {
            for _ in 0..MATCHES {
                order.send(()).unwrap();
                ends.recv().unwrap();
            }
        };
        let seconds = clocks::wall(lives) / f64::from(MATCHES);
        drop(order);
        seconds
    })
}

/// Starts matches `batch` by `batch`, each batch when the one before has ended.
fn lives(subject: &mut Subject, program: &Program, batch: u32) -> f64 {
    let lives = || {
        for _ in 0..MATCHES / batch {
            for _ in 0..batch {
                subject.start(program, 30);
            }
            subject.wait_for_ends();
        }
    };
    clocks::wall(lives) / f64::from(MATCHES)
}
