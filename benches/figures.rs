//! `make bench`: what the platform costs, each figure beside a bare peer measured in the same run.
//!
//! Prints medians and ratios and judges nothing: a machine that is busy or slow fails no build.
//! Only what does not depend on time is asserted, such as that both sides computed the same.
//! `cargo bench -p lattice-benches -- tick upload` measures the named figures alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a figure that can't be measured ends the run, and says where"
)]
#![allow(clippy::disallowed_methods, reason = "a bare peer has its own connections")]

mod bare;
mod cells;
mod clocks;
mod creation;
mod egress;
mod host_call;
mod loopback;
mod machine;
mod modules;
mod native;
mod pooling;
mod replay;
mod script;
mod server;
mod sims;
mod snapshot;
mod stats;
mod subject;
mod tick;
mod upload;

/// Each figure's name and how it is measured.
const FIGURES: [(&str, fn()); 10] = [
    ("tick", tick::measure),
    ("host-call", host_call::measure),
    ("creation", creation::measure),
    ("upload", upload::measure),
    ("sims", sims::measure),
    ("cells", cells::measure),
    ("replay", replay::measure),
    ("snapshot", snapshot::measure),
    ("egress", egress::measure),
    ("pooling", pooling::measure),
];

fn main() {
    // Cargo itself passes `--bench`.
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let known = |name: &String| FIGURES.iter().any(|figure| figure.0 == name);
    if let Some(unknown) = wanted.iter().find(|name| !known(name)) {
        let names = FIGURES.map(|figure| figure.0).join(", ");
        eprintln!("there is no figure `{unknown}`; the figures are: {names}");
        std::process::exit(2);
    }
    machine::describe();
    for (name, measure) in FIGURES {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            measure();
        }
    }
}
