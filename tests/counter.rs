//! A sim that counts, in versions that save and load, and a player who watches that no tick is
//! missing.

use crate::{app::App, socket::Socket};

/// A sim that counts: in each tick it adds a step to its count and tells everybody `t`, its version
/// as a digit, the tick and the count, and a message goes back to who sent it. Tick 0 sets the gauge
/// `began` to 7.
pub(crate) struct Counter {
    pub(crate) version: u8,
    pub(crate) step: u32,
    /// Exports beside those that each has.
    pub(crate) exports: String,
    /// Instructions at the beginning of `init`, and of each tick.
    pub(crate) init: &'static str,
    pub(crate) tick: &'static str,
}

/// Saves the count, and logs that it does.
const SAVE: &str = r#"(func (export "lattice_sim_save") (result i32)
    (call $log (i32.const 2) (i32.const 128) (i32.const 5))
    (call $write (i32.const 0) (i32.const 4)))"#;

/// Loads what was saved, if it is a count.
const LOAD: &str = r#"(func (export "lattice_sim_load") (result i32)
    (i32.ne (call $read (i32.const 0) (i32.const 8)) (i32.const 4)))"#;

impl Counter {
    pub(crate) fn new(version: u8, step: u32) -> Self {
        Self { version, step, exports: [SAVE, LOAD].concat(), init: "", tick: "" }
    }

    pub(crate) fn exporting(version: u8, exports: &str) -> Self {
        Self { exports: exports.to_owned(), ..Self::new(version, 1) }
    }

    pub(crate) fn wasm(&self) -> Vec<u8> {
        let Self { version, step, exports, init, tick } = self;
        let text = format!(
            r#"(module
            (import "env" "lattice_ms_event_next" (func $next (param i32 i32) (result i32)))
            (import "env" "lattice_ms_send" (func $send (param i32 i32 i32 i32) (result i32)))
            (import "env" "lattice_ms_broadcast" (func $broadcast (param i32 i32 i32) (result i32)))
            (import "env" "lattice_ms_log" (func $log (param i32 i32 i32)))
            (import "env" "lattice_ms_gauge" (func $gauge (param i32 i32 f64) (result i32)))
            (import "env" "lattice_ms_state_write" (func $write (param i32 i32) (result i32)))
            (import "env" "lattice_ms_state_read" (func $read (param i32 i32) (result i32)))
            (memory (export "memory") 2)
            (data (i32.const 64) "t{version}") (data (i32.const 96) "began")
            (data (i32.const 128) "saved") (data (i32.const 160) "format 9 is unknown")
            (data $more "passive")
            (func (export "lattice_abi_v1"))
            (func (export "lattice_sim_init") (param i64 i32) (result i32)
                {init}
                (i32.store (i32.const 0) (i32.const 1000)) i32.const 0)
            (func (export "lattice_sim_tick") (param $tick i64) (result i32)
                {tick}
                (loop $events
                    (if (i32.gt_s (call $next (i32.const 1024) (i32.const 66000)) (i32.const 0)) (then
                        (if (i32.eq (i32.load16_u (i32.const 1024)) (i32.const 3)) (then
                            (drop (call $send (i32.load (i32.const 1032)) (i32.const 1048)
                                (i32.load (i32.const 1028)) (i32.const 0)))))
                        (br $events))))
                (if (i64.eqz (local.get $tick)) (then
                    (drop (call $gauge (i32.const 96) (i32.const 5) (f64.const 7)))))
                (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const {step})))
                (i64.store (i32.const 66) (local.get $tick))
                (i32.store (i32.const 74) (i32.load (i32.const 0)))
                (drop (call $broadcast (i32.const 64) (i32.const 14) (i32.const 0)))
                i32.const 0)
            {exports})"#
        );
        wat::parse_str(text).unwrap()
    }
}

/// What a counter tells of a tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) version: u8,
    pub(crate) tick: i64,
    count: u32,
}

/// A player who watches the count, and talks.
pub(crate) struct Player {
    pub(crate) socket: Socket,
    pub(crate) last: Option<Told>,
    /// What came back of what was said.
    pub(crate) answers: Vec<Vec<u8>>,
}

impl Player {
    pub(crate) async fn join(app: &App, id: &str) -> Self {
        let token = app.make_player(id, "ada").await;
        Self { socket: Socket::open(app, id, &token).await, last: None, answers: Vec::new() }
    }

    /// The next tick; asserts that none is missing, and that the count has gone on.
    pub(crate) async fn tick(&mut self, step: impl Fn(u8) -> u32) -> Told {
        loop {
            let message = self.socket.next().await;
            if message[0] != b't' {
                self.answers.push(message);
                continue;
            }
            let told = Told {
                version: message[1] - b'0',
                tick: i64::from_le_bytes(message[2..10].try_into().unwrap()),
                count: u32::from_le_bytes(message[10..14].try_into().unwrap()),
            };
            if let Some(last) = self.last.replace(told) {
                let goes_on = (last.tick + 1, last.count + step(told.version));
                assert_eq!((told.tick, told.count), goes_on, "{told:?} after {last:?}");
            }
            return told;
        }
    }

    /// The first tick of that version, and some more.
    pub(crate) async fn until(&mut self, version: u8, step: impl Fn(u8) -> u32) -> Told {
        let mut told = self.tick(&step).await;
        while told.version != version {
            told = self.tick(&step).await;
        }
        let first = told;
        for _ in 0..5 {
            told = self.tick(&step).await;
            assert_eq!(told.version, version);
        }
        first
    }
}
