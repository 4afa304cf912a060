//! The surface table: what a sim may import, what it must and may export, and what a host call
//! costs. The scan, the linker, the header and the docs are checked against it by tests.

use std::fmt;

/// The only import module a sim may name.
pub const IMPORT_MODULE: &str = "env";

/// A scalar that crosses between sim and host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scalar {
    I32,
    I64,
    F64,
}

/// A function type: parameters and at most one result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signature {
    pub params: &'static [Scalar],
    pub result: Option<Scalar>,
}

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            I32 => "i32",
            I64 => "i64",
            F64 => "f64",
        })
    }
}

/// `(i32, i64) -> i32`, and `() -> ()` for nothing in and nothing out.
impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let params: Vec<String> = self.params.iter().map(Scalar::to_string).collect();
        write!(f, "({}) -> ", params.join(", "))?;
        match self.result {
            Some(result) => result.fmt(f),
            None => f.write_str("()"),
        }
    }
}

/// What a call is charged before it acts, in fuel: `fixed + per_byte * bytes + per_player * players`.
///
/// `bytes` is what the call moves, counted up to the limit above which it is refused or cut: a
/// length that no call would move is not paid for. `players` are those in the match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    pub fixed: u64,
    pub per_byte: u64,
    pub per_player: u64,
}

/// One `lattice_ms_*` import.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostFunction {
    pub name: &'static str,
    pub signature: Signature,
    pub price: Price,
    pub doc: &'static str,
}

/// One export that the host looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Export {
    pub name: &'static str,
    pub signature: Signature,
    pub required: bool,
    pub doc: &'static str,
}

use Scalar::{F64, I32, I64};

const fn function(
    name: &'static str,
    params: &'static [Scalar],
    result: Option<Scalar>,
    price: Price,
    doc: &'static str,
) -> HostFunction {
    let signature = Signature { params, result };
    HostFunction { name, signature, price, doc }
}

const fn export(
    name: &'static str,
    params: &'static [Scalar],
    result: Option<Scalar>,
    required: bool,
    doc: &'static str,
) -> Export {
    Export { name, signature: Signature { params, result }, required, doc }
}

/// A call that moves no bytes.
const SCALAR: Price = Price { fixed: 50, per_byte: 0, per_player: 0 };
/// A call that copies bytes out of or into the sim.
const COPY: Price = Price { fixed: 100, per_byte: 1, per_player: 0 };
/// A message that is handed to each player's queue.
const TO_ALL: Price = Price { per_player: 200, ..COPY };
/// A call that leaves work for later, outside the tick.
const FETCH: Price = Price { fixed: 1_000, ..COPY };

pub const LOG: HostFunction = function(
    "lattice_ms_log",
    &[I32, I32, I32],
    None,
    COPY,
    "Writes a line to the match's log: level 0 trace, 1 debug, 2 info, 3 warn, 4 error.",
);
pub const EVENT_PEEK: HostFunction = function(
    "lattice_ms_event_peek",
    &[],
    Some(I32),
    SCALAR,
    "The size in bytes of the next event, its 24-byte header included; 0 if there is none.",
);
pub const EVENT_NEXT: HostFunction = function(
    "lattice_ms_event_next",
    &[I32, I32],
    Some(I32),
    COPY,
    "Copies the next event into (ptr, cap) and removes it; its size, 0 for none, or TOO_SMALL.",
);
pub const SEND: HostFunction = function(
    "lattice_ms_send",
    &[I32, I32, I32, I32],
    Some(I32),
    COPY,
    "Queues (ptr, len) for a player; flags bit 0: may be dropped when the next one replaces it.",
);
pub const BROADCAST: HostFunction = function(
    "lattice_ms_broadcast",
    &[I32, I32, I32],
    Some(I32),
    TO_ALL,
    "Queues (ptr, len) for every player of the match; flags as for a send.",
);
pub const KICK: HostFunction = function(
    "lattice_ms_kick",
    &[I32, I32],
    Some(I32),
    SCALAR,
    "Removes a player at the tick's end; the leave with the reason is the next tick's first event.",
);
pub const HTTP_REQUEST: HostFunction = function(
    "lattice_ms_http_request",
    &[I32, I32, I32, I32, I32, I32, I32],
    Some(I32),
    FETCH,
    "Asks for a web fetch; a request id above 0, or a code at once. The response is an event.",
);
pub const CONFIG: HostFunction = function(
    "lattice_ms_config",
    &[I32, I32],
    Some(I32),
    COPY,
    "The size of the match's config blob, of which at most cap bytes are copied to ptr.",
);
pub const RESULT: HostFunction = function(
    "lattice_ms_result",
    &[I32, I32],
    Some(I32),
    COPY,
    "Sets the match's result blob; the last one counts.",
);
pub const GAUGE: HostFunction = function(
    "lattice_ms_gauge",
    &[I32, I32, F64],
    Some(I32),
    COPY,
    "Sets a named figure that the developer sees live.",
);
pub const STATE_WRITE: HostFunction = function(
    "lattice_ms_state_write",
    &[I32, I32],
    Some(I32),
    COPY,
    "Appends (ptr, len) to the saved state; inside lattice_sim_save only.",
);
pub const STATE_READ: HostFunction = function(
    "lattice_ms_state_read",
    &[I32, I32],
    Some(I32),
    COPY,
    "Reads at most cap bytes of the saved state; 0 at its end; inside lattice_sim_load only.",
);

/// Every host function there is.
pub const HOST_FUNCTIONS: [HostFunction; 12] = [
    LOG,
    EVENT_PEEK,
    EVENT_NEXT,
    SEND,
    BROADCAST,
    KICK,
    HTTP_REQUEST,
    CONFIG,
    RESULT,
    GAUGE,
    STATE_WRITE,
    STATE_READ,
];

/// The name of the memory export.
pub const MEMORY: &str = "memory";
/// The name of the marker whose body must be empty.
pub const MARKER: &str = "lattice_abi_v1";

/// Every function export that the host knows; `memory` stands beside them.
pub const EXPORTS: [Export; 8] = [
    export(MARKER, &[], None, true, "Says which surface the sim was written for; never called."),
    export(
        "lattice_sim_init",
        &[I64, I32],
        Some(I32),
        true,
        "(seed, tick_hz): 0, or a fault code.",
    ),
    export(
        "lattice_sim_tick",
        &[I64],
        Some(I32),
        true,
        "(tick): 1 finished, below 0 a fault, else goes on.",
    ),
    export("_initialize", &[], None, false, "Runs static constructors, once, before init."),
    export("lattice_sim_shutdown", &[], None, false, "Called before a stop that was asked for."),
    export(
        "lattice_sim_hash",
        &[],
        Some(I64),
        false,
        "A digest of the sim's state, equal on every target.",
    ),
    export(
        "lattice_sim_save",
        &[],
        Some(I32),
        false,
        "Writes the state by lattice_ms_state_write.",
    ),
    export("lattice_sim_load", &[], Some(I32), false, "Reads the state by lattice_ms_state_read."),
];

/// The host function of that exact name; neither trimmed nor case-folded.
pub fn find(name: &str) -> Option<&'static HostFunction> {
    HOST_FUNCTIONS.iter().find(|function| function.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_as_it_is_and_not_otherwise() {
        for function in &HOST_FUNCTIONS {
            assert_eq!(find(function.name), Some(function));
        }
        for name in ["", "lattice_ms_", "lattice_ms_log ", "LATTICE_MS_LOG", "lattice_ms_logs"] {
            assert_eq!(find(name), None, "{name:?}");
        }
    }

    #[test]
    fn names_are_distinct_and_of_one_kind() {
        let mut names: Vec<&str> = HOST_FUNCTIONS.iter().map(|function| function.name).collect();
        assert!(names.iter().all(|name| name.starts_with("lattice_ms_")));
        names.extend(EXPORTS.iter().map(|export| export.name));
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn a_signature_is_shown_as_the_surfaces_description_writes_it() {
        assert_eq!(LOG.signature.to_string(), "(i32, i32, i32) -> ()");
        assert_eq!(GAUGE.signature.to_string(), "(i32, i32, f64) -> i32");
        assert_eq!(EVENT_PEEK.signature.to_string(), "() -> i32");
    }
}
