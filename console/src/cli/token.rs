//! `lattice token`: API tokens, straight in the data folder, for when the last one is lost.
//! Never shows a secret a second time: only its hash is kept.

use clap::{Args, Subcommand};
use jiff::{SignedDuration, Timestamp};
use lattice_policies::{TokenId, roles::Role};
use lattice_store::{NewToken, Store, Token};

use super::{
    CliError,
    data::{Data, operator},
    table::table,
    terminal::{self, printable},
};
use crate::secrets::{Secret, token_id};

/// API tokens, straight in the data folder: also offline, and for a lost token.
#[derive(Debug, Args)]
#[command(after_help = "\
A token stands for a subject: a game belongs to the subject that made it, so a new token for the
same subject owns the same games.

Examples:
  lattice token create --subject admin --role super-admin
  lattice token create --subject studio --role developer --expires-in 30d
  lattice token list --data /var/lib/lattice
  lattice token delete t_0123456789abcdef")]
pub(crate) struct TokenArgs {
    #[command(subcommand)]
    act: Act,
    #[command(flatten)]
    data: Data,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Make a token and print it, once, on stdout
    Create(Create),
    /// List all tokens; their secrets are not kept
    List,
    /// Delete a token; it works no more from then on
    Delete {
        /// The token's id, as `lattice token list` shows it
        id: TokenId,
    },
}

#[derive(Debug, Args)]
struct Create {
    /// Whom the token stands for; a game's owner is a subject
    #[arg(long, value_parser = subject)]
    subject: String,
    /// super-admin (everything), developer (own games) or viewer (reads own games)
    #[arg(long)]
    role: Role,
    /// How long it works, such as 12h or 30d; without it, until it is deleted
    #[arg(long, value_name = "TIME", value_parser = lifetime)]
    expires_in: Option<SignedDuration>,
}

pub(crate) fn run(args: &TokenArgs) -> Result<(), CliError> {
    let store = args.data.open()?;
    match &args.act {
        Act::Create(create) => run_create(&store, create),
        Act::List => run_list(&store),
        Act::Delete { id } => run_delete(&store, id),
    }
}

/// The secret goes to stdout alone, so that `TOKEN=$(lattice token create ...)` takes it.
fn run_create(store: &Store, create: &Create) -> Result<(), CliError> {
    let drawn = Secret::api_token();
    let new = NewToken {
        id: token_id(),
        secret: drawn.sha256(),
        subject: create.subject.clone(),
        role: create.role,
        expires_at: create.expires_in.map(|time| Timestamp::now() + time),
    };
    let token = store.create_token(&operator(), &new).map_err(CliError::failed)?;
    let (id, subject, role) = (&token.id, printable(&token.subject), token.role);
    eprintln!("token {id} for {subject}, {role}; expires: {}; shown once:", expiry(&token));
    terminal::line(drawn.text())
}

fn run_list(store: &Store) -> Result<(), CliError> {
    let tokens = store.tokens().map_err(CliError::failed)?;
    let rows: Vec<_> = tokens
        .iter()
        .map(|token| {
            let made = format!("{:.0}", token.created_at);
            [
                token.id.to_string(),
                printable(&token.subject),
                token.role.to_string(),
                made,
                expiry(token),
            ]
        })
        .collect();
    terminal::print(&table(["TOKEN", "SUBJECT", "ROLE", "MADE", "EXPIRES"], &rows))
}

fn run_delete(store: &Store, id: &TokenId) -> Result<(), CliError> {
    if store.delete_token(&operator(), id).map_err(CliError::failed)? {
        return terminal::line(&format!("{id} is deleted"));
    }
    Err(CliError::failed(format!("there is no token {id}; `lattice token list` shows which are")))
}

fn expiry(token: &Token) -> String {
    token.expires_at.map_or_else(|| "never".to_owned(), |at| format!("{at:.0}"))
}

/// The same subjects as the API takes.
fn subject(text: &str) -> Result<String, String> {
    crate::http::text::subject("Subject", text.to_owned()).map_err(|error| error.to_string())
}

/// A whole number and a unit: s, m, h or d.
fn lifetime(text: &str) -> Result<SignedDuration, String> {
    let wanted = || "write a whole number and a unit, such as 90s, 45m, 12h or 30d".to_owned();
    let unit = text.chars().last().ok_or_else(wanted)?;
    let count: u32 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wanted())?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wanted()),
    };
    match i64::from(count) * seconds {
        seconds @ 1..=3_153_600_000 => Ok(SignedDuration::from_secs(seconds)),
        _ => Err("a lifetime lies between one second and a hundred years".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_has_a_unit_and_bounds() {
        assert_eq!(lifetime("30d").unwrap(), SignedDuration::from_hours(720));
        assert_eq!(lifetime("45m").unwrap(), SignedDuration::from_mins(45));
        for text in ["", "d", "30", "-1d", "1w", "0s", "99999d", "1é"] {
            assert!(lifetime(text).is_err(), "{text}");
        }
    }
}
