//! `lattice audit`: reads the audit and checks its chain, straight in the data folder.
//! Never writes to it.

use clap::{Args, Subcommand};
use lattice_policies::GameId;
use lattice_store::{AuditFilter, AuditRow, Page, Store};

use super::{
    CliError,
    data::Data,
    table::table,
    terminal::{self, Tone, paint, printable},
};
use crate::http::audit::AuditAnswer;

/// The audit: what was asked, by whom, with what outcome, chained by hashes.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit code of verify: 0 the chain is whole, 1 it is broken or cannot be read.

Examples:
  lattice audit verify
  lattice audit list --limit 50 --data /var/lib/lattice
  lattice audit list --game g_0123456789abcdef")]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    act: Act,
    #[command(flatten)]
    data: Data,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Check every row's hash and the chain between them; prints the last row's hash, which,
    /// noted down elsewhere, also shows a chain that was rewritten as a whole
    Verify,
    /// List the newest rows
    List {
        /// Only of this game
        #[arg(long)]
        game: Option<GameId>,
        /// Rows at most
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=i64::from(Page::MOST)))]
        limit: u32,
        /// Print one JSON object a line, as the API has them
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(args: &AuditArgs) -> Result<(), CliError> {
    let store = args.data.open()?;
    match &args.act {
        Act::Verify => verify(&store),
        Act::List { game, limit, json } => list(&store, game.clone(), *limit, *json),
    }
}

fn verify(store: &Store) -> Result<(), CliError> {
    let check = store.verify_audit().map_err(CliError::failed)?;
    let whole = paint(Tone::Good, "whole");
    terminal::line(&format!("{whole}: {} rows, the last with hash {}", check.rows, check.head))
}

fn list(store: &Store, game: Option<GameId>, limit: u32, json: bool) -> Result<(), CliError> {
    let filter = AuditFilter { game };
    let rows = store.audit(&filter, &Page::first(limit)).map_err(CliError::failed)?;
    if json {
        let rows: Result<Vec<_>, _> =
            rows.into_iter().map(AuditAnswer::from).map(serde_json::to_value).collect();
        return terminal::json_lines(&rows.map_err(CliError::failed)?);
    }
    let rows: Vec<_> = rows.iter().map(cells).collect();
    terminal::print(&table(["ROW", "AT", "WHO", "ACTION", "TARGET", "OUTCOME", "DETAIL"], &rows))
}

fn cells(row: &AuditRow) -> [String; 7] {
    let at = format!("{:.0}", row.at);
    let detail = printable(&row.detail.to_string());
    let [who, target] = [&row.actor.subject, &row.target].map(|text| printable(text));
    [row.seq.to_string(), at, who, row.action.clone(), target, row.outcome.clone(), detail]
}
