//! `lattice replay`: has a console run a match again from its input log, and says whether it was
//! the same. `lattice match inputs` fetches that log.
//! Never runs a sim itself.

use std::{fs::File, io, io::Write, path::PathBuf};

use clap::Args;
use http_body_util::BodyExt;
use lattice_policies::MatchId;
use serde_json::{Value, json};

use super::{
    CliError,
    client::{Client, Remote},
    terminal::{self, Tone, paint, string},
};

/// Run a match again from its input log: is it the same?
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice replay m_0123456789abcdef
  lattice replay m_0123456789abcdef --to 600            # up to tick 600, that one included
  lattice replay m_0123456789abcdef --json | jq .TicksPerSecond

Exit codes: 0 all that was run is what the log says, 1 it differs or could not be run.")]
pub(crate) struct Replay {
    /// The match's id
    id: MatchId,
    /// The last tick that is run; by default the last one that the log knows of
    #[arg(long, value_name = "TICK")]
    to: Option<u32>,
    /// Print the answer as it came
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
pub(crate) struct Inputs {
    /// The match's id
    id: MatchId,
    /// Where to write them; by default to stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

pub(crate) async fn run(args: &Replay) -> Result<(), CliError> {
    let client = Client::new(&args.remote)?;
    let wish = args.to.map_or_else(|| json!({}), |to| json!({ "To": to }));
    let answer = client.post(&format!("/matches/{}/replay", args.id), &wish).await?.success()?;
    let replayed = answer.json()?;
    if args.json {
        terminal::line(&answer.raw())?;
    } else {
        terminal::print(&text(&replayed))?;
    }
    if replayed["Same"] == true { Ok(()) } else { Err(CliError::Refused) }
}

/// Writes a match's input log as it comes.
pub(crate) async fn run_inputs(args: &Inputs) -> Result<(), CliError> {
    let client = Client::new(&args.remote)?;
    let path = format!("/matches/{}/inputs", args.id);
    let mut body = client.stream(&path, "application/octet-stream").await?;
    let mut output: Box<dyn Write> = match &args.output {
        Some(path) => Box::new(File::create(path).map_err(CliError::unreadable(path))?),
        None => Box::new(io::stdout().lock()),
    };
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|cause| client.broken(&path, &cause))?;
        if let Some(bytes) = frame.data_ref() {
            output.write_all(bytes)?;
        }
    }
    Ok(output.flush()?)
}

/// A replay for a person.
fn text(replayed: &Value) -> String {
    let of = |member: &str| string(replayed, member);
    let verdict = match (&replayed["Same"], &replayed["Whole"]) {
        (Value::Bool(true), Value::Bool(true)) => paint(Tone::Good, "the same, to its end"),
        (Value::Bool(true), _) => paint(Tone::Good, "the same, as far as it was run"),
        _ => paint(Tone::Bad, "another match"),
    };
    let mut lines = vec![format!("{}  {verdict}", of("Match"))];
    let difference = &replayed["Difference"];
    if difference.is_object() {
        let of = |member: &str| string(difference, member);
        lines.push(format!("  first difference at tick {}, in the {}", of("Tick"), of("Kind")));
        lines.push(format!("    logged    {}", of("Logged")));
        lines.push(format!("    replayed  {}", of("Replayed")));
    }
    let milliseconds = replayed["Microseconds"].as_u64().unwrap_or(0) / 1_000;
    let (ticks, rate, fuel) = (of("Ticks"), of("TicksPerSecond"), of("Fuel"));
    lines.push(format!("  {ticks} ticks in {milliseconds} ms ({rate} a second), {fuel} fuel"));
    lines.push(format!("  transcript {}\n", of("Transcript")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_shown_with_both_sides() {
        let replayed = json!({
            "Match": "m_1", "Ticks": 7, "Same": false, "Whole": false, "Transcript": "ab",
            "Fuel": 9, "Microseconds": 2_000, "TicksPerSecond": 3_500,
            "Difference": {"Kind": "requests", "Tick": 6, "Logged": "2", "Replayed": "1"},
        });
        assert_eq!(
            text(&replayed),
            "m_1  another match\n  first difference at tick 6, in the requests\n    logged    2\n    \
             replayed  1\n  7 ticks in 2 ms (3500 a second), 9 fuel\n  transcript ab\n"
        );
    }

    #[test]
    fn a_match_that_is_the_same_says_how_much_of_it_was_run() {
        let text = |whole| text(&json!({ "Match": "m_1", "Same": true, "Whole": whole }));
        assert!(text(true).starts_with("m_1  the same, to its end\n"));
        assert!(text(false).starts_with("m_1  the same, as far as it was run\n"));
    }
}
