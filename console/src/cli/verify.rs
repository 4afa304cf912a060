//! `lattice verify`: holds a native program against its module over the same match, call by call.
//! Never asks a server.

use std::{
    fs,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use lattice_policies::Policy;
use lattice_surface::InputLog;
use lattice_twin::{Compared, MadeUp, compare};
use tempfile::TempDir;

use super::{
    CliError, scan, terminal,
    verify_match::{Transcript, logged, made_up},
    verify_native::{Native, Played},
    verify_sandbox::Sandbox,
    verify_twice::run_twice,
};

/// Hold a native program against its module, tick by tick.
#[derive(Debug, Args)]
#[command(after_help = "\
Both play the same match: that of an input log, or one with made-up players. On a difference the
first tick, what each of the two said there, and where the bytes differ are shown. A call of the
native program that does not end is a difference too. Exit code: 0 the same, 1 different or failed,
2 bad usage or a file that cannot be read.

Examples:
  lattice build game_sim.cpp --native
  lattice verify --wasm game_sim.wasm --native ./game_sim
  lattice verify --wasm game_sim.wasm --native ./game_sim --players 16 --ticks 5000 --seed 7
  lattice verify --wasm game_sim.wasm --native ./game_sim --inputs match.log
  lattice verify --module game_sim.so --native ./game_sim                       # in a cell
  lattice verify --wasm game_sim.wasm --native ./game_sim --record native.log   # for a game's gate")]
pub(crate) struct Verify {
    /// The module: wasm, or a shared object, which runs in a cell
    #[arg(long, visible_alias = "module", value_name = "FILE")]
    wasm: PathBuf,
    /// The program that `lattice build --native` made of the same source
    #[arg(long, value_name = "PROGRAM")]
    native: PathBuf,
    /// The input log of a match of this module, instead of made-up players
    #[arg(long, value_name = "FILE", conflicts_with_all = ["players", "ticks", "seed", "tick_hz", "config"])]
    inputs: Option<PathBuf>,
    /// Made-up players that are in the match at once
    #[arg(long, value_name = "N", default_value_t = 4)]
    players: u32,
    /// Ticks of a made-up match
    #[arg(long, value_name = "T", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    ticks: u32,
    /// The seed of a made-up match and its players
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Ticks a second of a made-up match
    #[arg(long, value_name = "HZ", default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=240))]
    tick_hz: u16,
    /// The config of a made-up match
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Keep the input log of the made-up match, for a debugger: `PROGRAM --inputs FILE`
    #[arg(long, value_name = "FILE", conflicts_with = "inputs")]
    write_inputs: Option<PathBuf>,
    /// Keep what the native program played, if the two are the same: `lattice game transcript` sends
    /// it to a game that demands one
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// The policy whose limits count; without it the one that ships with lattice
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A call of the native program that takes longer does not end [default: 30 times the policy's
    /// tick_deadline_ms]
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    patience_ms: Option<u64>,
}

impl Verify {
    fn made_up(&self, policy: &Policy) -> MadeUp {
        let hash_every = policy.matches.hash_every_ticks;
        let &Self { players, ticks, seed, tick_hz, .. } = self;
        MadeUp { players, ticks, seed, tick_hz, hash_every }
    }
}

/// A native program is not the slower one, but a sanitizer or a debugger's build may be.
const PATIENCE: u64 = 30;

pub(crate) fn run(args: &Verify) -> Result<(), CliError> {
    let policy = scan::policy(args.policy.as_deref())?;
    let wasm = fs::read(&args.wasm).map_err(CliError::unreadable(&args.wasm))?;
    let program = args.native.canonicalize().map_err(CliError::unreadable(&args.native))?;
    let folder = TempDir::with_prefix("lattice-verify-").map_err(CliError::failed)?;
    let deadline = u64::from(policy.matches.tick_deadline_ms);
    let patience = args.patience_ms.unwrap_or(PATIENCE * deadline);
    let sandbox = Sandbox::new(wasm.clone(), &policy, folder.path())?;
    let log_path = args.inputs.clone().or(args.write_inputs.clone());
    let log_path = log_path.unwrap_or_else(|| folder.path().join("inputs"));
    let transcript = match &args.inputs {
        Some(path) => logged(&sandbox, path, &policy)?,
        None => made_up(&sandbox, args.made_up(&policy), args.config.as_deref(), &log_path)?,
    };
    twice(&sandbox, &wasm, &log_path)?;
    let native = Native {
        program: &program,
        wasm: &args.wasm,
        log: &log_path,
        policy: args.policy.as_deref(),
        folder: folder.path(),
        patience: Duration::from_millis(patience),
    };
    let played = native.play()?;
    judge(&transcript, &played, &native)?;
    args.record.as_deref().map_or(Ok(()), |to| keep_recording(&played, to))
}

/// Whether the module is the same in two runs, memory and globals included.
fn twice(sandbox: &Sandbox, wasm: &[u8], log: &Path) -> Result<(), CliError> {
    let log = fs::read(log).map_err(CliError::unreadable(log))?;
    let log = InputLog::read(&log).map_err(CliError::failed)?;
    let config = &log.header.config;
    let [one, other] = [sandbox.sim(config.clone())?, sandbox.sim(config.clone())?];
    match run_twice(one, other, &log)? {
        None => Ok(()),
        Some(split) => {
            terminal::line(&split.words(wasm))?;
            Err(CliError::Refused)
        }
    }
}

/// Compares, and says what came of it.
fn judge(wasm: &Transcript, played: &Played, native: &Native<'_>) -> Result<(), CliError> {
    match compare(&wasm.entries, &played.entries) {
        Compared::Same { calls } if played.status.is_some() => {
            let chain = wasm.entries.last().map_or(String::new(), |it| it.transcript.to_string());
            terminal::line(&format!("the same: {calls} calls, transcript {chain}"))?;
            match &wasm.fault {
                Some((tick, kind)) => terminal::line(&fault_words(*tick, kind)),
                None => Ok(()),
            }
        }
        Compared::Same { .. } => {
            let ms = native.patience.as_millis();
            terminal::line(&format!(
                "they differ: the native program did not end within {ms} ms after its last call"
            ))?;
            Err(CliError::Refused)
        }
        Compared::Differs(difference) => {
            terminal::print(&difference.to_string())?;
            causes(played, native)?.iter().try_for_each(|cause| terminal::line(cause))?;
            Err(CliError::Refused)
        }
    }
}

/// What is known of why a native program differs, beside what the difference itself tells.
fn causes(played: &Played, native: &Native<'_>) -> Result<Vec<String>, CliError> {
    let Some(status) = played.status else { return Ok(vec![stalled_words(played, native)]) };
    let signal = status.signal();
    let signal = signal.map(|it| format!("  the native program was ended by signal {it}"));
    // An address differs from run to run, and so may memory that nobody wrote.
    let is_other = native.play()?.entries != played.entries;
    Ok(signal.into_iter().chain(is_other.then(|| NOT_THE_SAME_TWICE.to_owned())).collect())
}

const NOT_THE_SAME_TWICE: &str = "  hint: the native program is not the same twice: an address, or \
                                  memory that was never written, has come into what it says";

fn stalled_words(played: &Played, native: &Native<'_>) -> String {
    let call = match played.entries.last() {
        None => "init, or a static constructor".to_owned(),
        Some(last) => format!("tick {}", last.tick + 1),
    };
    let ms = native.patience.as_millis();
    format!("  the native program did not come to the end of {call} within {ms} ms, and was ended")
}

/// Keeps a recording that a gate can take: one with its end.
fn keep_recording(played: &Played, to: &Path) -> Result<(), CliError> {
    let recording = played.recording.as_deref().unwrap_or_default();
    let is_whole = InputLog::read(recording).is_ok_and(|log| log.end.is_some());
    if !is_whole {
        return Err(CliError::failed(NO_END));
    }
    fs::write(to, recording).map_err(CliError::unreadable(to))
}

const NO_END: &str = "no recording is kept: the native program did not play to the match's end";

fn fault_words(tick: i64, kind: &str) -> String {
    format!("the match ended at tick {tick} by {kind} in the sandbox, which no native program has")
}
