//! What a host call with 64 bytes costs, against a bare import that copies them, and one that
//! does nothing.

use std::{hint::black_box, sync::Arc};

use bytes::Bytes;
use lattice_host::Guest;
use lattice_policies::{PlayerId, Policy};
use lattice_surface::{Event, Phase};
use wasmtime::{Caller, Linker};

use crate::{
    bare::{self, BareGuest, State},
    clocks, modules,
    stats::{Arm, compare},
    subject::Subject,
};

const ROUNDS: usize = 9;
/// Calls in a tick; as many messages may be sent in one.
const CALLS: u32 = 1_000;
const TICKS: u32 = 1_000;

const SEND: &str = r#""lattice_ms_send" (func $call (param i32 i32 i32 i32) (result i32))"#;
const SEND_64_BYTES: &str = "(i32.const 1) (i32.const 4096) (i32.const 64) (i32.const 0)";
const RESULT: &str = r#""lattice_ms_result" (func $call (param i32 i32) (result i32))"#;
const RESULT_64_BYTES: &str = "(i32.const 4096) (i32.const 64)";

pub(crate) fn measure() {
    let policy = Policy::default();
    let subject = Subject::new(&policy, 4);
    let engine = bare::engine(&policy, 4);
    let wasm = wat::parse_str(modules::caller(SEND, SEND_64_BYTES, CALLS)).unwrap();
    let mut copying = bare_guest(&copying(bare::linker(&engine)), &wasm, &policy);
    let mut empty = bare_guest(&empty(bare::linker(&engine)), &wasm, &policy);
    let mut sending = guest(&subject, &wasm);
    let result = modules::caller(RESULT, RESULT_64_BYTES, CALLS);
    let mut resulting = guest(&subject, &wat::parse_str(result).unwrap());
    compare(
        "a host call with 64 bytes, the sim's loop included",
        ROUNDS,
        vec![
            Arm::new("bare import that copies 64 bytes", || bare_calls(&mut copying)),
            Arm::new("bare import that does nothing", || bare_calls(&mut empty)),
            Arm::new("lattice_ms_send", || calls(&mut sending)),
            Arm::new("lattice_ms_result", || calls(&mut resulting)),
        ],
    );
}

fn copying(mut linker: Linker<State>) -> Linker<State> {
    let send = |mut guest: Caller<'_, State>, _player: u32, ptr: u32, len: u32, _flags: u32| {
        let Some(memory) = guest.data().memory else { return -1 };
        let (bytes, state) = memory.data_and_store_mut(&mut guest);
        let range = ptr as usize..ptr as usize + len as usize;
        let Some(bytes) = bytes.get(range) else { return -2 };
        state.copied.clear();
        state.copied.extend_from_slice(bytes);
        0
    };
    linker.func_wrap("env", "lattice_ms_send", send).unwrap();
    linker
}

fn empty(mut linker: Linker<State>) -> Linker<State> {
    let nothing = |_player: u32, _ptr: u32, _len: u32, _flags: u32| 0_i32;
    linker.func_wrap("env", "lattice_ms_send", nothing).unwrap();
    linker
}

fn bare_guest(linker: &Linker<State>, wasm: &[u8], policy: &Policy) -> BareGuest {
    let mut guest = BareGuest::new(&bare::prepare(linker, wasm), policy);
    assert_eq!(guest.init(), 0);
    guest
}

/// A guest with one player, whom the sim does not need to hear of.
fn guest(subject: &Subject, wasm: &[u8]) -> Guest {
    let mut guest = Guest::new(&subject.program(wasm), Arc::from([]), Arc::default()).unwrap();
    guest.init(7, 30).unwrap();
    guest.surface().begin(Phase::Tick);
    let join = Event::Join { player: PlayerId(1), about: Bytes::from_static(b"Ada") };
    guest.surface().push(join).unwrap();
    guest
}

fn bare_calls(guest: &mut BareGuest) -> f64 {
    per_call(clocks::cpu(|| {
        for tick in 0..TICKS {
            assert_eq!(black_box(guest.tick(tick.into())).0, 0);
        }
    }))
}

fn calls(guest: &mut Guest) -> f64 {
    per_call(clocks::cpu(|| {
        for tick in 0..TICKS {
            guest.surface().begin(Phase::Tick);
            assert_eq!(guest.tick(tick.into(), false), Ok(false), "each call returned 0");
        }
    }))
}

fn per_call(seconds: f64) -> f64 {
    seconds / f64::from(TICKS * CALLS)
}
