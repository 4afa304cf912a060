//! `lattice dev`: one sim at one's desk, without an account. Builds it, runs it in a console of its
//! own on loopback, serves its page, and starts over at each change of the source.
//!
//! Owns the round of build, match and wait. Never leaves anything: the data folder is temporary,
//! and the console ends with the command.

mod build;
mod headers;
mod live;
mod session;
mod watch;

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use clap::Args;
use lattice_policies::Policy;
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

use super::{
    CliError,
    client::{Client, Remote},
    runtime,
    terminal::{Tone, line, paint},
};
use crate::{
    config::{OnStop, ServeSettings, ServerConfig},
    serve::Server,
};
use build::Source;
pub(super) use headers::headers_above;
use live::{Ended, Live};
use session::Session;
use watch::Watch;

/// Run one sim at your desk: build it, play it, and again at each change.
#[derive(Debug, Args)]
#[command(after_help = "\
C and C++ are built as `lattice build` does, by a command that is shown, to wasm; a .wasm file is taken as
it is, and so is a native .so, for which the native tier is turned on, if this machine can have it.
The headers are those of LATTICE_INCLUDE, of an include/ folder above the source, or the built-in ones.
A page/ folder beside the source is served as the game's page. Every file stays as it is: data and
modules go to a temporary folder, which Ctrl-C removes.

Examples:
  lattice dev examples/hello/hello.c
  lattice dev game_sim.cpp --players 2 --tick-hz 30
  lattice dev game_sim.cpp --page web/dist --port 8080
  lattice dev build/game_sim.wasm --seed 7        # something else builds it
  lattice dev build/game_sim.so                   # natively")]
pub(crate) struct Dev {
    /// The sim: a .c, .cc, .cpp or .cxx file, or a .wasm or .so module
    file: PathBuf,
    /// The page's folder [default: page/ beside the file, else a small built-in page]
    #[arg(long, value_name = "DIR")]
    page: Option<PathBuf>,
    /// The port on 127.0.0.1; 0 for any free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Ticks a second, 1 to 240 [default: 60]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=240))]
    tick_hz: Option<u16>,
    /// The seed of everything random in the sim; the same at each restart
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Players, each with a link
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    players: u32,
    /// Do not start over when a file changes; end when the match ends
    #[arg(long)]
    no_watch: bool,
}

pub(crate) fn run(args: &Dev) -> Result<(), CliError> {
    let file = fs::canonicalize(&args.file).map_err(CliError::unreadable(&args.file))?;
    let runtime = runtime()?;
    // Before there is anything to remove.
    let interrupts = runtime.block_on(async { Interrupts::new() }).map_err(CliError::failed)?;
    let folder = TempDir::with_prefix("lattice-dev-").map_err(CliError::failed)?;
    let source = source(file, folder.path())?;
    let server = Server::start(settings(args.port, folder.path(), source.is_native())?)?;
    let played = runtime.block_on(play(args, &source, folder.path(), &server, interrupts));
    let stopped = server.stop();
    played.and(stopped.map_err(CliError::from))
}

fn source(file: PathBuf, folder: &Path) -> Result<Source, CliError> {
    if Source::is_code(&file) {
        let include = headers::include_folder(&file, &folder.join("include"))?;
        return Ok(Source::Code { file, include, module: folder.join("game_sim.wasm") });
    }
    if file.extension().is_some_and(|kind| kind == "wasm" || kind == "so") {
        return Ok(Source::Module(file));
    }
    let message = format!("{} is neither C nor C++ nor a .wasm or .so module", file.display());
    Err(CliError::Usage(message))
}

fn settings(port: u16, folder: &Path, native: bool) -> Result<ServeSettings, CliError> {
    const A_DAY_S: u64 = 86_400;
    let pages_dir = folder.join("pages");
    fs::create_dir(&pages_dir).map_err(CliError::unreadable(&pages_dir))?;
    let server = ServerConfig {
        listen: SocketAddr::from(([127, 0, 0, 1], port)),
        admin_listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        data_dir: folder.join("data"),
        pages_dir,
        player_token_ttl_s: A_DAY_S,
        // The folder is temporary, and who writes a sim wants to see it stop.
        on_stop: OnStop::End,
        ..ServerConfig::default()
    };
    let mut policy = Policy::default();
    policy.native.enabled = native;
    Ok(ServeSettings { server, policy })
}

async fn play(
    args: &Dev,
    source: &Source,
    folder: &Path,
    server: &Server,
    mut interrupts: Interrupts,
) -> Result<(), CliError> {
    let url = format!("http://{}", server.address());
    let token = server.first_token().map(str::to_owned);
    let session = Session::open(Client::new(&Remote { url, token })?, args, source).await?;
    if let Some(page) = page(args, source)? {
        let link = folder.join("pages").join(session.game().as_str());
        std::os::unix::fs::symlink(page, &link).map_err(CliError::unreadable(&link))?;
    }
    tokio::select! {
        () = interrupts.any() => Ok(()),
        over = rounds(session, args, source) => over,
    }
}

/// The page's folder: the one that was named, else the one beside the source, if there is one.
fn page(args: &Dev, source: &Source) -> Result<Option<PathBuf>, CliError> {
    match &args.page {
        Some(page) => fs::canonicalize(page).map(Some).map_err(CliError::unreadable(page)),
        None => Ok(Some(source.file().with_file_name("page")).filter(|page| page.is_dir())),
    }
}

/// Build, match, wait, for ever. A build that fails leaves the old match running.
async fn rounds(mut session: Session, args: &Dev, source: &Source) -> Result<(), CliError> {
    let mut watch = Watch::beside(source.file());
    let mut playing: Option<Live> = None;
    loop {
        match session.next_match(source).await {
            Ok(live) => {
                if let Some(old) = playing.replace(live) {
                    session.stop(old).await?;
                }
            }
            Err(error) if args.no_watch => return Err(error),
            Err(error) => say_failed(&error, playing.as_ref())?,
        }
        tokio::select! {
            over = show(&mut playing, args.no_watch) => return over,
            () = watch.changed(), if !args.no_watch => line("")?,
        }
    }
}

/// Shows the match. Comes back on an error, or when it has ended and no change is waited for.
async fn show(playing: &mut Option<Live>, is_last: bool) -> Result<(), CliError> {
    let Some(live) = playing else { return std::future::pending().await };
    match live.run().await? {
        _ if !is_last => std::future::pending().await,
        Ended::AsItShould => Ok(()),
        Ended::Faulted(kind) => {
            Err(CliError::failed(format!("the match ended by a fault: {kind}")))
        }
    }
}

fn say_failed(error: &CliError, old: Option<&Live>) -> Result<(), CliError> {
    if !error.is_told() {
        line(&paint(Tone::Bad, &error.to_string()))?;
    }
    let goes_on = old.is_some_and(|live| !live.has_ended());
    let meanwhile = if goes_on { "the match before goes on; " } else { "" };
    line(&format!("{meanwhile}waiting for a change"))
}

/// What ends the command: Ctrl-C, SIGTERM, or a closed terminal.
struct Interrupts([tokio::signal::unix::Signal; 3]);

impl Interrupts {
    fn new() -> io::Result<Self> {
        let [interrupt, terminate, hangup] =
            [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        Ok(Self([signal(interrupt)?, signal(terminate)?, signal(hangup)?]))
    }

    async fn any(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
