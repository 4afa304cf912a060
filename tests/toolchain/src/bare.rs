//! The functions of the headers give the same in a shared object as in a module: the mathematics by
//! the bit, numbers and texts, memory, wide integers, casts. What the module gives is held to the
//! standard elsewhere.

use crate::cell::{Cell, hex};
use crate::compile;
use crate::library::random;
use crate::sim::Sim;

const ONE: [&str; 23] = [
    "sin", "cos", "tan", "asin", "acos", "atan", "exp", "exp2", "expm1", "log", "log2", "log10",
    "log1p", "sinh", "cosh", "tanh", "cbrt", "sqrt", "floor", "ceil", "trunc", "rint", "round",
];
const TWO: [&str; 8] = ["atan2", "pow", "hypot", "fmod", "remainder", "fmin", "fmax", "nextafter"];
const POINTS: usize = 300;

/// Doubles of every kind: any bits, small ones, those beside 1, and the special ones.
fn points() -> Vec<(f64, f64)> {
    let mut state = 23;
    let mut one = |kind: u64| match (kind, random(&mut state)) {
        (0, bits) => f64::from_bits(bits),
        (1, bits) => (bits >> 11) as f64 / 9_007_199_254_740_992.0 * 20.0 - 10.0,
        (_, bits) => 1.0 + ((bits >> 11) as f64 / 9_007_199_254_740_992.0 - 0.5) * 0.01,
    };
    let mut all: Vec<_> = (0..POINTS).map(|i| (one(i as u64 % 3), one(i as u64 / 3 % 3))).collect();
    let special =
        [0.0, -0.0, 0.5, -1.5, 5e-324, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    all.extend(special.iter().flat_map(|x| special.map(|y| (*x, y))));
    all
}

/// A double's bits; a NaN's, which targets are free in, as those of one.
fn bits(x: f64) -> u64 {
    if x.is_nan() { f64::NAN.to_bits() } else { x.to_bits() }
}

fn word(line: &str) -> u64 {
    u64::from_str_radix(line, 16).unwrap()
}

fn probe() -> (Sim, Cell) {
    let source = compile::sim("probe.c");
    (Sim::new(&compile::wasm(&source)), Cell::new(&source))
}

#[test]
fn mathematics_has_the_same_bits() {
    let (mut sim, mut cell) = probe();
    let mut expected = Vec::new();
    for name in ONE.iter().chain(&TWO) {
        for (export, symbol) in [
            ((*name).to_owned(), format!("probe_{name}")),
            (format!("{name}f"), format!("probe_f_{name}")),
        ] {
            for (x, y) in points() {
                expected.push((export.clone(), x, y, sim.call::<_, f64>(&export, (x, y)).unwrap()));
                cell.double(&symbol, &[], &[x, y]);
            }
        }
    }
    let answers = cell.run();
    assert_eq!(answers.len(), expected.len());
    for (answer, (name, x, y, wasm)) in answers.iter().zip(expected) {
        let native = f64::from_bits(word(answer));
        assert!(bits(native) == bits(wasm), "{name}({x:e}, {y:e}): {native:e}, in wasm {wasm:e}");
    }
}

#[test]
fn casts_and_wide_integers_are_the_same() {
    let (mut sim, mut cell) = probe();
    let mut expected = Vec::new();
    for (x, _) in points() {
        for name in ["to_i32", "to_u32"] {
            cell.integer(name, &[], &[x]);
            expected.push(u64::from(sim.call::<_, i32>(name, x).unwrap().cast_unsigned()));
        }
        for name in ["to_i64", "to_u64"] {
            cell.integer(name, &[], &[x]);
            expected.push(sim.call::<_, i64>(name, x).unwrap().cast_unsigned());
        }
    }
    let mut state = 3;
    for round in 0..500 {
        let shrink = |x: u64| x.cast_signed() >> (round % 5 * 13);
        let (a, b) = (random(&mut state).cast_signed(), shrink(random(&mut state)));
        let c = shrink(random(&mut state)) | 1;
        cell.integer("wide", &[a, b, c], &[]);
        expected.push(sim.call::<_, i64>("wide", (a, b, c)).unwrap().cast_unsigned());
    }
    // A result of 32 bits leaves the register's upper half open.
    let answers = cell.run();
    for (i, (answer, expected)) in answers.iter().zip(&expected).enumerate() {
        let narrow = i < points().len() * 4 && i % 4 < 2;
        let mask = if narrow { u64::from(u32::MAX) } else { u64::MAX };
        assert_eq!(word(answer) & mask, *expected, "answer {i}");
    }
    assert_eq!(answers.len(), expected.len());
}

#[test]
fn numbers_become_the_same_texts_and_texts_the_same_numbers() {
    let (mut sim, mut cell) = probe();
    let text_at = sim.call::<(), i32>("text_at", ()).unwrap() as usize;
    let mut expected = Vec::new();
    let formats = ["%.17e", "%.3f", "%g", "%+12.2f|", "%-12G|", "%#x"];
    for (i, (x, _)) in points().into_iter().enumerate() {
        let format = formats[i % 5];
        sim.write(text_at, &[format.as_bytes(), &[0]].concat());
        let len = sim.call::<f64, i32>("print", x).unwrap() as usize;
        let text = String::from_utf8(sim.read(text_at, len)).unwrap();
        cell.write(format);
        cell.integer("print", &[], &[x]);
        cell.read(len);
        expected.push(format!("{len:016x}"));
        expected.push(hex(&text));

        sim.write(text_at, &[text.as_bytes(), &[0]].concat());
        cell.write(&text);
        cell.double("parse", &[], &[]);
        cell.double("parsef", &[], &[]);
        expected.push(format!("{:016x}", sim.call::<(), f64>("parse", ()).unwrap().to_bits()));
        expected.push(format!("{:016x}", sim.call::<(), f64>("parsef", ()).unwrap().to_bits()));
    }
    cell.write("-3:word -1e2");
    cell.double("scan", &[], &[]);
    expected.push(format!("{:016x}", (-103.0_f64).to_bits()));
    let is_nan = |line: &str| f64::from_bits(u64::from_str_radix(line, 16).unwrap_or(0)).is_nan();
    for (answer, expected) in cell.run().iter().zip(&expected) {
        assert!(answer == expected || is_nan(answer) && is_nan(expected), "{answer} {expected}");
    }
}

#[test]
fn memory_stays_intact_and_impossible_sizes_are_refused() {
    let (_, mut cell) = probe();
    for seed in 0..6 {
        cell.integer("churn", &[seed, 4000], &[]);
    }
    for size in [-1, i64::from(i32::MIN), 0x7fff_ffff, 65 << 20] {
        cell.integer("allocate", &[size], &[]);
    }
    // All is free again, so one block can have most of the arena's 64 MiB.
    cell.integer("allocate", &[50 << 20], &[]);
    let answers: Vec<u64> = cell.run().iter().map(|line| word(line) & 0xffff_ffff).collect();
    assert_eq!(answers, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
}

#[test]
fn a_second_free_is_caught_and_said() {
    let (_, mut cell) = probe();
    cell.integer("release_twice", &[], &[]);
    let output = cell.run_to_its_end();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "log free: this memory is free already\n");
    assert!(output.status.code().is_none(), "by a signal: {}", output.status);
}

/// Copies of every length up to a few steps, at every distance, overlapping and not.
const COPIES: &str = r"
#include <lattice_managed.h>
static unsigned char bytes[256], expected[256];
static void fill(uint64_t round) {
    for (int i = 0; i < 256; ++i) bytes[i] = expected[i] = (unsigned char)(i * 7 + (int)round);
}
static int same(void) {
    for (int i = 0; i < 256; ++i)
        if (bytes[i] != expected[i]) return 0;
    return memcmp(bytes, expected, 256) == 0;
}
static volatile size_t len, from, to;
int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) { return (void)seed, (void)tick_hz, 0; }
int32_t lattice_sim_tick(int64_t tick) {
    unsigned char kept[256];
    for (len = 0; len < 80; ++len)
        for (to = 40; to < 140; ++to) {
            from = 90;
            fill(to);
            for (size_t i = 0; i < len; ++i) kept[i] = bytes[from + i];
            for (size_t i = 0; i < len; ++i) expected[to + i] = kept[i];
            if (memmove(bytes + to, bytes + from, len) != bytes + to || !same()) return -1;
            fill(to + 1);
            for (size_t i = 0; i < len; ++i) expected[to + i] = 0xa5;
            if (memset(bytes + to, 0x7a5, len) != bytes + to || !same()) return -2;
            fill(to + 2);
            for (size_t i = 0; i < len; ++i) expected[to % 16 + i] = bytes[150 + i];
            if (memcpy(bytes + to % 16, bytes + 150, len) != bytes + to % 16 || !same()) return -3;
            bytes[255] ^= 1;
            if (same()) return -4;
        }
    return (int32_t)(tick + 1);
}
";

#[test]
fn bytes_are_moved_as_the_standard_says() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copies.c");
    std::fs::write(&file, COPIES).unwrap();
    for compiler in ["clang", "gcc"] {
        for level in ["-O0", "-O2", "-O3"] {
            let mut cell = Cell::of(compiler, &[level], &file);
            cell.integer("lattice_sim_tick", &[41], &[]);
            assert_eq!(cell.run(), ["000000000000002a"], "{compiler} {level}");
        }
    }
}
