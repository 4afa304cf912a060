//! Arms that are measured in turn, and how their figures are told: medians of the rounds, and the
//! median of the rounds' ratios with the least and the greatest.

use std::fmt;

/// One way to do the thing that a figure measures.
pub(crate) struct Arm<'a> {
    name: String,
    /// Seconds a unit, in one round.
    round: Box<dyn FnMut() -> f64 + 'a>,
    /// The ratio to the first arm that the project aims to stay below.
    aim: Option<f64>,
}

impl<'a> Arm<'a> {
    pub(crate) fn new(name: impl Into<String>, round: impl FnMut() -> f64 + 'a) -> Self {
        Self { name: name.into(), round: Box::new(round), aim: None }
    }

    pub(crate) fn aim(mut self, at_most: f64) -> Self {
        self.aim = Some(at_most);
        self
    }
}

/// Measures the arms in turn, `rounds` times, and prints each beside the first, which is the
/// peer. A round that warms up is not counted, and the order turns from round to round, so that
/// what drifts in the machine meets all arms alike.
pub(crate) fn compare(title: &str, rounds: usize, mut arms: Vec<Arm<'_>>) {
    let mut seconds = vec![Vec::new(); arms.len()];
    for round in 0..=rounds {
        for step in 0..arms.len() {
            let at = (round + step) % arms.len();
            let measured = (arms[at].round)();
            if round > 0 {
                seconds[at].push(measured);
            }
        }
    }
    heading(title, rounds);
    for (arm, own) in arms.iter().zip(&seconds) {
        let ratios: Vec<f64> = own.iter().zip(&seconds[0]).map(|(own, peer)| own / peer).collect();
        let aim = arm.aim.map_or_else(String::new, |aim| format!("  aim: at most {aim}"));
        row(&arm.name, median(own), &format!("{}{aim}", Spread::of(&ratios)));
    }
}

pub(crate) fn heading(title: &str, rounds: usize) {
    println!("\n{title} (medians of {rounds} rounds)");
}

/// One line of a figure: what was measured, its median, and a remark.
pub(crate) fn row(name: &str, seconds: f64, remark: &str) {
    println!("  {name:<48} {:>10}  {remark}", Time(seconds).to_string());
}

/// The middle value; of an even number of values the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// A ratio's median, least and greatest over the rounds.
struct Spread {
    median: f64,
    least: f64,
    greatest: f64,
}

impl Spread {
    fn of(ratios: &[f64]) -> Self {
        Self {
            median: median(ratios),
            least: ratios.iter().copied().fold(f64::INFINITY, f64::min),
            greatest: ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "x{:.2} ({:.2}..{:.2})", self.median, self.least, self.greatest)
    }
}

/// Seconds, in the unit that reads best.
struct Time(f64);

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            long if long >= 1.0 => write!(f, "{long:.2} s"),
            millis if millis >= 1e-3 => write!(f, "{:.2} ms", millis * 1e3),
            micros if micros >= 1e-6 => write!(f, "{:.2} us", micros * 1e6),
            nanos => write!(f, "{:.1} ns", nanos * 1e9),
        }
    }
}
