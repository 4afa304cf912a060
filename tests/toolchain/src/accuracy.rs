//! lattice_math.h keeps its stated accuracy, against an arbitrary-precision library.

use astro_float_num::{BigFloat, Consts, RoundingMode};

use crate::compile;
use crate::library::random;
use crate::sim::Sim;

/// Bits of the reference: enough for a double next to a multiple of pi/2.
const BITS: usize = 256;
const RM: RoundingMode = RoundingMode::ToEven;
const POINTS: usize = 800;
/// Units in the last place, as stated in the header.
const DOUBLE_ULP: f64 = 2.0;
const FLOAT_ULP: f64 = 1.0;

type Reference = fn(&BigFloat, &BigFloat, &mut Consts) -> BigFloat;

/// A function, how its arguments are drawn, and what it should be.
struct Case {
    name: &'static str,
    draw: Draw,
    reference: Reference,
}

/// Where arguments come from: uniformly from a range, by exponent within it, or any bits.
#[derive(Clone, Copy)]
enum Draw {
    Any,
    Within(f64, f64),
    Positive,
    Two,
    PowerLike,
}

/// The number as it is. (The library's own conversion is right for normal doubles only.)
fn big(x: f64) -> BigFloat {
    let up = 2_f64.powi(64);
    if x.is_normal() || x == 0.0 {
        return BigFloat::from_f64(x, BITS);
    }
    BigFloat::from_f64(x * up, BITS).div(&BigFloat::from_f64(up, BITS), BITS, RM)
}

fn cases() -> Vec<Case> {
    use Draw::{Any, Positive, PowerLike, Two, Within};
    let case = |name, draw, reference| Case { name, draw, reference };
    vec![
        case("sin", Any, |x, _, c| x.sin(BITS, RM, c)),
        case("cos", Any, |x, _, c| x.cos(BITS, RM, c)),
        case("tan", Any, |x, _, c| x.tan(BITS, RM, c)),
        case("asin", Within(-1.0, 1.0), |x, _, c| x.asin(BITS, RM, c)),
        case("acos", Within(-1.0, 1.0), |x, _, c| x.acos(BITS, RM, c)),
        case("atan", Any, |x, _, c| x.atan(BITS, RM, c)),
        case("exp", Within(-745.0, 709.7), |x, _, c| x.exp(BITS, RM, c)),
        case("exp2", Within(-1074.0, 1023.9), |x, _, c| big(2.0).pow(x, BITS, RM, c)),
        case("expm1", Within(-60.0, 709.7), |x, _, c| x.exp(600, RM, c).sub(&big(1.0), BITS, RM)),
        case("log", Positive, |x, _, c| x.ln(BITS, RM, c)),
        case("log2", Positive, |x, _, c| x.log2(BITS, RM, c)),
        case("log10", Positive, |x, _, c| x.log10(BITS, RM, c)),
        case("log1p", Within(-0.999, 40.0), |x, _, c| x.add(&big(1.0), 1200, RM).ln(BITS, RM, c)),
        case("sinh", Within(-710.0, 710.0), |x, _, c| x.sinh(BITS, RM, c)),
        case("cosh", Within(-710.0, 710.0), |x, _, c| x.cosh(BITS, RM, c)),
        case("tanh", Within(-25.0, 25.0), |x, _, c| x.tanh(BITS, RM, c)),
        case("cbrt", Any, |x, _, _| x.cbrt(BITS, RM)),
        case("pow", PowerLike, |x, y, c| x.pow(y, BITS, RM, c)),
        case("hypot", Two, |x, y, _| {
            let squares = x.mul(x, BITS, RM).add(&y.mul(y, BITS, RM), BITS, RM);
            squares.sqrt(BITS, RM)
        }),
        case("atan2", Two, angle),
    ]
}

/// The angle of a point, by the arctangent of the quotient.
fn angle(y: &BigFloat, x: &BigFloat, c: &mut Consts) -> BigFloat {
    let principal = y.div(x, BITS, RM).atan(BITS, RM, c);
    if !x.is_negative() {
        return principal;
    }
    let pi = c.pi(BITS, RM);
    if y.is_negative() { principal.sub(&pi, BITS, RM) } else { principal.add(&pi, BITS, RM) }
}

fn draw(how: Draw, state: &mut u64) -> (f64, f64) {
    let unit = |state: &mut u64| (random(state) >> 11) as f64 / 9_007_199_254_740_992.0;
    let any = |state: &mut u64| loop {
        let x = f64::from_bits(random(state));
        if x.is_finite() {
            return x;
        }
    };
    match (how, random(state) % 3) {
        (Draw::Any, 0) => (any(state), 0.0),
        (Draw::Any, 1) => (unit(state) * 20.0 - 10.0, 0.0),
        // Next to a multiple of pi/2, where the reduction cancels most.
        (Draw::Any, _) => ((random(state) % 4_000_000) as f64 * std::f64::consts::FRAC_PI_2, 0.0),
        (Draw::Within(low, high), 0) => ((unit(state) * -60.0).exp2().clamp(low, high), 0.0),
        (Draw::Within(low, high), _) => (low + unit(state) * (high - low), 0.0),
        (Draw::Positive, 0) => (1.0 + (unit(state) - 0.5) * 0.01, 0.0),
        (Draw::Positive, _) => (any(state).abs(), 0.0),
        (Draw::Two, 0) => (any(state), any(state)),
        (Draw::Two, _) => (unit(state) * 10.0 - 5.0, unit(state) * 10.0 - 5.0),
        (Draw::PowerLike, 0) => (1.0 + (unit(state) - 0.5) * 0.002, (unit(state) - 0.5) * 1e6),
        (Draw::PowerLike, 1) => (any(state).abs(), unit(state) * 2.0 - 1.0),
        (Draw::PowerLike, _) => (unit(state) * 20.0, unit(state) * 100.0 - 50.0),
    }
}

/// `x / 2^exponent` as a double, where x is given by its leading word and its exponent.
fn scaled(x: &BigFloat, exponent: i32) -> f64 {
    let Some(words) = x.mantissa_digits() else { return f64::INFINITY };
    if x.is_zero() {
        return 0.0;
    }
    let leading = words[words.len() - 1] as f64 / 2_f64.powi(64);
    leading * 2_f64.powi((x.exponent().unwrap_or(0) - exponent).clamp(-1000, 1000))
}

/// How far `got` is from the reference in units of the reference's last place, for a format of
/// `bits` whose least exponent is `least`. None where the result overflows the format.
fn error_in_ulps(got: f64, reference: &BigFloat, bits: i32, least: i32) -> Option<f64> {
    let exponent = if reference.is_zero() { least } else { reference.exponent()? - 1 };
    if exponent >= 2 - least {
        return None;
    }
    if !got.is_finite() {
        return if exponent == 1 - least { None } else { Some(f64::INFINITY) };
    }
    let ulp = exponent.max(least) - (bits - 1);
    Some(scaled(&big(got).sub(reference, 600, RM).abs(), ulp))
}

/// The worst error over seeded points, with its arguments.
fn worst(sim: &mut Sim, case: &Case, float: bool, c: &mut Consts) -> (f64, f64, f64) {
    let name = if float { format!("{}f", case.name) } else { case.name.to_owned() };
    let (bits, least, mut state) = if float { (24, -126, 5) } else { (53, -1022, 6) };
    let mut worst = (0.0, 0.0, 0.0);
    for _ in 0..POINTS {
        let (mut x, mut y) = draw(case.draw, &mut state);
        if float {
            (x, y) = (f64::from(x as f32), f64::from(y as f32));
        }
        if !x.is_finite() || !y.is_finite() || x == 0.0 {
            continue;
        }
        let got: f64 = sim.call(&name, (x, y)).unwrap();
        let reference = (case.reference)(&big(x), &big(y), c);
        let error = error_in_ulps(got, &reference, bits, least).unwrap_or(0.0);
        if error.is_nan() || error > worst.0 {
            worst = (error, x, y);
        }
    }
    worst
}

#[test]
fn doubles_are_within_2_ulp_and_floats_within_1() {
    let mut sim = Sim::new(&compile::wasm(&compile::sim("probe.c")));
    let mut c = Consts::new().unwrap();
    let mut misses = Vec::new();
    for case in cases() {
        for (float, limit) in [(false, DOUBLE_ULP), (true, FLOAT_ULP)] {
            let (error, x, y) = worst(&mut sim, &case, float, &mut c);
            println!(
                "{}{}: {error:.4} ulp at {x:e}, {y:e}",
                case.name,
                if float { "f" } else { "" }
            );
            if error.is_nan() || error > limit {
                misses.push(format!("{} float {float}: {error} ulp at ({x:e}, {y:e})", case.name));
            }
        }
    }
    assert!(misses.is_empty(), "{misses:#?}");
}

#[test]
fn the_measure_itself_notices_one_unit() {
    let mut c = Consts::new().unwrap();
    let reference = big(1.0).sin(BITS, RM, &mut c);
    let right = 1.0_f64.sin();
    let beside = f64::from_bits(right.to_bits() + 3);
    assert!(error_in_ulps(right, &reference, 53, -1022).unwrap() < 1.0);
    assert!(error_in_ulps(beside, &reference, 53, -1022).unwrap() > 2.0);
}

/// The cases that C's Annex F lists, which no error bound covers.
#[test]
fn special_values_are_those_of_the_standard() {
    use std::f64::consts::{FRAC_PI_2, PI};
    let (inf, nan, up) = (f64::INFINITY, f64::NAN, 2_f64.powi(900));
    let mut sim = Sim::new(&compile::wasm(&compile::sim("probe.c")));
    for (name, x, y, expected) in [
        ("sin", -0.0, 0.0, -0.0),
        ("sin", inf, 0.0, nan),
        ("cos", -inf, 0.0, nan),
        ("tan", -0.0, 0.0, -0.0),
        ("asin", 1.0, 0.0, FRAC_PI_2),
        ("asin", 1.5, 0.0, nan),
        ("acos", 1.0, 0.0, 0.0),
        ("acos", -1.0, 0.0, PI),
        ("acos", nan, 0.0, nan),
        ("atan", inf, 0.0, FRAC_PI_2),
        ("atan", -0.0, 0.0, -0.0),
        ("atan2", 0.0, -0.0, PI),
        ("atan2", -0.0, 0.0, -0.0),
        ("atan2", -0.0, -1.0, -PI),
        ("atan2", 1.0, 0.0, FRAC_PI_2),
        ("atan2", -inf, inf, -PI / 4.0),
        ("atan2", 5e-324, -inf, PI),
        ("exp", -inf, 0.0, 0.0),
        ("exp", 710.0, 0.0, inf),
        ("exp", -746.0, 0.0, 0.0),
        ("exp2", -1074.0, 0.0, 5e-324),
        ("exp2", 10.0, 0.0, 1024.0),
        ("expm1", -0.0, 0.0, -0.0),
        ("expm1", -inf, 0.0, -1.0),
        ("log", 0.0, 0.0, -inf),
        ("log", -1.0, 0.0, nan),
        ("log", 1.0, 0.0, 0.0),
        ("log2", 8.0, 0.0, 3.0),
        ("log2", 5e-324, 0.0, -1074.0),
        ("log10", 1e15, 0.0, 15.0),
        ("log1p", -1.0, 0.0, -inf),
        ("pow", 0.0, -1.0, inf),
        ("pow", -0.0, -3.0, -inf),
        ("pow", -0.0, 3.0, -0.0),
        ("pow", -8.0, 3.0, -512.0),
        ("pow", -8.0, 0.5, nan),
        ("pow", nan, 0.0, 1.0),
        ("pow", 1.0, nan, 1.0),
        ("pow", -1.0, inf, 1.0),
        ("pow", 0.5, inf, 0.0),
        ("pow", 2.0, -1074.0, 5e-324),
        ("hypot", inf, nan, inf),
        ("hypot", 3.0 * up, 4.0 * up, 5.0 * up),
        ("cbrt", -27.0, 0.0, -3.0),
        ("fmod", 5.5, -2.0, 1.5),
        ("fmod", -6.0, 2.0, -0.0),
        ("fmod", 1e308, 3e-308, 1e308 % 3e-308),
        ("fmod", 1.0, 0.0, nan),
        ("remainder", 5.0, 2.0, 1.0),
        ("remainder", 7.0, 2.0, -1.0),
        ("tanh", inf, 0.0, 1.0),
        ("sinh", -inf, 0.0, -inf),
        ("cosh", -inf, 0.0, inf),
        ("sqrt", -1.0, 0.0, nan),
        ("round", 0.499_999_999_999_999_94, 0.0, 0.0),
        ("round", -2.5, 0.0, -3.0),
        ("rint", 2.5, 0.0, 2.0),
        ("fmin", nan, 1.0, 1.0),
        ("fmax", 1.0, nan, 1.0),
        ("fmin", 0.0, -0.0, -0.0),
        ("fmin", -0.0, 0.0, 0.0),
        ("nextafter", 1.0, 2.0, 1.0 + f64::EPSILON),
        ("nextafter", 0.0, -1.0, -5e-324),
    ] {
        let got: f64 = sim.call(name, (x, y)).unwrap();
        let equal = got.to_bits() == expected.to_bits() || (got.is_nan() && expected.is_nan());
        assert!(equal, "{name}({x:e}, {y:e}) is {got:e}, should be {expected:e}");
    }
}

#[test]
fn remainders_are_exact() {
    let mut sim = Sim::new(&compile::wasm(&compile::sim("probe.c")));
    let mut state = 9;
    for _ in 0..4000 {
        let (x, y) = (f64::from_bits(random(&mut state)), f64::from_bits(random(&mut state)));
        let got: f64 = sim.call("fmod", (x, y)).unwrap();
        assert!(
            got.to_bits() == (x % y).to_bits() || got.is_nan() && (x % y).is_nan(),
            "{x:e} % {y:e}"
        );
    }
}
