//! `lattice audit`: reads the audit and checks its chain, straight in the data folder.
//! Never writes to it.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use lattice_policies::GameId;
use lattice_store::{AuditFilter, AuditRow, Page, Store};

use super::{
    CliError, audit_heads,
    data::Data,
    table::table,
    terminal::{self, Tone, paint, printable},
};
use crate::{http::audit::AuditAnswer, receipt::KeyFolder};

/// The audit: what was asked, by whom, with what outcome, chained by hashes.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit code of verify: 0 the chain is whole, 1 it is broken or cannot be read.

Examples:
  lattice audit verify
  lattice audit head > monday.receipt          # keep it where nobody can reach both
  lattice audit verify --head monday.receipt
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
    /// Check every row's hash, the chain between them, and that each end that was signed is still in
    /// it; prints the last row's hash
    Verify {
        /// A signed head that was kept elsewhere, which also shows a chain that was cut off or
        /// rewritten together with its signed heads
        #[arg(long = "head", value_name = "FILE")]
        heads: Vec<PathBuf>,
    },
    /// Print the newest signed head, to be kept elsewhere
    Head,
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
        Act::Verify { heads } => verify(&store, &KeyFolder::of(args.data.dir()), heads),
        Act::Head => head(&store),
        Act::List { game, limit, json } => list(&store, game.clone(), *limit, *json),
    }
}

fn verify(store: &Store, keys: &KeyFolder, heads: &[PathBuf]) -> Result<(), CliError> {
    let check = store.verify_audit().map_err(CliError::failed)?;
    let keys = keys.public_keys().map_err(CliError::failed)?;
    let signed = audit_heads::check(store, &keys, heads)?;
    let whole = paint(Tone::Good, "whole");
    terminal::line(&format!("{whole}: {} rows, the last with hash {}", check.rows, check.head))?;
    terminal::line(&match signed.last {
        Some(last) => format!("signed up to row {last}"),
        None => "no end of it was ever signed".to_owned(),
    })?;
    signed.unknown.iter().try_for_each(|key| {
        let key = printable(key);
        terminal::line(&format!("not checked: signatures of the key {key}, whose .pub is not here"))
    })
}

fn head(store: &Store) -> Result<(), CliError> {
    let newest = store.last_audit_head().map_err(CliError::failed)?;
    let none = || CliError::failed("no end of the audit is signed yet; a server that runs does it");
    terminal::print(&newest.ok_or_else(none)?.envelope)
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
