//! Faults: why a match ended against its will.

use std::fmt;

use lattice_policies::escape::guest_text;

/// The kinds of fault. Their text forms stand in answers, in the audit and in the docs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The guest did what wasm or the processor forbids: a bad access, a division by zero,
    /// `unreachable`.
    Trap,
    /// The call used up its fuel; of a native sim, host calls alone take any.
    Fuel,
    /// The call stack is exhausted.
    Stack,
    /// The call met the emergency deadline.
    Deadline,
    /// The native sim made a system call.
    SystemCall,
    /// The native sim wrote what no host call of it can have come to.
    Ring,
    /// The native sim's process was ended from elsewhere, or ended itself.
    Killed,
    /// The machine refused memory; caused by the host.
    Memory,
    /// The sim itself declared a fault.
    Sim,
    /// Something failed on the host's side.
    Host,
}

impl FaultKind {
    const ALL: [Self; 10] = [
        Self::Trap,
        Self::Fuel,
        Self::Stack,
        Self::Deadline,
        Self::SystemCall,
        Self::Ring,
        Self::Killed,
        Self::Memory,
        Self::Sim,
        Self::Host,
    ];

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
            FaultKind::SystemCall => "SYSCALL",
            FaultKind::Ring => "RING",
            FaultKind::Killed => "KILLED",
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

impl Frame {
    /// A frame of a function that the guest has named.
    pub(crate) fn named(name: &str, offset: Option<usize>) -> Self {
        Self { function: guest_text(name.as_bytes(), NAME_CHARS), offset }
    }
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
