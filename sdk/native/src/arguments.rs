//! The program's command line.

use std::{
    ffi::OsString,
    fmt::Display,
    fs,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use lattice_policies::{Policy, Sha256};
use lattice_surface::{InputLog, MatchHeader};
use lattice_twin::{MadeUp, check_playable};

pub(crate) const USAGE: &str = "\
usage: PROGRAM --inputs FILE [WHAT COMES OUT]
       PROGRAM --players N --ticks T --seed S [--tick-hz HZ] [--config FILE] [WHAT COMES OUT]
Plays a match natively: from the log of what came into it, or with made-up players.
What comes out, instead of each call and what the sim said in it, in words:
  --transcript OUT            the same for programs
  --record OUT --wasm FILE    the match as it was played here, as an input log of that module, which
                              a console can hold against it
--policy FILE has the limits of a match; without it they are those that ship with lattice.
Exit codes: 0 played to the end, or to a fault that only the sandbox has; 1 the sim declared a
fault, or is not what the log recorded; 2 bad usage, or a file that can't be read or written.";

/// Ticks a second of a made-up match.
const TICK_HZ: u16 = 60;

/// What the program was asked to do.
pub(crate) struct Arguments {
    pub(crate) game: Game,
    pub(crate) policy: Policy,
    /// Where the transcript goes.
    pub(crate) transcript: Option<PathBuf>,
    pub(crate) record: Option<Record>,
}

/// A recording to be made.
pub(crate) struct Record {
    pub(crate) to: PathBuf,
    /// What the recording's header says of the match.
    pub(crate) header: MatchHeader,
}

/// The match to play.
pub(crate) enum Game {
    Logged(InputLog),
    MadeUp { match_: MadeUp, config: Arc<[u8]> },
}

impl Game {
    pub(crate) fn config(&self) -> Arc<[u8]> {
        match self {
            Game::Logged(log) => Arc::clone(&log.header.config),
            Game::MadeUp { config, .. } => Arc::clone(config),
        }
    }

    /// The header of a log of this match, played natively: there is no engine, so its fingerprint
    /// is the policy's alone.
    fn header(&self, module: Sha256, policy: &Policy) -> Result<MatchHeader, String> {
        let fingerprint = policy.fingerprint();
        match self {
            Game::Logged(log) if log.header.module != module => Err(format!(
                "--wasm is the module {module}, and the log is of {}",
                log.header.module
            )),
            Game::Logged(log) => Ok(MatchHeader { fingerprint, ..log.header.clone() }),
            Game::MadeUp { match_, config } => Ok(MatchHeader {
                module,
                fingerprint,
                tick_hz: match_.tick_hz,
                seed: match_.seed,
                hash_every: match_.hash_every,
                config: Arc::clone(config),
            }),
        }
    }
}

#[derive(Default)]
struct Words {
    inputs: Option<PathBuf>,
    policy: Option<PathBuf>,
    transcript: Option<PathBuf>,
    record: Option<PathBuf>,
    wasm: Option<PathBuf>,
    config: Option<PathBuf>,
    players: Option<u32>,
    ticks: Option<u32>,
    seed: Option<u64>,
    tick_hz: Option<u16>,
}

impl Arguments {
    /// Reads the words and the files that they name. The error says what is wrong.
    pub(crate) fn read(mut words: impl Iterator<Item = OsString>) -> Result<Self, String> {
        let mut read = Words::default();
        while let Some(flag) = words.next() {
            let flag = flag.to_string_lossy().into_owned();
            let value = words.next().ok_or_else(|| format!("{flag} needs a value"))?;
            read.set(&flag, value)?;
        }
        let policy = read.policy.take().map_or_else(|| Ok(Policy::default()), |it| policy(&it))?;
        let game = read.game(policy.matches.hash_every_ticks)?;
        let record = read.record(&game, &policy)?;
        Ok(Self { game, policy, transcript: read.transcript, record })
    }
}

impl Words {
    fn set(&mut self, flag: &str, value: OsString) -> Result<(), String> {
        match flag {
            "--inputs" => self.inputs = Some(value.into()),
            "--policy" => self.policy = Some(value.into()),
            "--transcript" => self.transcript = Some(value.into()),
            "--record" => self.record = Some(value.into()),
            "--wasm" => self.wasm = Some(value.into()),
            "--config" => self.config = Some(value.into()),
            "--players" => self.players = Some(number(flag, value)?),
            "--ticks" => self.ticks = Some(number(flag, value)?),
            "--seed" => self.seed = Some(number(flag, value)?),
            "--tick-hz" => self.tick_hz = Some(number(flag, value)?),
            _ => return Err(format!("{flag} is no option")),
        }
        Ok(())
    }

    fn game(&mut self, hash_every: u32) -> Result<Game, String> {
        let made_up = self.players.zip(self.ticks).zip(self.seed);
        match (self.inputs.take(), made_up) {
            (Some(path), None) => {
                let named = |error: &dyn Display| format!("{}: {error}", path.display());
                let log = InputLog::read(&read_file(&path)?).map_err(|error| named(&error))?;
                check_playable(&log).map_err(|error| named(&error))?;
                Ok(Game::Logged(log))
            }
            (None, Some(((players, ticks), seed))) => {
                let tick_hz = self.tick_hz.unwrap_or(TICK_HZ);
                let config = self.config.take();
                let config = config.map_or_else(|| Ok(Vec::new()), |path| read_file(&path))?;
                let match_ = MadeUp { players, ticks, seed, tick_hz, hash_every };
                Ok(Game::MadeUp { match_, config: config.into() })
            }
            _ => Err("either --inputs is needed, or --players with --ticks and --seed".to_owned()),
        }
    }

    fn record(&mut self, game: &Game, policy: &Policy) -> Result<Option<Record>, String> {
        match (self.record.take(), self.wasm.take()) {
            (None, None) => Ok(None),
            (Some(to), Some(wasm)) => {
                let header = game.header(Sha256::of(&read_file(&wasm)?), policy)?;
                Ok(Some(Record { to, header }))
            }
            _ => Err("--record OUT and --wasm FILE need each other".to_owned()),
        }
    }
}

fn policy(path: &Path) -> Result<Policy, String> {
    let named = |error: &dyn Display| format!("{}: {error}", path.display());
    let text = String::from_utf8(read_file(path)?).map_err(|error| named(&error))?;
    Policy::from_toml(&text).map_err(|error| named(&error))
}

fn number<T: FromStr<Err: Display>>(flag: &str, value: OsString) -> Result<T, String> {
    let text = value.into_string().map_err(|_| format!("{flag} needs a number"))?;
    text.parse().map_err(|error| format!("{flag} {text}: {error}"))
}

fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}
