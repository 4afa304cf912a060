//! Faults: why a match ended against its will.

use std::fmt;

use lattice_policies::escape::guest_text;
use wasmtime::{Trap, WasmBacktrace};

use crate::memory_limit::GrowthRefused;

/// The kinds of fault. Their text forms stand in answers, in the audit and in the docs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The guest did what wasm forbids: a bad access, a division by zero, `unreachable`.
    Trap,
    /// The call used up its fuel.
    Fuel,
    /// The call stack is exhausted.
    Stack,
    /// The call met the emergency deadline.
    Deadline,
    /// The machine refused memory; caused by the host.
    Memory,
    /// The sim itself declared a fault.
    Sim,
    /// Something failed on the host's side.
    Host,
}

impl FaultKind {
    const ALL: [Self; 7] =
        [Self::Trap, Self::Fuel, Self::Stack, Self::Deadline, Self::Memory, Self::Sim, Self::Host];

    /// The kind of that text form.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            FaultKind::Trap => "TRAP",
            FaultKind::Fuel => "FUEL",
            FaultKind::Stack => "STACK",
            FaultKind::Deadline => "DEADLINE",
            FaultKind::Memory => "MEMORY",
            FaultKind::Sim => "SIM",
            FaultKind::Host => "HOST",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One frame of the guest's call stack, innermost first. The name is escaped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub function: String,
    /// Byte offset in the module, for a disassembler.
    pub offset: Option<usize>,
}

/// Why and where a match ended against its will.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    /// The export that ran: `lattice_sim_tick`, `lattice_sim_init`...
    pub entry: &'static str,
    /// The tick that faulted; `None` before tick 0.
    pub tick: Option<i64>,
    pub detail: String,
    pub frames: Vec<Frame>,
}

/// Bytes of a guest's function name that are shown.
const NAME_CHARS: usize = 128;

impl Fault {
    /// A fault without guest frames.
    pub(crate) fn new(kind: FaultKind, entry: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, entry, tick: None, detail: detail.into(), frames: Vec::new() }
    }

    /// Reads a failed call into the guest.
    pub(crate) fn of_call(entry: &'static str, error: &wasmtime::Error) -> Self {
        let (kind, detail) = classify(error);
        Self { frames: frames(error), ..Self::new(kind, entry, detail) }
    }

    /// Frames by their places in the module, from those in code that stands so much further on.
    pub(crate) fn with_frames_moved(mut self, shift: isize) -> Self {
        for offset in self.frames.iter_mut().filter_map(|frame| frame.offset.as_mut()) {
            *offset = offset.wrapping_add_signed(-shift);
        }
        self
    }

    pub(crate) fn at(self, tick: Option<i64>) -> Self {
        Self { tick, ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.kind, self.entry)?;
        if let Some(tick) = self.tick {
            write!(f, " at tick {tick}")?;
        }
        write!(f, ": {}", self.detail)
    }
}

fn classify(error: &wasmtime::Error) -> (FaultKind, String) {
    if let Some(refused) = error.downcast_ref::<GrowthRefused>() {
        return (FaultKind::Memory, refused.to_string());
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => (FaultKind::Fuel, "the call's fuel is used up".into()),
        Some(Trap::StackOverflow) => (FaultKind::Stack, "the call stack is exhausted".into()),
        Some(Trap::Interrupt) => {
            (FaultKind::Deadline, "the call met the emergency deadline".into())
        }
        Some(trap) => {
            let text = trap.to_string();
            (FaultKind::Trap, text.strip_prefix("wasm trap: ").unwrap_or(&text).to_owned())
        }
        None => (FaultKind::Host, error.to_string()),
    }
}

fn frames(error: &wasmtime::Error) -> Vec<Frame> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return Vec::new() };
    let frame = |frame: &wasmtime::FrameInfo| {
        let index = || format!("function {}", frame.func_index());
        let named = |name: &str| guest_text(name.as_bytes(), NAME_CHARS);
        Frame {
            function: frame.func_name().map_or_else(index, named),
            offset: frame.module_offset(),
        }
    };
    backtrace.frames().iter().map(frame).collect()
}
