//! `main`: plays the match that the command line names, and tells of each call.
#![expect(unsafe_code, reason = "the C start-up code looks for `main` by its name")]

use std::{
    fs::{self, File},
    io::{self, Write},
    ops::ControlFlow,
};

use lattice_surface::{InputLog, LoggedEnd, Said, TickInputs};
use lattice_twin::{Called, Course, Extent, Recording, TranscriptWriter, describe, play, replay};

use crate::{
    arguments::{Arguments, Game, Record},
    native_match::native_match,
    sim::NativeSim,
};

/// The arguments are read from the system's own copy of them.
#[unsafe(no_mangle)]
pub(crate) extern "C" fn main() -> i32 {
    match run(&native_match().arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("what was played can't be written: {error}");
            2
        }
    }
}

/// Plays, and answers with the exit code.
fn run(arguments: &Arguments) -> io::Result<i32> {
    let mut teller = Teller::to(arguments)?;
    let mut tell = |called: &Called<'_>| teller.tell(called);
    match &arguments.game {
        Game::Logged(log) => {
            warn(&replay(&mut NativeSim, log, &mut tell));
            teller.end(&log.inputs, log.end.as_ref())
        }
        Game::MadeUp { match_, .. } => {
            let (inputs, end) = play(&mut NativeSim, *match_, &mut tell);
            teller.end(&inputs, Some(&end))
        }
    }
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
    words: Option<io::Stdout>,
    transcript: Option<TranscriptWriter<File>>,
    recording: Option<(&'a Record, Recording)>,
    log: Option<&'a InputLog>,
    code: i32,
    failed: Option<io::Error>,
}

impl<'a> Teller<'a> {
    fn to(arguments: &'a Arguments) -> io::Result<Self> {
        let to_file = |path| TranscriptWriter::new(File::create(path)?);
        let transcript = arguments.transcript.as_ref().map(to_file).transpose()?;
        let recording = arguments.record.as_ref();
        let recording = recording.map(|it| (it, Recording::new(it.header.clone())));
        let words = (transcript.is_none() && recording.is_none()).then(io::stdout);
        let log = match &arguments.game {
            Game::Logged(log) => Some(log),
            Game::MadeUp { .. } => None,
        };
        Ok(Self { words, transcript, recording, log, code: 0, failed: None })
    }

    fn tell(&mut self, called: &Called<'_>) -> ControlFlow<()> {
        self.judge(called);
        if let Some((_, recording)) = &mut self.recording {
            recording.note(called);
        }
        match self.write(called) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.failed = Some(error);
                ControlFlow::Break(())
            }
        }
    }

    fn write(&mut self, called: &Called<'_>) -> io::Result<()> {
        if let Some(to) = &mut self.words {
            write_words(to, called)?;
        }
        self.transcript.as_mut().map_or(Ok(()), |to| to.write(called))
    }

    /// Writes the recording, whole or not at all; answers the exit code.
    fn end(self, inputs: &[TickInputs], end: Option<&LoggedEnd>) -> io::Result<i32> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if let Some((record, recording)) = self.recording {
            let end = end.filter(|end| recording.ended_as(end));
            fs::write(&record.to, recording.encode(inputs, end))?;
        }
        Ok(self.code)
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
