//! The program's command line.

use std::{ffi::OsString, fmt::Display, fs, path::PathBuf, str::FromStr, sync::Arc};

use lattice_policies::policy::MatchLimits;
use lattice_surface::InputLog;
use lattice_twin::MadeUp;

pub(crate) const USAGE: &str = "\
usage: PROGRAM --inputs FILE [--transcript OUT]
       PROGRAM --players N --ticks T --seed S [--tick-hz HZ] [--config FILE] [--transcript OUT]
Plays a match natively: from the log of what came into it, or with made-up players.
Prints each call and what the sim said in it; with --transcript, writes that to OUT instead.
Exit codes: 0 played to the end, or to a fault that only the sandbox has; 1 the sim declared a
fault, or is not what the log recorded; 2 bad usage, or a file that can't be read or written.";

/// Ticks a second of a made-up match.
const TICK_HZ: u16 = 60;

/// What the program was asked to do.
pub(crate) struct Arguments {
    pub(crate) game: Game,
    /// Where the transcript goes; without it, to stdout in words.
    pub(crate) transcript: Option<PathBuf>,
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
}

#[derive(Default)]
struct Words {
    inputs: Option<PathBuf>,
    transcript: Option<PathBuf>,
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
        Ok(Self { transcript: read.transcript.take(), game: read.game()? })
    }
}

impl Words {
    fn set(&mut self, flag: &str, value: OsString) -> Result<(), String> {
        match flag {
            "--inputs" => self.inputs = Some(value.into()),
            "--transcript" => self.transcript = Some(value.into()),
            "--config" => self.config = Some(value.into()),
            "--players" => self.players = Some(number(flag, value)?),
            "--ticks" => self.ticks = Some(number(flag, value)?),
            "--seed" => self.seed = Some(number(flag, value)?),
            "--tick-hz" => self.tick_hz = Some(number(flag, value)?),
            _ => return Err(format!("{flag} is no option")),
        }
        Ok(())
    }

    fn game(self) -> Result<Game, String> {
        let made_up = self.players.zip(self.ticks).zip(self.seed);
        match (self.inputs, made_up) {
            (Some(path), None) => {
                let log = InputLog::read(&read_file(&path)?);
                log.map(Game::Logged).map_err(|error| format!("{}: {error}", path.display()))
            }
            (None, Some(((players, ticks), seed))) => {
                let tick_hz = self.tick_hz.unwrap_or(TICK_HZ);
                let config = self.config.map_or_else(|| Ok(Vec::new()), |path| read_file(&path))?;
                let hash_every = MatchLimits::default().hash_every_ticks;
                let match_ = MadeUp { players, ticks, seed, tick_hz, hash_every };
                Ok(Game::MadeUp { match_, config: config.into() })
            }
            _ => Err("either --inputs is needed, or --players with --ticks and --seed".to_owned()),
        }
    }
}

fn number<T: FromStr<Err: Display>>(flag: &str, value: OsString) -> Result<T, String> {
    let text = value.into_string().map_err(|_| format!("{flag} needs a number"))?;
    text.parse().map_err(|error| format!("{flag} {text}: {error}"))
}

fn read_file(path: &PathBuf) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}
