//! `lattice game`: makes and lists games on a console, and keeps their gates.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use lattice_policies::GameId;
use serde_json::{Value, json};

use super::{
    CliError,
    client::{Client, Remote, every_item, segment},
    table::table,
    terminal::{self, Tone, paint, string},
    upload::file_body,
};

/// Games: a tenant's products, which own builds and matches.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice game new arena
  lattice game list
  GAME=$(lattice game new arena --json | jq -r .Id)
  lattice game gate g_0123456789abcdef on
  lattice verify --wasm game_sim.wasm --native ./game_sim --record native.log
  lattice game transcript native.log --game g_0123456789abcdef --version 1.0.0")]
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
    /// Demand a native transcript of each build before matches start from it, or no longer
    Gate {
        /// The game's id
        game: GameId,
        demand: Demand,
        #[command(flatten)]
        remote: Remote,
    },
    /// Send what a build's native program played, for the console to hold against the build
    Transcript {
        /// A recording, as `lattice verify --record` makes it
        file: PathBuf,
        /// The game's id
        #[arg(long)]
        game: GameId,
        /// The build's version
        #[arg(long)]
        version: String,
        /// Print the answer as it came
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        remote: Remote,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Demand {
    On,
    Off,
}

pub(crate) async fn run(args: &GameArgs) -> Result<(), CliError> {
    match &args.act {
        Act::New { name, json, remote } => new(&Client::new(remote)?, name, *json).await,
        Act::List { json, remote } => list(&Client::new(remote)?, *json).await,
        Act::Gate { game, demand, remote } => gate(&Client::new(remote)?, game, *demand).await,
        Act::Transcript { file, game, version, json, remote } => {
            let body = file_body(file)?;
            let path = format!("/games/{game}/modules/{}/transcript", segment(version));
            let client = Client::new(remote)?;
            let answer =
                client.put_bytes(&path, "application/octet-stream", body).await?.success()?;
            if *json { terminal::line(&answer.raw()) } else { verified(&answer.json()?) }
        }
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
    let row = |game: &Value| {
        let [id, name, owner, made] =
            ["Id", "Name", "Owner", "CreatedAt"].map(|member| string(game, member));
        [id, name, owner, made, demanded(game).to_owned()]
    };
    let rows: Vec<_> = games.iter().map(row).collect();
    terminal::print(&table(["GAME", "NAME", "OWNER", "MADE", "GATE"], &rows))
}

async fn gate(client: &Client, game: &GameId, demand: Demand) -> Result<(), CliError> {
    let wish = json!({ "NativeTranscript": demand == Demand::On });
    let answer = client.put(&format!("/games/{game}/gate"), &wish).await?.success()?;
    let gate = match demanded(&answer.json()?) {
        "" => "its builds start matches as they are",
        _ => "its builds start matches once they were held against a native transcript",
    };
    terminal::line(&format!("{game}  {gate}"))
}

/// What a game's gate demands of a build, if anything.
fn demanded(game: &Value) -> &'static str {
    if game["NativeTranscript"] == true { "native transcript" } else { "" }
}

fn verified(build: &Value) -> Result<(), CliError> {
    let same = paint(Tone::Good, "the same as natively");
    let state = if build["Schedulable"] == true { "schedulable" } else { "not schedulable" };
    terminal::line(&format!("{}  {same}, {state}", string(build, "Version")))
}
