//! Sims for the tests, written as text so that a test needs no compiler.

/// Obeys its players: the first byte of a message says what to do.
///
/// `k` kick the sender, `q` finish, `t` trap, `l` log the message, `b` broadcast 64 KiB messages
/// that may not be dropped in every tick from then on; anything else is sent back. Who joins is
/// sent `hello` and logged.
pub(crate) fn puppet() -> Vec<u8> {
    wat::parse_str(PUPPET).unwrap()
}

/// The least that is admitted: it ticks and does nothing.
pub(crate) fn idle() -> Vec<u8> {
    padded(0)
}

/// An idle sim of about that many bytes, made of data that its memory holds.
pub(crate) fn padded(bytes: usize) -> Vec<u8> {
    let data = "x".repeat(bytes);
    wat::parse_str(format!(
        r#"(module
            (memory (export "memory") {pages})
            (data (i32.const 0) "{data}")
            (func (export "lattice_abi_v1"))
            (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
            (func (export "lattice_sim_tick") (param i64) (result i32) i32.const 0))"#,
        pages = bytes / 65_536 + 1
    ))
    .unwrap()
}

/// A sim that sets one gauge to 7 in every tick, by a name as WAT has it.
pub(crate) fn gauge(name: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(module
            (import "env" "lattice_ms_gauge" (func $gauge (param i32 i32 f64) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 0) "{name}")
            (func (export "lattice_abi_v1"))
            (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
            (func (export "lattice_sim_tick") (param i64) (result i32)
                (drop (call $gauge (i32.const 0) (i32.const {len}) (f64.const 7)))
                i32.const 0))"#,
        len = wat_bytes(name)
    ))
    .unwrap()
}

/// Fetches what its players say. A message is a method's number as a digit and a URL; what the call
/// answers goes back as `c` and four bytes, the lowest first, and what comes of it to everybody as
/// `r`, the status in four bytes, and the body. Each request has the header `x-key: hidden`, and a
/// POST (2) the body `the secret body`.
pub(crate) fn fetcher() -> Vec<u8> {
    wat::parse_str(FETCHER).unwrap()
}

/// The [`fetcher`] with one more field of WAT.
pub(crate) fn fetcher_with(field: &str) -> Vec<u8> {
    let open = FETCHER.strip_suffix(')').unwrap();
    wat::parse_str(format!("{open}{field})")).unwrap()
}

/// Adds up what its players send: the digit that a message begins with, other than 0.
///
/// The tick that has just run stands at 256 as an `i64`, the sum at 512 as an `i32`, the number of
/// messages in the global `said`, the sum's half in the global `half` and the sum in the gauge
/// `sum`; events are read to the second page. A digit is answered with the sum as an `i32` and the
/// tick as an `i64`. `q` leaves the sum as a result and finishes, `t` traps.
pub(crate) fn adder() -> Vec<u8> {
    wat::parse_str(ADDER).unwrap()
}

/// Adds up the first bytes of its players' messages, in a global that it does not export, and writes
/// each into its memory, one behind the other from 4096 on. Who joins or sends is sent the sum in
/// four bytes and the tick in eight, the lowest first. A message that begins with 255 finishes it.
pub(crate) fn tally() -> Vec<u8> {
    wat::parse_str(TALLY).unwrap()
}

/// The bytes of a text of WAT, in which `\e2` is one.
fn wat_bytes(text: &str) -> usize {
    text.len() - 2 * text.matches('\\').count()
}

/// A module that tampers: it imports what no sim is granted.
pub(crate) fn tampered() -> Vec<u8> {
    wat::parse_str(
        r#"(module
            (import "env" "system" (func (param i32) (result i32)))
            (import "env" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "lattice_abi_v1"))
            (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
            (func (export "lattice_sim_tick") (param i64) (result i32) i32.const 0))"#,
    )
    .unwrap()
}

const PUPPET: &str = r#"(module
    (import "env" "lattice_ms_event_next" (func $next (param i32 i32) (result i32)))
    (import "env" "lattice_ms_send" (func $send (param i32 i32 i32 i32) (result i32)))
    (import "env" "lattice_ms_broadcast" (func $broadcast (param i32 i32 i32) (result i32)))
    (import "env" "lattice_ms_kick" (func $kick (param i32 i32) (result i32)))
    (import "env" "lattice_ms_log" (func $log (param i32 i32 i32)))
    (import "env" "lattice_ms_result" (func $result (param i32 i32) (result i32)))
    (memory (export "memory") 4)
    (global $bulky (mut i32) (i32.const 0))
    (data (i32.const 0) "hello")
    (data (i32.const 16) "the end")
    (func (export "lattice_abi_v1"))
    (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
    ;; An event stands at 1024: its type, its payload's length at +4, its player at +8, and the
    ;; payload at +24.
    (func (export "lattice_sim_tick") (param i64) (result i32)
        (local $type i32) (local $len i32) (local $player i32) (local $order i32)
        (loop $events
            (if (i32.gt_s (call $next (i32.const 1024) (i32.const 66000)) (i32.const 0)) (then
                (local.set $type (i32.load16_u (i32.const 1024)))
                (local.set $len (i32.load (i32.const 1028)))
                (local.set $player (i32.load (i32.const 1032)))
                (if (i32.eq (local.get $type) (i32.const 1)) (then
                    (call $log (i32.const 2) (i32.const 0) (i32.const 5))
                    (drop (call $send (local.get $player) (i32.const 0) (i32.const 5) (i32.const 0)))))
                (if (i32.eq (local.get $type) (i32.const 3)) (then
                    (local.set $order (i32.load8_u (i32.const 1048)))
                    (if (i32.eq (local.get $order) (i32.const 107)) (then
                        (drop (call $kick (local.get $player) (i32.const 7)))
                        (br $events)))
                    (if (i32.eq (local.get $order) (i32.const 113)) (then
                        (drop (call $result (i32.const 16) (i32.const 7)))
                        (return (i32.const 1))))
                    (if (i32.eq (local.get $order) (i32.const 116)) (then unreachable))
                    (if (i32.eq (local.get $order) (i32.const 108)) (then
                        (call $log (i32.const 3) (i32.const 1048) (local.get $len))
                        (br $events)))
                    (if (i32.eq (local.get $order) (i32.const 98)) (then
                        (global.set $bulky (i32.const 1))
                        (br $events)))
                    (drop (call $send (local.get $player)
                        (i32.const 1048) (local.get $len) (i32.const 0)))))
                (br $events))))
        (if (global.get $bulky) (then
            (drop (call $broadcast (i32.const 1024) (i32.const 65536) (i32.const 0)))))
        i32.const 0))"#;

const FETCHER: &str = r#"(module
    (import "env" "lattice_ms_event_next" (func $next (param i32 i32) (result i32)))
    (import "env" "lattice_ms_send" (func $send (param i32 i32 i32 i32) (result i32)))
    (import "env" "lattice_ms_broadcast" (func $broadcast (param i32 i32 i32) (result i32)))
    (import "env" "lattice_ms_http_request"
        (func $fetch (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 2)
    (data (i32.const 64) "the secret body")
    (data (i32.const 96) "x-key: hidden\n")
    (func (export "lattice_abi_v1"))
    (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
    ;; An event stands at 1024: its type, its payload's length at +4, its player at +8, its status
    ;; at +16, and the payload at +24.
    (func (export "lattice_sim_tick") (param i64) (result i32)
        (local $type i32) (local $len i32) (local $method i32) (local $said i32) (local $status i32)
        (loop $events
            (if (i32.gt_s (call $next (i32.const 1024) (i32.const 66000)) (i32.const 0)) (then
                (local.set $type (i32.load16_u (i32.const 1024)))
                (local.set $len (i32.load (i32.const 1028)))
                (if (i32.eq (local.get $type) (i32.const 3)) (then
                    (local.set $method (i32.sub (i32.load8_u (i32.const 1048)) (i32.const 48)))
                    (i32.store8 (i32.const 512) (i32.const 99))
                    (i32.store (i32.const 513) (call $fetch (local.get $method)
                        (i32.const 1049) (i32.sub (local.get $len) (i32.const 1))
                        (i32.const 96) (i32.const 14)
                        (i32.const 64)
                        (i32.mul (i32.const 15) (i32.eq (local.get $method) (i32.const 2)))))
                    (drop (call $send
                        (i32.load (i32.const 1032)) (i32.const 512) (i32.const 5) (i32.const 0)))))
                (if (i32.eq (local.get $type) (i32.const 4)) (then
                    ;; What is told is written in front of the body, over the headers' end.
                    (local.set $status (i32.load (i32.const 1040)))
                    (local.set $said (i32.add (i32.const 1047) (i32.load (i32.const 1048))))
                    (local.set $len
                        (i32.sub (i32.add (i32.const 1048) (local.get $len)) (local.get $said)))
                    (i32.store8 (local.get $said) (i32.const 114))
                    (i32.store (i32.add (local.get $said) (i32.const 1)) (local.get $status))
                    (drop (call $broadcast (local.get $said) (local.get $len) (i32.const 0)))))
                (br $events))))
        i32.const 0))"#;

const ADDER: &str = r#"(module
    (import "env" "lattice_ms_event_next" (func $next (param i32 i32) (result i32)))
    (import "env" "lattice_ms_send" (func $send (param i32 i32 i32 i32) (result i32)))
    (import "env" "lattice_ms_gauge" (func $gauge (param i32 i32 f64) (result i32)))
    (import "env" "lattice_ms_result" (func $result (param i32 i32) (result i32)))
    (memory (export "memory") 3)
    (global $said (mut i32) (i32.const 0))
    (global i32 (i32.const 9))
    (global $half (mut f64) (f64.const 0))
    (global (export "total") i32 (i32.const 512))
    (data (i32.const 64) "sum")
    (func (export "lattice_abi_v1"))
    (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
    ;; An event stands at 65536: its type, its payload's length at +4, its player at +8, and the
    ;; payload at +24. What is sent stands at 128.
    (func (export "lattice_sim_tick") (param $tick i64) (result i32)
        (local $order i32)
        (loop $events
            (if (i32.gt_s (call $next (i32.const 65536) (i32.const 66000)) (i32.const 0)) (then
                (br_if $events (i32.ne (i32.load16_u (i32.const 65536)) (i32.const 3)))
                (local.set $order (i32.load8_u (i32.const 65560)))
                (if (i32.eq (local.get $order) (i32.const 116)) (then unreachable))
                (if (i32.eq (local.get $order) (i32.const 113)) (then
                    (drop (call $result (i32.const 512) (i32.const 4)))
                    (return (i32.const 1))))
                (i32.store (i32.const 512) (i32.add
                    (i32.load (i32.const 512))
                    (i32.sub (local.get $order) (i32.const 48))))
                (global.set $said (i32.add (global.get $said) (i32.const 1)))
                (global.set $half
                    (f64.div (f64.convert_i32_s (i32.load (i32.const 512))) (f64.const 2)))
                (drop (call $gauge (i32.const 64) (i32.const 3)
                    (f64.convert_i32_s (i32.load (i32.const 512)))))
                (i32.store (i32.const 128) (i32.load (i32.const 512)))
                (i64.store (i32.const 132) (local.get $tick))
                (drop (call $send (i32.load (i32.const 65544))
                    (i32.const 128) (i32.const 12) (i32.const 0)))
                (br $events))))
        (i64.store (i32.const 256) (local.get $tick))
        i32.const 0))"#;

const TALLY: &str = r#"(module
    (import "env" "lattice_ms_event_next" (func $next (param i32 i32) (result i32)))
    (import "env" "lattice_ms_send" (func $send (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 2)
    (global $sum (mut i32) (i32.const 0))
    (global $free (mut i32) (i32.const 4096))
    (func (export "lattice_abi_v1"))
    (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
    ;; An event stands at 1024: its type, its player at +8, and the payload at +24.
    (func (export "lattice_sim_tick") (param $tick i64) (result i32)
        (local $type i32) (local $byte i32)
        (loop $events
            (if (i32.gt_s (call $next (i32.const 1024) (i32.const 2048)) (i32.const 0)) (then
                (local.set $type (i32.load16_u (i32.const 1024)))
                (if (i32.eq (local.get $type) (i32.const 3)) (then
                    (local.set $byte (i32.load8_u (i32.const 1048)))
                    (if (i32.eq (local.get $byte) (i32.const 255)) (then (return (i32.const 1))))
                    (global.set $sum (i32.add (global.get $sum) (local.get $byte)))
                    (i32.store8 (global.get $free) (local.get $byte))
                    (global.set $free (i32.add (global.get $free) (i32.const 1)))))
                (if (i32.or (i32.eq (local.get $type) (i32.const 1))
                            (i32.eq (local.get $type) (i32.const 3))) (then
                    (i32.store (i32.const 0) (global.get $sum))
                    (i64.store (i32.const 4) (local.get $tick))
                    (drop (call $send (i32.load (i32.const 1032))
                        (i32.const 0) (i32.const 12) (i32.const 0)))))
                (br $events))))
        i32.const 0))"#;
