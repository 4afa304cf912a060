//! The sims that the tests run, as text.

/// A sim that broadcasts every event it gets, as it got it, and after them the tick's number
/// (8 bytes, droppable). A message that begins with `k` kicks its sender, `f` finishes the match,
/// `d` declares a fault, `t` traps, `r` sets the message as the result.
pub const ECHO: &str = r#"(module
  (import "env" "lattice_ms_event_next" (func $next (param i32 i32) (result i32)))
  (import "env" "lattice_ms_broadcast" (func $broadcast (param i32 i32 i32) (result i32)))
  (import "env" "lattice_ms_kick" (func $kick (param i32 i32) (result i32)))
  (import "env" "lattice_ms_result" (func $result (param i32 i32) (result i32)))
  (import "env" "lattice_ms_log" (func $log (param i32 i32 i32)))
  (memory (export "memory") 2)
  (data (i32.const 100000) "goodbye")
  (func (export "lattice_abi_v1"))
  (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
  (func (export "lattice_sim_shutdown")
    (drop (call $broadcast (i32.const 100000) (i32.const 7) (i32.const 0))))
  (func (export "lattice_sim_tick") (param $tick i64) (result i32)
    (local $size i32) (local $letter i32)
    (loop $more
      (local.set $size (call $next (i32.const 1024) (i32.const 66000)))
      (if (i32.gt_s (local.get $size) (i32.const 0)) (then
        (drop (call $broadcast (i32.const 1024) (local.get $size) (i32.const 0)))
        (if (i32.and (i32.eq (i32.load16_u (i32.const 1024)) (i32.const 3)) (i32.gt_s (local.get $size) (i32.const 24))) (then
          (local.set $letter (i32.load8_u (i32.const 1048)))
          (if (i32.eq (local.get $letter) (i32.const 107)) (then
            (drop (call $kick (i32.load (i32.const 1032)) (i32.const 5)))))
          (if (i32.eq (local.get $letter) (i32.const 102)) (then (return (i32.const 1))))
          (if (i32.eq (local.get $letter) (i32.const 100)) (then (return (i32.const -77))))
          (if (i32.eq (local.get $letter) (i32.const 116)) (then (unreachable)))
          (if (i32.eq (local.get $letter) (i32.const 114)) (then
            (drop (call $result (i32.const 1048) (i32.sub (local.get $size) (i32.const 24))))))))
        (br $more))))
    (i64.store (i32.const 0) (local.get $tick))
    (drop (call $broadcast (i32.const 0) (i32.const 8) (i32.const 1)))
    i32.const 0))"#;

/// A module around the body of its `tick` and whatever else it needs.
pub fn sim(items: &str, tick: &str) -> String {
    format!(
        r#"(module
  (import "env" "lattice_ms_log" (func $log (param i32 i32 i32)))
  (memory (export "memory") 2 64)
  {items}
  (func (export "lattice_abi_v1"))
  (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
  (func (export "lattice_sim_tick") (param i64) (result i32) {tick}))"#
    )
}

/// A sim whose state is in its memory, and in globals that it does not export. In each tick it pulls
/// one event, broadcasts it as it got it, and then a frame of 64 bytes: the tick, two sums over all
/// that it saw (one a float), and `version`. A message that begins with `k` kicks its sender, `f`
/// finishes the match, `t` traps, `r` sets the message as the result, `g` sets the gauge of that
/// name, `h` fetches that URL, `w` makes its memory two megabytes large and writes at its end.
pub fn stateful(version: u8, items: &str) -> String {
    format!(
        r#"(module
  (import "env" "lattice_ms_event_next" (func $next (param i32 i32) (result i32)))
  (import "env" "lattice_ms_broadcast" (func $broadcast (param i32 i32 i32) (result i32)))
  (import "env" "lattice_ms_kick" (func $kick (param i32 i32) (result i32)))
  (import "env" "lattice_ms_result" (func $result (param i32 i32) (result i32)))
  (import "env" "lattice_ms_gauge" (func $gauge (param i32 i32 f64) (result i32)))
  (import "env" "lattice_ms_http_request"
    (func $request (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
  (import "env" "lattice_ms_state_write" (func $write (param i32 i32) (result i32)))
  (import "env" "lattice_ms_state_read" (func $read (param i32 i32) (result i32)))
  (memory (export "memory") 2 64)
  (global $sum (mut i64) (i64.const 1))
  (global $root (mut f64) (f64.const 0.5))
  {items}
  (func (export "lattice_abi_v1"))
  (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
  (func $obey (param $letter i32) (param $at i32) (param $size i32) (result i32)
    (if (i32.eq (local.get $letter) (i32.const 107)) (then
      (drop (call $kick (i32.load (i32.const 1032)) (i32.const 5)))))
    (if (i32.eq (local.get $letter) (i32.const 116)) (then (unreachable)))
    (if (i32.eq (local.get $letter) (i32.const 114)) (then
      (drop (call $result (local.get $at) (local.get $size)))))
    (if (i32.eq (local.get $letter) (i32.const 103)) (then
      (drop (call $gauge (local.get $at) (local.get $size) (global.get $root)))))
    (if (i32.eq (local.get $letter) (i32.const 104)) (then
      (drop (call $request (i32.const 0) (local.get $at) (local.get $size)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))))
    (if (i32.eq (local.get $letter) (i32.const 119)) (then
      (drop (memory.grow (i32.sub (i32.const 32) (memory.size))))
      (i64.store (i32.const 0x1ffff0) (global.get $sum))))
    (i32.eq (local.get $letter) (i32.const 102)))
  (func (export "lattice_sim_tick") (param $tick i64) (result i32)
    (local $size i32) (local $over i32)
    (local.set $size (call $next (i32.const 1024) (i32.const 66000)))
    (if (i32.gt_s (local.get $size) (i32.const 0)) (then
      (drop (call $broadcast (i32.const 1024) (local.get $size) (i32.const 0)))
      (if (i32.and (i32.eq (i32.load16_u (i32.const 1024)) (i32.const 3))
                   (i32.gt_s (local.get $size) (i32.const 24))) (then
        (local.set $over (call $obey (i32.load8_u (i32.const 1048)) (i32.const 1048)
          (i32.sub (local.get $size) (i32.const 24))))))))
    (global.set $sum (i64.add (i64.mul (global.get $sum) (i64.const 31))
      (i64.add (local.get $tick) (i64.extend_i32_s (local.get $size)))))
    (global.set $root (f64.sqrt (f64.add (global.get $root)
      (f64.convert_i32_s (local.get $size)))))
    (i64.store (i32.const 0) (local.get $tick))
    (i64.store (i32.const 8) (global.get $sum))
    (f64.store (i32.const 16) (global.get $root))
    (i32.store8 (i32.const 24) (i32.const {version}))
    (drop (call $broadcast (i32.const 0) (i32.const 64) (i32.const 0)))
    (local.get $over)))"#
    )
}

/// What a [`stateful`] sim needs to be saved and loaded by others of its kind.
pub const SAVE_AND_LOAD: &str = r#"
  (func (export "lattice_sim_save") (result i32)
    (i64.store (i32.const 512) (global.get $sum))
    (f64.store (i32.const 520) (global.get $root))
    (i32.ne (call $write (i32.const 512) (i32.const 16)) (i32.const 0)))
  (func (export "lattice_sim_load") (result i32)
    (drop (call $read (i32.const 512) (i32.const 16)))
    (global.set $sum (i64.load (i32.const 512)))
    (global.set $root (f64.load (i32.const 520)))
    i32.const 0)"#;

/// The size of the frame that a [`stateful`] sim broadcasts in each tick.
pub const FRAME: usize = 64;

/// The tick and the version of a frame.
pub fn frame(bytes: &[u8]) -> (i64, u8) {
    (i64::from_le_bytes(bytes[..8].try_into().unwrap()), bytes[24])
}
