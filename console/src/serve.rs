//! `lattice serve`: one server from its start to a signal. Prints what the operator needs, and
//! minds the signals; everything else is the [`Server`]'s.

use std::{io, process};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::ServeSettings;
pub use crate::server::{ServeError, Server};

/// Runs the server until SIGTERM or SIGINT, then stops it gracefully; a second signal ends the
/// process at once. Blocks; must not be called inside an async runtime.
///
/// Prints on stdout `listening on http://ADDR`, `metrics on http://ADDR/metrics`, and at the
/// first start of a data folder `super-admin token (shown once): lat_...`.
pub fn run(settings: ServeSettings) -> Result<(), ServeError> {
    let server = Server::start(settings)?;
    let mut signals = server.runtime().block_on(Signals::listen()).map_err(ServeError::Signal)?;
    if let Some(token) = server.first_token() {
        println!("super-admin token (shown once): {token}");
    }
    println!("listening on http://{}", server.address());
    println!("metrics on http://{}/metrics", server.admin_address());
    server.runtime().block_on(signals.next());
    eprintln!("stopping; a second signal ends at once");
    server.runtime().spawn(async move {
        signals.next().await;
        process::exit(130);
    });
    server.stop()
}

/// What asks the process to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    async fn listen() -> io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { terminate, interrupt })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
