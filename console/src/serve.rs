//! `lattice serve`: one server from its start to a signal. Prints what the operator needs, and
//! minds the signals; everything else is the [`Server`]'s.

use std::{
    env,
    io::{self, IsTerminal, Write},
    process,
};

use lattice_host::NativeTier;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

pub use crate::server::{ServeError, Server};
use crate::{
    config::{ServeSettings, ServerConfig},
    tier,
};

/// Runs the server until SIGTERM or SIGINT, then stops it gracefully; a second signal ends the
/// process at once. Blocks; must not be called inside an async runtime.
///
/// Prints on stdout `native tier: off` or with its barriers, `listening on http://ADDR`, `metrics on http://ADDR/metrics`, and at the
/// first start of a data folder `super-admin token (shown once): lat_...`.
pub fn run(settings: ServeSettings) -> Result<(), ServeError> {
    log(&settings.server);
    let server = Server::start(settings)?;
    let mut signals = {
        let _inside = server.runtime().enter();
        Signals::listen().map_err(ServeError::Signal)?
    };
    if let Some(token) = server.first_token() {
        say(&format!("super-admin token (shown once): {token}"));
    }
    say_tier(server.native_tier());
    say(&format!("listening on http://{}", server.address()));
    say(&format!("metrics on http://{}/metrics", server.admin_address()));
    server.runtime().block_on(signals.next());
    let _ = writeln!(io::stderr(), "stopping; a second signal ends at once");
    server.runtime().spawn(async move {
        signals.next().await;
        process::exit(130);
    });
    server.stop()
}

/// Says a line on stdout. Whoever started the server may have closed it, and the server goes on.
fn say(line: &str) {
    let mut stdout = io::stdout();
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// Says whether native sims are run; loudly, if the policy wants them and they are not.
fn say_tier(tier: &NativeTier) {
    let line = format!("native tier: {}", tier::words(tier));
    match tier {
        NativeTier::Refused(_) => drop(writeln!(io::stderr(), "lattice: {line}")),
        NativeTier::Off | NativeTier::Ready(_) => say(&line),
    }
}

/// Sends what is logged to stderr. Another subscriber that is there already stays.
fn log(config: &ServerConfig) {
    let lines = tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(is_coloured())
        .with_env_filter(EnvFilter::new(&config.log_filter));
    let _ = if config.log_json { lines.json().try_init() } else { lines.try_init() };
}

/// Colours are for a person at a terminal who has not asked for none.
fn is_coloured() -> bool {
    let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stderr().is_terminal() && !refused
}

/// What asks the process to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Must be called inside the async runtime.
    fn listen() -> io::Result<Self> {
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
