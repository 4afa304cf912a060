//! Two runs of the module over the same match, for `lattice verify`: side by side, and after each
//! call their memories and globals are held against each other. Those of wasm are equal, or the
//! sandbox is broken: nothing else could tell the two apart.

use std::{
    cell::Cell,
    ops::ControlFlow,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
};

use lattice_host::{Image, ImageDifference};
use lattice_policies::{Sha256, admission::Packaging};
use lattice_surface::{InputLog, Surface};
use lattice_twin::{Course, Sim, replay};

use super::{CliError, verify_sandbox::ModuleSim};
use crate::symbols::Symbols;

/// What a run is after a call.
struct After {
    tick: i64,
    course: Course,
    transcript: Sha256,
    /// `None` of a module whose state can't be taken out.
    image: Option<Image>,
}

/// The first call after which two runs are not the same.
pub(super) struct Split {
    tick: i64,
    kind: Kind,
}

enum Kind {
    State(ImageDifference),
    Transcript,
    Course,
}

impl Split {
    /// What it is, in the module's own names.
    pub(super) fn words(&self, module: &[u8]) -> String {
        let what = match &self.kind {
            Kind::State(difference) => state_words(difference, &Symbols::of(module)),
            Kind::Transcript => "what the sim said".to_owned(),
            Kind::Course => "how the call ended".to_owned(),
        };
        let call = if self.tick < 0 { "init".to_owned() } else { format!("tick {}", self.tick) };
        let whose = match Packaging::of(module) {
            Packaging::Wasm => SANDBOXS_FAULT,
            Packaging::Native => PROCESSORS_WORD,
        };
        format!("two runs of the module in the sandbox differ in {call}: {what}\n  {whose}")
    }
}

const SANDBOXS_FAULT: &str = "this is the platform's fault and not the sim's: please report it";
const PROCESSORS_WORD: &str = "native code can ask the processor for what is not the same twice, such as \
    `rdrand` or its number: has the sim instructions of that kind?";

fn state_words(difference: &ImageDifference, symbols: &Symbols) -> String {
    match difference {
        ImageDifference::Size { one, other } => format!("{one} and {other} pages of memory"),
        ImageDifference::Memory(range) => {
            let name = symbols.nearest(range.start).map_or(String::new(), |it| format!(", {it}"));
            format!("memory from {:#x} to {:#x}{name}", range.start, range.end)
        }
        ImageDifference::Global(place) => {
            let (number, name) = symbols.mutable_global(*place);
            format!("the global {number}{}", name.map_or(String::new(), |it| format!(", {it}")))
        }
    }
}

/// Runs the log's match on two instances, up to the first call after which they differ.
pub(super) fn run_twice(
    one: ModuleSim,
    other: ModuleSim,
    log: &InputLog,
) -> Result<Option<Split>, CliError> {
    let (to, from) = sync_channel(1);
    thread::scope(|scope| {
        let first = thread::Builder::new().spawn_scoped(scope, || show(one, log, to));
        first.map_err(CliError::failed)?;
        Ok(hold_against(other, log, from))
    })
}

/// Runs the first, and shows what it is after each call for as long as anybody looks. Lets go of
/// its end of the channel when it is done, or the second would wait for ever.
fn show(sim: ModuleSim, log: &InputLog, to: SyncSender<After>) {
    run(sim, log, move |after| to.send(after).is_ok());
}

/// Runs the second against what the first one shows, and lets go of the channel likewise.
fn hold_against(sim: ModuleSim, log: &InputLog, from: Receiver<After>) -> Option<Split> {
    let mut split = None;
    run(sim, log, |after| {
        let tick = after.tick;
        let kind = match from.recv() {
            Ok(first) => difference(&first, &after),
            Err(_) => Some(Kind::Course),
        };
        split = kind.map(|kind| Split { tick, kind });
        split.is_none()
    });
    drop(from);
    split
}

fn difference(one: &After, other: &After) -> Option<Kind> {
    if one.transcript != other.transcript {
        return Some(Kind::Transcript);
    }
    if (one.tick, &one.course) != (other.tick, &other.course) {
        return Some(Kind::Course);
    }
    let images = one.image.as_ref().zip(other.image.as_ref());
    images.and_then(|(one, other)| one.first_difference(other)).map(Kind::State)
}

/// Runs a match for as long as `after` says so.
fn run(sim: ModuleSim, log: &InputLog, after: impl FnMut(After) -> bool) {
    let goes_on = Cell::new(true);
    let mut watched = Watched { sim, after, goes_on: &goes_on };
    replay(&mut watched, log, &mut |_| {
        if goes_on.get() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
}

/// A sim of which is told after each call.
struct Watched<'a, F> {
    sim: ModuleSim,
    after: F,
    goes_on: &'a Cell<bool>,
}

impl<F: FnMut(After) -> bool> Watched<'_, F> {
    fn called(&mut self, tick: i64, course: Course) -> Course {
        let transcript = self.sim.surface(|surface| surface.transcript());
        let image = self.sim.image();
        let after = After { tick, course: course.clone(), transcript, image };
        self.goes_on.set((self.after)(after));
        course
    }
}

impl<F: FnMut(After) -> bool> Sim for Watched<'_, F> {
    fn init(&mut self, seed: u64, tick_hz: u16) -> Course {
        let course = self.sim.init(seed, tick_hz);
        self.called(-1, course)
    }

    fn tick(&mut self, tick: i64, hash: bool) -> Course {
        let course = self.sim.tick(tick, hash);
        self.called(tick, course)
    }

    fn shutdown(&mut self) -> Course {
        self.sim.shutdown()
    }

    fn surface<T>(&mut self, look: impl FnOnce(&mut Surface) -> T) -> T {
        self.sim.surface(look)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use lattice_policies::Policy;
    use lattice_surface::{LoggedEnd, LoggedEnding, MatchHeader};

    use super::*;
    use crate::cli::verify_sandbox::Sandbox;

    /// Counts its ticks in memory, and does something else as well in tick 5.
    fn module(in_tick_5: &str) -> Vec<u8> {
        let text = format!(
            r#"(module
                (import "env" "lattice_ms_broadcast" (func $say (param i32 i32 i32) (result i32)))
                (memory (export "memory") 1)
                (global $steps (export "steps") (mut i32) (i32.const 0))
                (global (export "counters") i32 (i32.const 4096))
                (func (export "lattice_abi_v1"))
                (func (export "lattice_sim_init") (param i64 i32) (result i32) i32.const 0)
                (func (export "lattice_sim_tick") (param $tick i64) (result i32)
                    (i64.store (i32.const 4096) (local.get $tick))
                    (if (i64.eq (local.get $tick) (i64.const 5)) (then {in_tick_5}))
                    i32.const 0))"#
        );
        wat::parse_str(text).unwrap()
    }

    /// Where the runs of two modules, which stand for two runs of one, begin to differ.
    fn split(one: &str, other: &str) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let sandboxes = [one, other].map(|in_tick_5| {
            let made = Sandbox::new(module(in_tick_5), &Policy::default(), folder.path());
            made.map_err(CliError::from).unwrap()
        });
        let header = MatchHeader {
            module: sandboxes[0].module(),
            fingerprint: sandboxes[0].fingerprint(),
            tick_hz: 60,
            seed: 1,
            hash_every: 0,
            config: Arc::from([]),
        };
        let transcript = Sha256::of(b"not looked at");
        let end = Some(LoggedEnd { ticks: 9, ending: LoggedEnding::ShutDown, transcript });
        let log = InputLog { header, segments: Vec::new(), inputs: Vec::new(), end };
        let [one, other] = sandboxes.each_ref().map(|it| it.sim(Arc::from([])).unwrap());
        let split = run_twice(one, other, &log).unwrap();
        split.map(|split| split.words(&module("")))
    }

    const WRITES: &str = "(i32.store8 (i32.const 4104) (i32.const 7))";

    #[test]
    fn runs_of_the_same_module_are_the_same() {
        assert_eq!(split("", ""), None);
        assert_eq!(split(WRITES, WRITES), None);
    }

    #[test]
    fn the_first_tick_and_the_place_that_differ_are_named() {
        let memory = split("", WRITES).unwrap();
        assert!(
            memory.contains("in tick 5: memory from 0x1008 to 0x1009, counters+0x8"),
            "{memory}"
        );
        let global = split("(global.set $steps (i32.const 1))", "").unwrap();
        assert!(global.contains("in tick 5: the global 0, steps"), "{global}");
        let size = split("(drop (memory.grow (i32.const 1)))", "").unwrap();
        assert!(size.contains("in tick 5: 2 and 1 pages of memory"), "{size}");
        let said = "(drop (call $say (i32.const 4096) (i32.const 8) (i32.const 0)))";
        assert!(split(said, "").unwrap().contains("in tick 5: what the sim said"));
        assert!(split("unreachable", "").unwrap().contains("in tick 5: how the call ended"));
        assert!(split("", "unreachable").unwrap().contains("in tick 5: how the call ended"));
    }
}
