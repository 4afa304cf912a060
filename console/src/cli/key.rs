//! `lattice key`: shows and rotates the key that the host signs receipts with, straight in the
//! data folder. Never shows the private key.

use clap::{Args, Subcommand};
use lattice_store::AuditEntry;
use serde_json::json;

use super::{
    CliError,
    data::{Data, operator},
    terminal::{self, Tone, paint},
};
use crate::receipt::{KeyError, KeyFolder};

/// The key that the host signs receipts with.
#[derive(Debug, Args)]
#[command(after_help = "\
The key is made at the server's first start, in the folder keys of its data folder: host.key is the
secret, and a KEYID.pub for each key that ever signed is what receipts are checked with.

Examples:
  lattice key show
  lattice key show --data /var/lib/lattice --pem > host.pub
  lattice key rotate")]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    act: Act,
    #[command(flatten)]
    data: Data,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// List the ids of all keys that signed here; the one that signs now is marked
    Show {
        /// Print the public key that signs now instead, as its KEYID.pub has it
        #[arg(long)]
        pem: bool,
    },
    /// Make a new key, which signs from the server's next start on; the old one is forgotten, and
    /// its KEYID.pub stays
    Rotate,
}

pub(crate) fn run(args: &KeyArgs) -> Result<(), CliError> {
    let folder = KeyFolder::of(args.data.dir());
    match args.act {
        Act::Show { pem: false } => show(&folder),
        Act::Show { pem: true } => {
            terminal::print(&folder.open().map_err(unusable)?.public().pem())
        }
        Act::Rotate => rotate(&args.data, &folder),
    }
}

fn show(folder: &KeyFolder) -> Result<(), CliError> {
    let signs = folder.open().map_err(unusable)?.public().id();
    for key in folder.public_keys().map_err(unusable)? {
        let mark = if key.id() == signs { paint(Tone::Good, "signs") } else { "old".to_owned() };
        terminal::line(&format!("{}  {mark}", key.id()))?;
    }
    Ok(())
}

/// The audit keeps it, as it keeps who made a token.
fn rotate(data: &Data, folder: &KeyFolder) -> Result<(), CliError> {
    let store = data.open()?;
    let old = folder.open().map_err(unusable)?.public().id();
    let new = folder.rotate().map_err(unusable)?.public().id();
    let entry = AuditEntry {
        action: "key.rotate",
        game: None,
        target: &new.to_string(),
        outcome: "ok",
        detail: json!({ "Old": old }),
    };
    store.record(&operator(), &entry).map_err(CliError::failed)?;
    terminal::line(&format!("{new}  signs from the server's next start on\n{old}  is old"))
}

fn unusable(error: KeyError) -> CliError {
    CliError::failed(error)
}
