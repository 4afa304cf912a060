//! `lattice match`: starts, shows and stops matches on a console, and invites players.
//! Never runs one; `lattice dev` does, on one's own machine.

use std::{fs, path::PathBuf};

use base64::{Engine, prelude::BASE64_STANDARD};
use clap::{Args, Subcommand};
use lattice_policies::{GameId, MatchId};
use serde_json::{Map, Value, json};

use super::{
    CliError,
    client::{Answer, Client, Remote, every_item},
    logs::{self, Logs},
    replay::{self, Inputs},
    table::table,
    terminal::{self, Tone, paint, string},
};

/// Matches: running sims with their players.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  lattice match new --game g_0123456789abcdef
  lattice match new --game g_0123456789abcdef --version 1.2.0 --tick-hz 30 --config level.json
  lattice match player m_0123456789abcdef --name Ada       # prints a link that opens the game
  lattice match logs m_0123456789abcdef --follow
  lattice match inputs m_0123456789abcdef -o inputs.log
  lattice match upgrade m_0123456789abcdef --to 1.3.0      # while it is played
  lattice match stop m_0123456789abcdef
  MATCH=$(lattice match new --game $GAME --json | jq -r .Id)")]
pub(crate) struct MatchArgs {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Start a match
    New(New),
    /// List a game's matches, newest first
    List(List),
    /// Show one match with its figures
    Show(One),
    /// Ask the sim to stop, then stop it
    Stop(One),
    /// Take a running match over to another version of its game
    Upgrade(Upgrade),
    /// Make a player: a token for one player of one match, and the link that opens the game
    Player(Player),
    /// Show the log of a match
    Logs(Logs),
    /// Fetch the input log of a match: all that came into it
    Inputs(Inputs),
}

#[derive(Debug, Args)]
struct New {
    /// The game's id
    #[arg(long)]
    game: GameId,
    /// The build; by default the highest schedulable version that is no pre-release
    #[arg(long)]
    version: Option<String>,
    /// Ticks a second, 1 to 240; by default 60
    #[arg(long)]
    tick_hz: Option<u16>,
    /// The seed of everything random in the sim, below 2^64; drawn by default
    #[arg(long)]
    seed: Option<u64>,
    /// A file that the sim reads by lattice_ms_config; at most 64 KiB by default policy
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    show: Show,
}

#[derive(Debug, Args)]
struct List {
    /// The game's id
    #[arg(long)]
    game: GameId,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

#[derive(Debug, Args)]
struct One {
    /// The match's id
    id: MatchId,
    #[command(flatten)]
    show: Show,
}

#[derive(Debug, Args)]
struct Upgrade {
    /// The match's id
    id: MatchId,
    /// The version to go on with
    #[arg(long, value_name = "VERSION")]
    to: String,
    #[command(flatten)]
    show: Show,
}

#[derive(Debug, Args)]
struct Player {
    /// The match's id
    id: MatchId,
    /// What the sim and the other players see
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    show: Show,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    /// Print the answer as it came
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) remote: Remote,
}

pub(crate) async fn run(args: &MatchArgs) -> Result<(), CliError> {
    match &args.act {
        Act::New(new) => run_new(new).await,
        Act::List(list) => run_list(list).await,
        Act::Show(one) => run_show(one).await,
        Act::Stop(one) => run_stop(one).await,
        Act::Upgrade(upgrade) => run_upgrade(upgrade).await,
        Act::Player(player) => run_player(player).await,
        Act::Logs(logs) => logs::run(logs).await,
        Act::Inputs(inputs) => replay::run_inputs(inputs).await,
    }
}

async fn run_new(new: &New) -> Result<(), CliError> {
    let config = new.config.as_ref().map(|path| fs::read(path).map_err(CliError::unreadable(path)));
    let mut wish = Map::new();
    let mut add = |member: &str, value: Option<Value>| {
        value.map(|value| wish.insert(member.to_owned(), value));
    };
    add("Version", new.version.as_deref().map(Value::from));
    add("TickHz", new.tick_hz.map(Value::from));
    // JSON's numbers end at 2^53; a string does not.
    add("Seed", new.seed.map(|seed| seed.to_string().into()));
    add("ConfigBase64", config.transpose()?.map(|bytes| BASE64_STANDARD.encode(bytes).into()));
    let client = Client::new(&new.show.remote)?;
    let answer = client.post(&format!("/games/{}/matches", new.game), &wish.into()).await?;
    show_match(&answer.success()?, &new.show)
}

/// Prints the answer that is a match.
pub(super) fn show_match(answer: &Answer, how: &Show) -> Result<(), CliError> {
    show(answer, how, one_match)
}

async fn run_list(list: &List) -> Result<(), CliError> {
    let client = Client::new(&list.remote)?;
    let matches = every_item(&client, &format!("/games/{}/matches", list.game)).await?;
    if list.json {
        return terminal::json_lines(&matches);
    }
    let members = ["Id", "Version", "Packaging", "State", "TickHz", "Tick", "Players", "CreatedAt"];
    let rows: Vec<_> =
        matches.iter().map(|one| members.map(|member| string(one, member))).collect();
    let heads = ["MATCH", "VERSION", "PACKAGING", "STATE", "HZ", "TICKS", "PLAYERS", "STARTED"];
    terminal::print(&table(heads, &rows))
}

async fn run_show(one: &One) -> Result<(), CliError> {
    let client = Client::new(&one.show.remote)?;
    let answer = client.get(&format!("/matches/{}", one.id)).await?;
    show_match(&answer.success()?, &one.show)
}

async fn run_stop(one: &One) -> Result<(), CliError> {
    let client = Client::new(&one.show.remote)?;
    let answer = client.delete(&format!("/matches/{}", one.id)).await?;
    show_match(&answer.success()?, &one.show)
}

async fn run_upgrade(upgrade: &Upgrade) -> Result<(), CliError> {
    let client = Client::new(&upgrade.show.remote)?;
    let path = format!("/matches/{}/upgrade", upgrade.id);
    let answer = client.post(&path, &json!({ "Version": upgrade.to })).await?;
    show(&answer.success()?, &upgrade.show, one_match)
}

async fn run_player(player: &Player) -> Result<(), CliError> {
    let client = Client::new(&player.show.remote)?;
    let wish = player.name.as_ref().map_or_else(|| json!({}), |name| json!({ "Name": name }));
    let answer = client.post(&format!("/matches/{}/players", player.id), &wish).await?;
    show(&answer.success()?, &player.show, |made| {
        let [number, url] = ["Player", "Url"].map(|member| string(made, member));
        format!(
            "player {number}; the link is for one person, and works only for this match\n{url}\n"
        )
    })
}

fn show(answer: &Answer, show: &Show, text: impl Fn(&Value) -> String) -> Result<(), CliError> {
    if show.json {
        return terminal::line(&answer.raw());
    }
    terminal::print(&text(&answer.json()?))
}

/// A match for a person: every member that its answer has, one a line.
fn one_match(found: &Value) -> String {
    let mut lines = vec![format!("{}  {}", string(found, "Id"), state(found))];
    for (member, value) in found.as_object().into_iter().flatten() {
        let is_head = matches!(member.as_str(), "Id" | "State");
        let is_empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
        if !is_head && !is_empty {
            lines.push(format!("  {:<24} {}", terminal::printable(member), string(found, member)));
        }
    }
    lines.join("\n") + "\n"
}

fn state(found: &Value) -> String {
    let state = string(found, "State");
    let tone = match state.as_str() {
        "faulted" | "lost" => Tone::Bad,
        _ => Tone::Good,
    };
    paint(tone, &state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_is_shown_with_all_that_is_known_of_it() {
        let found = json!({
            "Id": "m_1", "State": "faulted", "Tick": 7, "Gauges": {},
            "Fault": {"Kind": "TRAP", "Tick": 7},
        });
        let text = one_match(&found);
        assert!(text.starts_with("m_1  faulted\n"), "{text}");
        assert!(text.contains("Fault                    {\"Kind\":\"TRAP\",\"Tick\":7}"), "{text}");
        assert!(!text.contains("Gauges"), "{text}");
    }
}
