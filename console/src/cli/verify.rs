//! `lattice verify`: holds a native program against its module over the same match, call by call.
//! Never asks a server.

use std::{
    fs,
    ops::ControlFlow,
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use clap::Args;
use lattice_policies::{Policy, policy::MatchLimits};
use lattice_surface::{InputLog, MatchHeader, Record};
use lattice_twin::{
    Called, Compared, Course, Entry, Extent, MadeUp, compare, play, read_transcript, replay,
};
use tempfile::TempDir;

use super::{CliError, terminal, verify_sandbox::Sandbox};

/// Hold a native program against its module, tick by tick.
#[derive(Debug, Args)]
#[command(after_help = "\
Both play the same match: that of an input log, or one with made-up players. On a difference the
first tick, what each of the two said there, and where the bytes differ are shown.
The policy is the one that ships with lattice. Exit code: 0 the same, 1 different or failed, 2 bad
usage or a file that cannot be read.

Examples:
  lattice build game_sim.cpp --native
  lattice verify --wasm game_sim.wasm --native ./game_sim
  lattice verify --wasm game_sim.wasm --native ./game_sim --players 16 --ticks 5000 --seed 7
  lattice verify --wasm game_sim.wasm --native ./game_sim --inputs match.log")]
pub(crate) struct Verify {
    /// The module
    #[arg(long, value_name = "FILE")]
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
}

pub(crate) fn run(args: &Verify) -> Result<(), CliError> {
    let wasm = fs::read(&args.wasm).map_err(CliError::unreadable(&args.wasm))?;
    let program = args.native.canonicalize().map_err(CliError::unreadable(&args.native))?;
    let folder = TempDir::with_prefix("lattice-verify-").map_err(CliError::failed)?;
    let sandbox = Sandbox::new(wasm, Policy::default(), folder.path())?;
    let log_path = args.inputs.clone().or(args.write_inputs.clone());
    let log_path = log_path.unwrap_or_else(|| folder.path().join("inputs"));
    let wasm = match &args.inputs {
        Some(path) => logged(&sandbox, path)?,
        None => made_up(&sandbox, args, &log_path)?,
    };
    let native = Native { program: &program, log: &log_path, folder: folder.path() };
    judge(&wasm, &native)
}

/// What the module did.
struct Transcript {
    entries: Vec<Entry>,
    /// The tick and kind of the fault that only the sandbox has, if it ended the match.
    fault: Option<(i64, String)>,
}

/// Plays the module's match of a log again.
fn logged(sandbox: &Sandbox, path: &Path) -> Result<Transcript, CliError> {
    let bytes = fs::read(path).map_err(CliError::unreadable(path))?;
    let named = |error: &str| CliError::failed(format!("{}: {error}", path.display()));
    let log = InputLog::read(&bytes).map_err(|error| named(&error.to_string()))?;
    if log.header.module != sandbox.module() {
        return Err(named(&format!("the log is of the module {}", log.header.module)));
    }
    if log.header.fingerprint != sandbox.fingerprint() {
        return Err(named("the log was written under another engine or policy"));
    }
    let mut entries = Vec::new();
    let mut sim = sandbox.sim(log.header.config.clone())?;
    let extent = replay(&mut sim, &log, &mut |called| keep(&mut entries, called));
    let is_other = log.inputs.iter().find(|inputs| {
        let entry = entries.iter().find(|entry| entry.tick == inputs.tick);
        entry.is_some_and(|entry| entry.transcript != inputs.transcript)
    });
    if let Some(inputs) = is_other {
        let tick = inputs.tick;
        return Err(named(&format!("at tick {tick} the module says other things than in the log")));
    }
    let fault = match extent {
        Extent::BeforeFault { tick, kind } => Some((tick, kind)),
        Extent::Through | Extent::Ended => None,
    };
    Ok(Transcript { entries, fault })
}

/// Plays a match with made-up players, and writes down what came into it.
fn made_up(sandbox: &Sandbox, args: &Verify, to: &Path) -> Result<Transcript, CliError> {
    let config = match &args.config {
        Some(path) => fs::read(path).map_err(CliError::unreadable(path))?,
        None => Vec::new(),
    };
    let header = MatchHeader {
        module: sandbox.module(),
        fingerprint: sandbox.fingerprint(),
        tick_hz: args.tick_hz,
        seed: args.seed,
        hash_every: MatchLimits::default().hash_every_ticks,
        config: config.into(),
    };
    let mut entries = Vec::new();
    let mut sim = sandbox.sim(header.config.clone())?;
    let match_ = MadeUp {
        players: args.players,
        ticks: args.ticks,
        seed: args.seed,
        tick_hz: args.tick_hz,
        hash_every: header.hash_every,
    };
    let (inputs, end) = play(&mut sim, match_, &mut |called| keep(&mut entries, called));
    let mut log = Vec::new();
    Record::Header(header).encode(&mut log);
    for inputs in inputs {
        Record::Inputs(inputs).encode(&mut log);
    }
    Record::End(end).encode(&mut log);
    fs::write(to, log).map_err(CliError::unreadable(to))?;
    let fault = entries.pop_if(|last| sandbox_fault(last).is_some());
    let fault = fault.as_ref().and_then(sandbox_fault);
    Ok(Transcript { entries, fault })
}

fn keep(entries: &mut Vec<Entry>, called: &Called<'_>) -> ControlFlow<()> {
    entries.push(Entry::from(called));
    ControlFlow::Continue(())
}

/// A fault that no native program can have: only the sim's own one comes there too.
fn sandbox_fault(entry: &Entry) -> Option<(i64, String)> {
    match &entry.course {
        Course::Faulted(kind) if kind != "SIM" => Some((entry.tick, kind.clone())),
        _ => None,
    }
}

/// The native program, and the log that it is to play.
struct Native<'a> {
    program: &'a Path,
    log: &'a Path,
    folder: &'a Path,
}

impl Native<'_> {
    /// Plays the match; how the program ended, and what it did until then.
    fn play(&self) -> Result<(Output, Vec<Entry>), CliError> {
        let to = self.folder.join("transcript");
        let mut command = Command::new(self.program);
        command.arg("--inputs").arg(self.log).arg("--transcript").arg(&to);
        let output = command.output().map_err(CliError::unreadable(self.program))?;
        if output.status.code().is_some_and(|code| code > 1) {
            let said = String::from_utf8_lossy(&output.stderr);
            let status = output.status;
            let program = self.program.display();
            return Err(CliError::failed(format!("{program} ({status}): {}", said.trim_end())));
        }
        let program = self.program.display();
        let none = |_| CliError::Failed(format!("{program} {NO_TWIN}"));
        let bytes = fs::read(&to).map_err(none)?;
        let bad = |error| CliError::Failed(format!("{program}'s transcript: {error}"));
        let entries = read_transcript(&bytes).map_err(bad)?;
        Ok((output, entries))
    }
}

/// Compares, and says what came of it.
fn judge(wasm: &Transcript, native: &Native<'_>) -> Result<(), CliError> {
    let (output, entries) = native.play()?;
    match compare(&wasm.entries, &entries) {
        Compared::Same { calls } => {
            let chain = wasm.entries.last().map_or(String::new(), |it| it.transcript.to_string());
            terminal::line(&format!("the same: {calls} calls, transcript {chain}"))?;
            match &wasm.fault {
                Some((tick, kind)) => terminal::line(&fault_words(*tick, kind)),
                None => Ok(()),
            }
        }
        Compared::Differs(difference) => {
            terminal::print(&difference.to_string())?;
            if let Some(signal) = output.status.signal() {
                terminal::line(&format!("  the native program was ended by signal {signal}"))?;
            }
            // An address differs from run to run, and so may memory that nobody wrote.
            if native.play()?.1 != entries {
                terminal::line(NOT_THE_SAME_TWICE)?;
            }
            Err(CliError::Refused)
        }
    }
}

const NO_TWIN: &str = "wrote no transcript: `lattice build --native` makes programs that do";
const NOT_THE_SAME_TWICE: &str = "  hint: the native program is not the same twice: an address, or \
                                  memory that was never written, has come into what it says";

fn fault_words(tick: i64, kind: &str) -> String {
    format!("the match ended at tick {tick} by {kind} in the sandbox, which no native program has")
}
