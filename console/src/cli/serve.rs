//! `lattice serve`: runs the console. Owns the flags; never what they do.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

use super::CliError;
use crate::{
    config::{ServeFlags, ServeSettings},
    serve,
};

/// Run the console: the API, the matches, the players' sockets and the games' pages.
#[derive(Debug, Args)]
#[command(after_help = "\
The first start makes a super-admin token and prints it, once. SIGTERM or Ctrl-C stops gracefully:
sims are asked to stop, sockets are closed with a code; a second one ends at once.

Flags win over the file; both may leave out anything. The file's keys carry their units:
  [server]
  listen = \"127.0.0.1:3004\"
  data_dir = \"/var/lib/lattice\"
  stop_grace_ms = 10000

Examples:
  lattice serve
  lattice serve --data /var/lib/lattice --policy /etc/lattice/policy.toml
  lattice serve --listen 127.0.0.1:0 --pages ./pages      # any free port
  lattice serve --config /etc/lattice/lattice.toml")]
pub(crate) struct Serve {
    /// The configuration: TOML with a [server] section
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The limits of modules and matches: TOML with [admission], [match], [egress] and [native]
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Where the API, the sockets and the pages are served [default: 127.0.0.1:3004]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Where /metrics is served, apart from the API [default: 127.0.0.1:3005]
    #[arg(long, value_name = "ADDRESS:PORT")]
    admin_listen: Option<SocketAddr>,
    /// The folder that holds the database and the compiled modules [default: ./lattice-data]
    #[arg(long, value_name = "DIR", env = "LATTICE_DATA")]
    data: Option<PathBuf>,
    /// Holds a folder for each game id, with the page that its players get
    #[arg(long, value_name = "DIR")]
    pages: Option<PathBuf>,
}

pub(crate) fn run(args: Serve) -> Result<(), CliError> {
    let Serve { config, policy, listen, admin_listen, data, pages } = args;
    let flags = ServeFlags { config, policy, listen, admin_listen, data, pages };
    Ok(serve::run(ServeSettings::load(flags)?)?)
}
