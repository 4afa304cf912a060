//! `lattice egress`: what games may fetch from the web, shown and set on a console.
//! Never decides; `explain` asks the rules, and the console keeps them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use lattice_policies::GameId;
use serde_json::{Map, Value, json};

use super::{
    CliError,
    client::{Answer, Client, Remote},
    explain::{self, Explain},
    terminal::{self, printable, string},
};

/// What games may fetch from the web: nothing, until a super-admin allows it.
#[derive(Debug, Args)]
#[command(after_help = "\
An entry is HOST:PORT, for https, or http://HOST:PORT. What is set replaces the whole: what is left
out is the platform's, and without an entry the game may fetch nothing but what all games may.

Examples:
  lattice egress show g_0123456789abcdef
  lattice egress set g_0123456789abcdef --allow api.example.com:443
  lattice egress set g_0123456789abcdef --allow-private http://127.0.0.1:9000
  lattice egress show g_0123456789abcdef --json > policy.json
  lattice egress set g_0123456789abcdef --file policy.json
  lattice egress set g_0123456789abcdef                        # nothing of its own any more
  lattice egress explain --allow api.example.com:443 GET https://api.example.com/v1/scores")]
pub(crate) struct EgressArgs {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Show what a game may fetch
    Show(Show),
    /// Replace what a game may fetch; it holds at once, in running matches too
    Set(Set),
    Explain(Explain),
}

#[derive(Debug, Args)]
struct Show {
    /// The game's id
    game: GameId,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
struct Set {
    /// The game's id
    game: GameId,
    /// What the game may reach; again for further entries
    #[arg(long, value_name = "ENTRY")]
    allow: Vec<String>,
    /// The same for an entry that may be on the platform's own networks: for development
    #[arg(long, value_name = "ENTRY")]
    allow_private: Vec<String>,
    /// A JSON object with Allow and the game's own limits, as `lattice egress show --json` prints it
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    how: How,
}

#[derive(Debug, Args)]
struct How {
    /// Print the answer as it came
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    remote: Remote,
}

pub(crate) async fn run(args: &EgressArgs) -> Result<(), CliError> {
    match &args.act {
        Act::Show(show) => run_show(show).await,
        Act::Set(set) => run_set(set).await,
        Act::Explain(explain) => explain::run(explain),
    }
}

async fn run_show(show: &Show) -> Result<(), CliError> {
    let client = Client::new(&show.how.remote)?;
    print(&client.get(&path(&show.game)).await?.success()?, &show.how)
}

async fn run_set(set: &Set) -> Result<(), CliError> {
    let policy = policy(set)?;
    let client = Client::new(&set.how.remote)?;
    print(&client.put(&path(&set.game), &policy).await?.success()?, &set.how)
}

fn path(game: &GameId) -> String {
    format!("/games/{game}/egress")
}

/// What the file has, and the entries of the command line behind its own.
fn policy(set: &Set) -> Result<Value, CliError> {
    let mut policy = set.file.as_deref().map_or_else(|| Ok(Map::new()), read)?;
    let named = set.allow.iter().map(|entry| json!(entry));
    let private = |entry| json!({ "Entry": entry, "AllowPrivate": true });
    let named = named.chain(set.allow_private.iter().map(private));
    // If it is no list, the console says so.
    if let Value::Array(allow) = policy.entry("Allow").or_insert_with(|| json!([])) {
        allow.extend(named);
    }
    Ok(policy.into())
}

/// A policy's members, without what an answer tells beside them.
fn read(path: &Path) -> Result<Map<String, Value>, CliError> {
    const TOLD: [&str; 6] =
        ["Game", "Revision", "UpdatedBy", "UpdatedAt", "AllowEveryGame", "Limits"];
    let text = fs::read(path).map_err(CliError::unreadable(path))?;
    let policy = serde_json::from_slice(&text).map_err(|error| {
        CliError::usage(format!("{}: a JSON object is expected: {error}", path.display()))
    });
    let mut policy: Map<String, Value> = policy?;
    policy.retain(|member, _| !TOLD.contains(&member.as_str()));
    Ok(policy)
}

fn print(answer: &Answer, how: &How) -> Result<(), CliError> {
    if how.json {
        return terminal::line(&answer.raw());
    }
    terminal::print(&text(&answer.json()?))
}

/// A game's policy for a person: who set it, each entry, and each limit as it holds.
fn text(found: &Value) -> String {
    let [game, revision] = ["Game", "Revision"].map(|member| string(found, member));
    let mut lines = vec![match string(found, "UpdatedBy") {
        nobody if nobody.is_empty() => format!("{game}  never set"),
        by => format!("{game}  revision {revision}, by {by} at {}", string(found, "UpdatedAt")),
    }];
    let own = entries(found, "Allow", "allow");
    let every = entries(found, "AllowEveryGame", "every game");
    if own.is_empty() && every.is_empty() {
        lines.push("  nothing is allowed".to_owned());
    }
    lines.extend(own.into_iter().chain(every));
    for (limit, value) in found["Limits"].as_object().into_iter().flatten() {
        let mark = if found.get(limit).is_some() { "  the game's own" } else { "" };
        lines.push(format!("  {:<20} {value}{mark}", printable(limit)));
    }
    lines.join("\n") + "\n"
}

fn entries(found: &Value, member: &str, shown: &str) -> Vec<String> {
    let entry = |entry: &Value| match entry {
        Value::String(text) => format!("  {shown:<20} {}", printable(text)),
        table => format!("  {shown:<20} {} (private too)", string(table, "Entry")),
    };
    found[member].as_array().into_iter().flatten().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_shown_with_all_that_is_known_of_it() {
        let found = json!({
            "Game": "g_1", "Revision": 2, "UpdatedBy": "admin", "UpdatedAt": "2026-01-31",
            "Allow": ["a.test:443", {"Entry": "http://127.0.0.1:9", "AllowPrivate": true}],
            "AllowEveryGame": ["b.test:443"], "Burst": 3, "Limits": {"Burst": 3, "Queue": 32},
        });
        let expected = "g_1  revision 2, by admin at 2026-01-31\n  \
            allow                a.test:443\n  \
            allow                http://127.0.0.1:9 (private too)\n  \
            every game           b.test:443\n  \
            Burst                3  the game's own\n  \
            Queue                32\n";
        assert_eq!(text(&found), expected);
        let none = json!({"Game": "g_1", "Revision": 0, "Allow": [], "AllowEveryGame": []});
        assert_eq!(text(&none), "g_1  never set\n  nothing is allowed\n");
    }

    #[test]
    fn what_was_shown_is_what_is_set_with_further_entries() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("policy.json");
        let shown = json!({
            "Game": "g_1", "Revision": 2, "UpdatedBy": "admin", "UpdatedAt": "2026-01-31",
            "Allow": ["a.test:443"], "AllowEveryGame": ["b.test:443"], "Burst": 20,
            "Limits": {"Burst": 20, "Queue": 32},
        });
        fs::write(&file, shown.to_string()).unwrap();
        let remote = Remote { url: String::new(), token: None };
        let set = Set {
            game: "g_0123456789abcdef".parse().unwrap(),
            allow: vec!["c.test:443".into()],
            allow_private: vec!["http://127.0.0.1:9".into()],
            file: Some(file.clone()),
            how: How { json: false, remote },
        };
        let expected = json!({
            "Allow": ["a.test:443", "c.test:443",
                {"Entry": "http://127.0.0.1:9", "AllowPrivate": true}],
            "Burst": 20,
        });
        assert_eq!(policy(&set).unwrap(), expected);
        fs::write(&file, "[]").unwrap();
        assert!(matches!(policy(&set), Err(CliError::Usage(_))));
    }
}
