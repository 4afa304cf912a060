//! `lattice game`: makes and lists games on a console.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{
    CliError,
    client::{Client, Remote, every_item},
    table::table,
    terminal::{self, string},
};

/// Games: a tenant's products, which own builds and matches.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice game new arena
  lattice game list
  GAME=$(lattice game new arena --json | jq -r .Id)")]
pub(crate) struct GameArgs {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Make a game; it belongs to the token's subject
    New {
        /// What people call it: 1 to 100 characters
        name: String,
        /// Print the answer as it came
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        remote: Remote,
    },
    /// List the games that the token may see, oldest first
    List {
        /// Print one JSON object a line
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        remote: Remote,
    },
}

pub(crate) async fn run(args: &GameArgs) -> Result<(), CliError> {
    match &args.act {
        Act::New { name, json, remote } => new(&Client::new(remote)?, name, *json).await,
        Act::List { json, remote } => list(&Client::new(remote)?, *json).await,
    }
}

async fn new(client: &Client, name: &str, raw: bool) -> Result<(), CliError> {
    let answer = client.post("/games", &json!({ "Name": name })).await?.success()?;
    if raw {
        return terminal::line(&answer.raw());
    }
    let game = answer.json()?;
    let [id, owner] = ["Id", "Owner"].map(|member| string(&game, member));
    terminal::line(&format!("{id}  {}  of {owner}", string(&game, "Name")))
}

async fn list(client: &Client, raw: bool) -> Result<(), CliError> {
    let games = every_item(client, "/games").await?;
    if raw {
        return terminal::json_lines(&games);
    }
    let row =
        |game: &Value| ["Id", "Name", "Owner", "CreatedAt"].map(|member| string(game, member));
    let rows: Vec<_> = games.iter().map(row).collect();
    terminal::print(&table(["GAME", "NAME", "OWNER", "MADE"], &rows))
}
