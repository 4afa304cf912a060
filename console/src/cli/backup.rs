//! `lattice backup`: copies the database to one file, also while the server runs.
//! Never overwrites a file.

use std::path::PathBuf;

use clap::Args;

use super::{CliError, data::Data, terminal};

/// Copy the database to one file, also while the server runs.
#[derive(Debug, Args)]
#[command(after_help = "\
The copy is the whole state: games, builds with their modules, tokens (as hashes), matches, audit.
Not in it is the key that signs receipts: copy the folder keys along, or a new key is made.
To restore: stop the server, put the copy in an empty data folder as lattice.sqlite, start again.

Examples:
  lattice backup lattice-monday.sqlite
  lattice backup --data /var/lib/lattice /backup/lattice-$(date +%F).sqlite")]
pub(crate) struct BackupArgs {
    /// The file to make; it must not be there yet
    to: PathBuf,
    #[command(flatten)]
    data: Data,
}

pub(crate) fn run(args: &BackupArgs) -> Result<(), CliError> {
    args.data.open()?.backup(&args.to).map_err(CliError::failed)?;
    terminal::line(&format!("written: {}", args.to.display()))
}
