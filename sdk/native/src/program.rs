//! `main`: plays the match that the command line names, and tells of each call.
#![expect(unsafe_code, reason = "the C start-up code looks for `main` by its name")]

use std::{
    fs::File,
    io::{self, Write},
    ops::ControlFlow,
};

use lattice_surface::{InputLog, Said};
use lattice_twin::{Called, Course, Extent, TranscriptWriter, describe, play, replay};

use crate::{
    arguments::{Arguments, Game},
    native_match::native_match,
    sim::NativeSim,
};

/// The arguments are read from the system's own copy of them.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn main() -> i32 {
    match run(&native_match().arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("the transcript can't be written: {error}");
            2
        }
    }
}

/// Plays, and answers with the exit code.
fn run(arguments: &Arguments) -> io::Result<i32> {
    let mut teller = Teller::to(arguments)?;
    let mut tell = |called: &Called<'_>| teller.tell(called);
    match &arguments.game {
        Game::Logged(log) => warn(&replay(&mut NativeSim, log, &mut tell)),
        Game::MadeUp { match_, .. } => drop(play(&mut NativeSim, *match_, &mut tell)),
    }
    teller.failed.map_or(Ok(teller.code), Err)
}

/// Says where a native program cannot follow the sandbox.
fn warn(extent: &Extent) {
    if let Extent::BeforeFault { tick, kind } = extent {
        eprintln!(
            "stopped before tick {tick}: the match ended there by {kind}, which only the sandbox \
             has"
        );
    }
}

/// Tells of each call, and keeps what is wrong.
struct Teller<'a> {
    output: Output,
    log: Option<&'a InputLog>,
    code: i32,
    failed: Option<io::Error>,
}

enum Output {
    Words(io::Stdout),
    Transcript(TranscriptWriter<File>),
}

impl<'a> Teller<'a> {
    fn to(arguments: &'a Arguments) -> io::Result<Self> {
        let output = match &arguments.transcript {
            Some(path) => Output::Transcript(TranscriptWriter::new(File::create(path)?)?),
            None => Output::Words(io::stdout()),
        };
        let log = match &arguments.game {
            Game::Logged(log) => Some(log),
            Game::MadeUp { .. } => None,
        };
        Ok(Self { output, log, code: 0, failed: None })
    }

    fn tell(&mut self, called: &Called<'_>) -> ControlFlow<()> {
        let written = match &mut self.output {
            Output::Words(to) => write_words(to, called),
            Output::Transcript(to) => to.write(called),
        };
        self.judge(called);
        match written {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    /// Says what is not as it should be, the first time.
    fn judge(&mut self, called: &Called<'_>) {
        let tick = called.tick;
        let logged = self.log.and_then(|log| {
            let at = log.inputs.binary_search_by_key(&tick, |inputs| inputs.tick).ok()?;
            Some(log.inputs[at].transcript)
        });
        if self.code == 0 && logged.is_some_and(|logged| logged != called.transcript) {
            eprintln!("at tick {tick} the transcript is not the logged one");
            self.code = 1;
        }
        if let Course::Faulted(_) = called.course {
            eprintln!("at tick {tick} the sim declared a fault");
            self.code = 1;
        }
    }
}

fn write_words(to: &mut impl Write, called: &Called<'_>) -> io::Result<()> {
    writeln!(to, "tick {} {}", called.tick, called.transcript)?;
    let mut rest = called.said;
    while let Some(said) = Said::take(&mut rest) {
        writeln!(to, "  {}", describe(&said))?;
    }
    Ok(())
}
