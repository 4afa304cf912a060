//! `lattice fork`: has a console start a match that goes on from where another one stood.
//! Never runs a sim itself.

use clap::Args;
use lattice_policies::MatchId;
use serde_json::json;

use super::{
    CliError,
    client::Client,
    matches::{Show, show_match},
};

/// Start a new match from where another one stood before a tick
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice fork m_0123456789abcdef                       # from the latest that is known of it
  lattice fork m_0123456789abcdef --at 600              # from before tick 600
  FORK=$(lattice fork m_0123456789abcdef --json | jq -r .Id)
  lattice match player $FORK                            # the match's own players are not in it

`lattice inspect MATCH --at TICK` shows what a fork would begin with.")]
pub(crate) struct Fork {
    /// The match's id
    id: MatchId,
    /// The fork's first tick; by default the latest that is known of the match
    #[arg(long, value_name = "TICK")]
    at: Option<u32>,
    #[command(flatten)]
    show: Show,
}

pub(crate) async fn run(args: &Fork) -> Result<(), CliError> {
    let client = Client::new(&args.show.remote)?;
    let wish = args.at.map_or_else(|| json!({}), |at| json!({ "At": at }));
    let answer = client.post(&format!("/matches/{}/forks", args.id), &wish).await?;
    show_match(&answer.success()?, &args.show)
}
