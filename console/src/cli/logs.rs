//! The log of a match: a page of the past, and the lines as they come.
//! Never keeps them.

use clap::Args;
use lattice_policies::MatchId;
use serde_json::Value;

use super::{
    CliError,
    client::{Client, Remote, every_item},
    sse::{Event, Events},
    terminal::{self, Tone, paint, string},
};

#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// The match's id
    id: MatchId,
    /// Go on with new lines as they come, until the match ends or Ctrl-C
    #[arg(long, short)]
    follow: bool,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

/// The lines of one match as they come, those of the past first.
#[derive(Debug)]
pub(crate) struct Tail {
    client: Client,
    path: String,
    events: Events,
}

impl Tail {
    pub(crate) async fn of(client: &Client, id: &str) -> Result<Self, CliError> {
        let path = logs_path(id);
        let body = client.stream(&path, "text/event-stream").await?;
        Ok(Self { client: client.clone(), path, events: Events::new(body) })
    }

    /// The next line; `None` when the match has ended and all is told. Whoever stops waiting
    /// loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Option<Value>, CliError> {
        loop {
            let event = self.events.next().await;
            match event.map_err(|cause| self.client.broken(&self.path, &cause))? {
                Some(Event { kind, data }) if kind == "log" => {
                    return Ok(Some(serde_json::from_str(&data).map_err(CliError::failed)?));
                }
                Some(Event { kind, .. }) if kind == "end" => return Ok(None),
                Some(_) => {}
                None => return Ok(None),
            }
        }
    }
}

pub(crate) async fn run(args: &Logs) -> Result<(), CliError> {
    let client = Client::new(&args.remote)?;
    let text = |line: &Value| if args.json { line.to_string() } else { log_line(line) };
    let show = |line: &Value| terminal::line(&text(line));
    if !args.follow {
        let lines = every_item(&client, &logs_path(args.id.as_str())).await?;
        return lines.iter().try_for_each(show);
    }
    let mut tail = Tail::of(&client, args.id.as_str()).await?;
    while let Some(line) = tail.next().await? {
        show(&line)?;
    }
    Ok(())
}

/// A line of a log for a person.
pub(crate) fn log_line(line: &Value) -> String {
    let level = string(line, "Level");
    let tone = match level.as_str() {
        "error" => Tone::Bad,
        "warn" => Tone::Strong,
        _ => Tone::Quiet,
    };
    let head = format!("{:>8} {:<5}", string(line, "Tick"), level);
    format!("{} {}", paint(tone, &head), string(line, "Text"))
}

fn logs_path(id: &str) -> String {
    format!("/matches/{id}/logs")
}
