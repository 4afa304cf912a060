//! `lattice receipt`: fetches, shows and checks what the host signed of a build, a match or the
//! audit. Only `fetch` asks a server.

use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::{Args, Subcommand};
use lattice_policies::{GameId, MatchId};
use semver::Version;
use serde_json::json;

use super::{
    CliError,
    client::{Client, Remote},
    receipt_verify::{self, Verify},
    terminal::{self, printable},
    wait_for,
};
use crate::receipt::{self, Predicate};

/// What the host signed of a build or a match: fetch it, show it, check it without a server.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit codes of verify: 0 yes, 1 no, with the place where not; 2 bad usage or a file that cannot be
read.

Examples:
  lattice receipt fetch m_0123456789abcdef -o match.receipt
  lattice receipt fetch g_0123456789abcdef/1.0.0 -o build.receipt
  lattice receipt show match.receipt
  lattice receipt verify build.receipt --key KEYID.pub --module game_sim.wasm
  lattice receipt verify match.receipt --key KEYID.pub --module game_sim.wasm --log match.inputs")]
pub(crate) struct ReceiptArgs {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Fetch the receipt of a match or a build from a console
    Fetch(Fetch),
    /// Show what a receipt says, without checking who signed it
    Show {
        /// The receipt
        file: PathBuf,
        /// Print the statement as it was signed
        #[arg(long)]
        json: bool,
    },
    /// Check a receipt, and hold a module and an input log against it, without a server
    Verify(Verify),
}

#[derive(Debug, Args)]
struct Fetch {
    /// A match (m_...), or a game and a version (g_.../1.0.0)
    of: Subject,
    /// Where to write it; by default to stdout
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    remote: Remote,
}

/// What has a receipt.
#[derive(Debug, Clone)]
enum Subject {
    Match(MatchId),
    Build(GameId, Version),
}

impl FromStr for Subject {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let Some((game, version)) = text.split_once('/') else {
            return text.parse().map(Subject::Match).map_err(|bad| format!("{bad}"));
        };
        let game = game.parse().map_err(|bad| format!("{bad}"))?;
        let version = version.parse().map_err(|bad| format!("not a version: {bad}"))?;
        Ok(Subject::Build(game, version))
    }
}

pub(crate) fn run(args: &ReceiptArgs) -> Result<(), CliError> {
    match &args.act {
        Act::Fetch(args) => wait_for(fetch(args)),
        Act::Show { file, json } => show(file, *json),
        Act::Verify(args) => receipt_verify::run(args),
    }
}

async fn fetch(args: &Fetch) -> Result<(), CliError> {
    let path = match &args.of {
        Subject::Match(id) => format!("/matches/{id}/receipt"),
        Subject::Build(game, version) => format!("/games/{game}/modules/{version}/receipt"),
    };
    let receipt = Client::new(&args.remote)?.get(&path).await?.success()?.body;
    match &args.output {
        Some(path) => fs::write(path, receipt).map_err(CliError::unreadable(path)),
        None => terminal::print(&String::from_utf8_lossy(&receipt)),
    }
}

fn show(path: &Path, json: bool) -> Result<(), CliError> {
    let bytes = fs::read(path).map_err(CliError::unreadable(path))?;
    let bad = |error| CliError::Failed(format!("{}: {error}", path.display()));
    let (statement, key) = receipt::peek(&bytes).map_err(bad)?;
    if json {
        return terminal::print(&statement.text());
    }
    let (what, predicate) = match &statement.predicate {
        Predicate::Build(predicate) => ("a build", json!(predicate)),
        Predicate::Match(predicate) => ("a match", json!(predicate)),
        Predicate::AuditHead(predicate) => ("the audit's end", json!(predicate)),
    };
    let subject = &statement.subject;
    let name = printable(&subject.name);
    terminal::line(&format!(
        "{name}  {what}\n  sha256  {}\n  key     {}",
        subject.sha256,
        printable(&key)
    ))?;
    terminal::line(&format!("  says    {}", printable_lines(&format!("{predicate:#}"))))?;
    terminal::line("the signature is not checked: `lattice receipt verify --key KEYID.pub` does")
}

fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n  ")
}
