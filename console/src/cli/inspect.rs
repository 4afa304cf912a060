//! `lattice inspect`: what stood in a match before a tick, and what differs between two, for a
//! person. Never runs a sim itself.

mod text;

use clap::Args;
use lattice_policies::MatchId;

use super::{
    CliError,
    client::{Client, Remote, segment},
    terminal,
};

/// Show what stood in a match before a tick, or what changed between two
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice inspect m_0123456789abcdef                    # the latest that is known of it
  lattice inspect m_0123456789abcdef --at 600 --memory 0x1000:64 --memory 0x8000:256
  lattice inspect m_0123456789abcdef --at 600 --around 5
  lattice inspect m_0123456789abcdef --diff 599 600     # what tick 599 has changed
  lattice inspect m_0123456789abcdef --json | jq .Gauges

The match is run again up to there, from its input log and its nearest snapshot. Addresses are named
where the module names them: `-Wl,--export=NAME` has clang leave a variable's name.")]
pub(crate) struct Inspect {
    /// The match's id
    id: MatchId,
    /// The tick before which it is shown; by default the latest that is known
    #[arg(long, value_name = "TICK", conflicts_with = "diff")]
    at: Option<u32>,
    /// A range of the sim's memory, decimal or with 0x; may be given up to 16 times
    #[arg(long, value_name = "ADDRESS:LENGTH", conflicts_with = "diff")]
    memory: Vec<String>,
    /// Ticks before and behind whose events are shown; by default 30
    #[arg(long, value_name = "TICKS", conflicts_with = "diff")]
    around: Option<u32>,
    /// Show what differs between before the one tick and before the other
    #[arg(long, num_args = 2, value_names = ["TICK1", "TICK2"])]
    diff: Option<Vec<u32>>,
    /// Print the answer as it came
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

pub(crate) async fn run(args: &Inspect) -> Result<(), CliError> {
    let client = Client::new(&args.remote)?;
    let answer = client.get(&path(args)).await?.success()?;
    if args.json {
        return terminal::line(&answer.raw());
    }
    let seen = answer.json()?;
    let text = if args.diff.is_some() { text::difference(&seen) } else { text::moment(&seen) };
    terminal::print(&text)
}

fn path(args: &Inspect) -> String {
    let path = format!("/matches/{}/inspect", args.id);
    if let Some([from, to]) = args.diff.as_deref() {
        return format!("{path}/diff?From={from}&To={to}");
    }
    let at = args.at.map(|at| format!("At={at}"));
    let around = args.around.map(|ticks| format!("Around={ticks}"));
    let memory = args.memory.iter().map(|range| format!("Memory={}", segment(range)));
    let query: Vec<_> = at.into_iter().chain(around).chain(memory).collect();
    format!("{path}?{}", query.join("&"))
}
