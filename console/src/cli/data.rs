//! The data folder, opened beside a server that may be running on it.
//! Never decides what is done there; `token`, `key`, `audit` and `backup` do.

use std::path::{Path, PathBuf};

use clap::Args;
use lattice_store::{Actor, Store};

use super::CliError;

/// Which data folder.
#[derive(Debug, Clone, Args)]
pub(crate) struct Data {
    /// The server's data folder; the server may be running
    #[arg(
        long = "data",
        value_name = "DIR",
        env = "LATTICE_DATA",
        default_value = "lattice-data",
        global = true
    )]
    dir: PathBuf,
}

impl Data {
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn open(&self) -> Result<Store, CliError> {
        Store::open_offline(&self.dir).map_err(CliError::failed)
    }
}

/// Who the audit says it was: whoever has the folder, which is as much as can be known.
pub(crate) fn operator() -> Actor {
    Actor { subject: "operator".into(), ..Actor::system() }
}
