//! The C library of the headers: texts of floats, numbers from texts, memory, wide integers, casts.

use wasmtime::{WasmParams, WasmResults};

use crate::compile;
use crate::sim::Sim;

/// The sim whose exports reach single functions.
struct Probe {
    sim: Sim,
}

impl Probe {
    fn new() -> Probe {
        Probe { sim: Sim::new(&compile::wasm(&compile::sim("probe.c"))) }
    }

    fn call<P: WasmParams, R: WasmResults>(&mut self, name: &str, with: P) -> R {
        self.sim.call(name, with).unwrap()
    }

    fn write(&mut self, text: &str) {
        let at = self.call::<(), i32>("text_at", ()) as usize;
        self.sim.write(at, &[text.as_bytes(), &[0]].concat());
    }

    fn print(&mut self, format: &str, x: f64) -> String {
        self.write(format);
        let len = self.call::<f64, i32>("print", x) as usize;
        let at = self.call::<(), i32>("text_at", ()) as usize;
        String::from_utf8(self.sim.read(at, len)).unwrap()
    }
}

/// SplitMix64: the tests' own seeded numbers.
pub(crate) fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn finite_doubles(count: usize) -> impl Iterator<Item = f64> {
    let mut state = 11;
    std::iter::from_fn(move || Some(f64::from_bits(random(&mut state))))
        .filter(|x| x.is_finite())
        .take(count)
}

#[test]
fn floats_are_printed_exactly_rounded() {
    let mut probe = Probe::new();
    for x in
        finite_doubles(1500).chain([0.0, -0.0, 0.5, 1.5, 2.5, 0.125, 5e-324, f64::MAX, 9.995, 1e23])
    {
        assert_eq!(probe.print("%.17e", x), c_exponent(&format!("{x:.17e}")));
        assert_eq!(probe.print("%.3f", x), format!("{x:.3}"));
        assert_eq!(probe.print("%.0f", x), format!("{x:.0}"));
    }
}

/// Rust's `1.5e7` as C's `1.5e+07`.
fn c_exponent(text: &str) -> String {
    let (digits, power) = text.split_once('e').unwrap();
    let power: i32 = power.parse().unwrap();
    format!("{digits}e{}{:02}", if power < 0 { '-' } else { '+' }, power.abs())
}

#[test]
fn formats_follow_the_standard() {
    let mut probe = Probe::new();
    for (format, x, expected) in [
        ("%g", 100_000.0, "100000"),
        ("%g", 1_000_000.0, "1e+06"),
        ("%g", 0.0001, "0.0001"),
        ("%g", 0.00001, "1e-05"),
        ("%#g", 1.0, "1.00000"),
        ("%+8.2f|", 2.71555, "   +2.72|"),
        ("%-8.2f|", -2.71555, "-2.72   |"),
        ("%08.2f", -2.71555, "-0002.72"),
        ("% G", 1e-10, " 1E-10"),
        ("%5f", f64::INFINITY, "  inf"),
        ("%F", f64::NEG_INFINITY, "-INF"),
        ("%05.1f", f64::NAN, "  nan"),
        ("%.10f", 1e22, "10000000000000000000000.0000000000"),
    ] {
        assert_eq!(probe.print(format, x), expected, "{format}");
    }
}

#[test]
fn numbers_are_read_as_the_nearest_float() {
    let mut probe = Probe::new();
    let mut texts: Vec<String> = finite_doubles(1500).map(|x| format!("{x:e}")).collect();
    texts.extend(finite_doubles(300).map(|x| format!("{x:.40e}")));
    let halfway = [
        "1.00000000000000011102230246251565404236316680908203125",
        "9007199254740993",
        "2.2250738585072011e-308",
        "4.9406564584124654e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "1.7976931348623159e308",
        "0.1",
        ".5",
        "-5.",
        "1e-400",
        "1e400",
        "  12.5abc",
        "123456789012345678901234567890",
    ];
    texts.extend(halfway.map(str::to_owned));
    for text in texts {
        probe.write(&text);
        let expected = text.trim().trim_end_matches("abc");
        let double: f64 = expected.parse().unwrap();
        assert_eq!(probe.call::<(), f64>("parse", ()).to_bits(), double.to_bits(), "{text}");
        let float: f32 = expected.parse().unwrap();
        assert_eq!(
            probe.call::<(), f64>("parsef", ()).to_bits(),
            f64::from(float).to_bits(),
            "{text} as float"
        );
    }
}

#[test]
fn sscanf_takes_a_line_apart() {
    let mut probe = Probe::new();
    for (text, expected) in
        [("12:word 0.5", 12.5_f64), ("12:word", -2.0), ("x", 0.0), ("-3:word -1e2", -103.0)]
    {
        probe.write(text);
        assert_eq!(probe.call::<(), f64>("scan", ()).to_bits(), expected.to_bits(), "{text}");
    }
}

#[test]
fn memory_stays_intact_and_is_used_again() {
    let mut probe = Probe::new();
    for seed in 0..6_i64 {
        assert_eq!(probe.call::<_, i32>("churn", (seed, 4000_i32)), 0, "seed {seed}");
    }
    let pages = probe.sim.pages();
    for seed in 0..6_i64 {
        assert_eq!(probe.call::<_, i32>("churn", (seed, 4000_i32)), 0, "seed {seed}");
    }
    assert_eq!(probe.sim.pages(), pages, "the same blocks once more need no more memory");
    // All is free again, so one block can have nearly all of it.
    let most = (pages - 6) << 16;
    assert_eq!(probe.call::<_, i32>("allocate", most as i32 / 2), 1);
    assert_eq!(probe.sim.pages(), pages);
}

#[test]
fn impossible_sizes_are_refused_and_a_second_free_is_caught() {
    let mut probe = Probe::new();
    for size in [-1, i32::MIN, 0x7fff_ffff] {
        assert_eq!(probe.call::<_, i32>("allocate", size), 0, "{size}");
    }
    assert!(probe.sim.call::<(), i32>("release_twice", ()).is_err());
    assert_eq!(probe.sim.heard().logs, ["free: this memory is free already"]);
}

#[test]
fn signals_and_files_are_refused_and_a_jump_ends_the_match_with_its_reason_in_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("jumps.c");
    let source = "#include <errno.h>\n#include <setjmp.h>\n#include <signal.h>\n#include <stdio.h>\n\
        #include <lattice_managed.h>\n\
        static jmp_buf here;\n\
        static volatile sig_atomic_t signals;\n\
        static void count(int number) { signals += number; }\n\
        int32_t lattice_sim_init(int64_t seed, int32_t tick_hz) {\n\
            int refused = signal(SIGINT, count) == SIG_ERR && signals == 0;\n\
            FILE *file = freopen(\"world.txt\", \"r\", stdin);\n\
            int absent = file == NULL && errno == ENOENT && tmpfile() == NULL;\n\
            int fixed = rename(\"a\", \"b\") != 0 && setvbuf(stdout, NULL, _IONBF, 0) != 0;\n\
            return seed == 7 && tick_hz == 60 && refused && absent && fixed ? 0 : -1;\n\
        }\n\
        int32_t lattice_sim_tick(int64_t tick) {\n\
            if (setjmp(here) != 0) { lattice_log(LATTICE_INFO, \"came back\"); return 0; }\n\
            if (tick == 1) longjmp(here, 1);\n\
            return 0;\n\
        }\n";
    std::fs::write(&file, source).unwrap();
    let mut sim = Sim::started(&compile::wasm(&file));
    assert_eq!(sim.tick(0), 0);
    assert!(sim.call::<i64, i32>("lattice_sim_tick", 1).is_err());
    let why = "longjmp was called: a sim cannot jump out of its functions";
    assert_eq!(sim.heard().logs, [why]);
}

#[test]
fn integers_of_128_bits_are_right() {
    let mut probe = Probe::new();
    let mut state = 3;
    for round in 0..2000 {
        let shrink = |x: u64| x.cast_signed() >> (round % 5 * 13);
        let (a, b) = (random(&mut state).cast_signed(), shrink(random(&mut state)));
        let c = shrink(random(&mut state)) | 1;
        let product = i128::from(a) * i128::from(b);
        let (quotient, rest) = (product / i128::from(c), product % i128::from(c));
        let shifted = (product.cast_unsigned() >> (c & 127)).cast_signed();
        let expected = quotient
            ^ (quotient >> 64)
            ^ rest
            ^ shifted
            ^ (shifted.cast_unsigned() >> 64).cast_signed();
        assert_eq!(probe.call::<_, i64>("wide", (a, b, c)), expected as i64, "{a} * {b} / {c}");
    }
}

#[test]
fn casts_saturate_and_nan_is_0() {
    let mut probe = Probe::new();
    let edges = [
        0.0,
        -0.5,
        0.9,
        2_147_483_647.0,
        2_147_483_647.5,
        2_147_483_648.0,
        -2_147_483_648.9,
        -2_147_483_649.0,
        4_294_967_295.5,
        4_294_967_296.0,
        9.3e18,
        -9.3e18,
        1.8e19,
        1.9e19,
        1e300,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
    ];
    for x in finite_doubles(500).chain(edges) {
        assert_eq!(probe.call::<_, i32>("to_i32", x), x as i32, "{x}");
        assert_eq!(probe.call::<_, i32>("to_u32", x).cast_unsigned(), x as u32, "{x}");
        assert_eq!(probe.call::<_, i64>("to_i64", x), x as i64, "{x}");
        assert_eq!(probe.call::<_, i64>("to_u64", x).cast_unsigned(), x as u64, "{x}");
    }
}

#[test]
fn the_generator_is_the_published_one_and_fair_at_its_bound() {
    let mut probe = Probe::new();
    let mut state = 42_u64;
    let mut s = [0; 4].map(|_: u64| random(&mut state));
    let mut last = 0;
    for _ in 0..100 {
        let drawn = s[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = s[3].rotate_left(45);
        last = ((drawn >> 32) * 1000) >> 32;
    }
    assert_eq!(probe.call::<_, i32>("random_below", (42_i64, 100_i32, 1000_i32)), last as i32);
    assert_eq!(probe.call::<_, i32>("random_below", (42_i64, 100_i32, 0_i32)), 0);
}
