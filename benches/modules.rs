//! The modules that figures run, as text, and the large one that is generated.

use std::fmt::Write;

/// A sim whose ticks do nothing; two pages, as a linker makes them by default.
pub(crate) const NOTHING: &str = r#"(module
  (memory (export "memory") 2)
  (func (export "lattice_abi_v1"))
  (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
  (func (export "lattice_sim_tick") (param i64) (result i32) i32.const 0))"#;

/// A sim that touches every fourth KiB of its first `touched_kib` and finishes in tick 0. It has
/// 16 KiB of data, and 18 pages, as a stack of 1 MiB makes them.
pub(crate) fn short_lived(touched_kib: u32) -> String {
    format!(
        r#"(module
  (memory (export "memory") 18)
  (data (i32.const 1048576) "{data}")
  (func (export "lattice_abi_v1"))
  (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
  (func (export "lattice_sim_tick") (param i64) (result i32) (local $at i32)
    (loop $next
      (i32.store (local.get $at) (i32.const 1))
      (local.set $at (i32.add (local.get $at) (i32.const 4096)))
      (br_if $next (i32.lt_u (local.get $at) (i32.const {touched}))))
    (i32.store (i32.const 1048576) (i32.const 1))
    (i32.const 1)))"#,
        data = r"\01\02\03\04".repeat(4096),
        touched = touched_kib * 1024,
    )
}

/// A sim whose tick makes `calls` calls of a host function with 64 bytes. `import` declares it as
/// `$call`, and `arguments` is what it is given.
pub(crate) fn caller(import: &str, arguments: &str, calls: u32) -> String {
    format!(
        r#"(module
  (import "env" {import})
  (memory (export "memory") 2)
  (func (export "lattice_abi_v1"))
  (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
  (func (export "lattice_sim_tick") (param i64) (result i32) (local $left i32)
    (local.set $left (i32.const {calls}))
    (loop $next
      (if (call $call {arguments}) (then (return (i32.const -1))))
      (local.set $left (i32.sub (local.get $left) (i32.const 1)))
      (br_if $next (local.get $left)))
    (i32.const 0)))"#
    )
}

/// Functions of the large module.
const FUNCTIONS: u32 = 4_000;

/// A module of about 1 MB: thousands of functions that loop, branch, load, store, compute in
/// integers and floats, and call one another. It is made to be compiled, not to be run. The same
/// `variant` gives the same bytes.
pub(crate) fn large(variant: u32) -> Vec<u8> {
    let mut text = String::from(
        r#"(module
  (memory (export "memory") 2)
  (func (export "lattice_abi_v1"))
  (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
  (func (export "lattice_sim_tick") (param i64) (result i32) i32.const 0)"#,
    );
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for number in 0..FUNCTIONS {
        function(&mut text, number, variant, &mut random);
    }
    text.push(')');
    wat::parse_str(text).unwrap()
}

fn function(text: &mut String, number: u32, variant: u32, random: &mut Random) {
    write!(
        text,
        "(func $f{number} (param $a i32) (param $b i32) (result i32) (local $n i32) (local $x f64)
           (local.set $n (i32.const {}))",
        number ^ variant
    )
    .unwrap();
    for _ in 0..7 + random.below(5) {
        statement(text, number, random);
    }
    text.push_str("(i32.xor (local.get $a) (i32.trunc_sat_f64_s (local.get $x))))");
}

/// One of the things that compiled games are full of.
fn statement(text: &mut String, number: u32, random: &mut Random) {
    let constant = random.below(60_000);
    match random.below(5) {
        0 => write!(
            text,
            "(i32.store offset={constant} (i32.and (local.get $a) (i32.const 4092))
               (i32.add (i32.mul (local.get $b) (i32.const {constant})) (local.get $n)))"
        ),
        1 => write!(
            text,
            "(local.set $x (f64.add (f64.mul (local.get $x) (f64.const {constant}.5))
               (f64.sqrt (f64.load offset={constant} (i32.and (local.get $b) (i32.const 4088))))))"
        ),
        2 => write!(
            text,
            "(local.set $n (i32.and (local.get $n) (i32.const 31)))
             (loop $again
               (local.set $a (i32.rotl (i32.add (local.get $a) (i32.const {constant}))
                 (local.get $n)))
               (local.set $n (i32.sub (local.get $n) (i32.const 1)))
               (br_if $again (i32.gt_s (local.get $n) (i32.const 0))))"
        ),
        3 => write!(
            text,
            "(if (i32.lt_s (local.get $a) (i32.load16_u offset={constant}
                 (i32.and (local.get $n) (i32.const 1023))))
               (then (local.set $b (i32.shr_u (local.get $b) (i32.const 3))))
               (else (local.set $a (i32.sub (local.get $a) (i32.const {constant})))))"
        ),
        _ => {
            // Only forward, so that the calls end.
            let callee = (number + 1 + random.below(100)).min(FUNCTIONS - 1);
            if callee == number {
                return;
            }
            write!(
                text,
                "(local.set $b (call $f{callee} (local.get $b)
                   (i32.add (local.get $n) (i32.const {constant}))))"
            )
        }
    }
    .unwrap();
}

/// A small generator of the same numbers each time (xorshift).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        ((self.0 >> 32) % u64::from(bound)) as u32
    }
}
