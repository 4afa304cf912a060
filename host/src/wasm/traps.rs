//! Failed calls into a module's instance, read as faults.

use wasmtime::{Trap, WasmBacktrace};

use super::memory_limit::GrowthRefused;
use crate::fault::{Fault, FaultKind, Frame};

/// Reads a failed call. The code stands so much further on than in the module, by whose places the
/// fault's frames are.
pub(super) fn fault(entry: &'static str, error: &wasmtime::Error, code_shift: isize) -> Fault {
    let (kind, detail) = classify(error);
    Fault { frames: frames(error, code_shift), ..Fault::new(kind, entry, detail) }
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

fn frames(error: &wasmtime::Error, code_shift: isize) -> Vec<Frame> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return Vec::new() };
    let frame = |frame: &wasmtime::FrameInfo| {
        let offset = frame.module_offset().map(|at| at.wrapping_add_signed(-code_shift));
        match frame.func_name() {
            Some(name) => Frame::named(name, offset),
            None => Frame { function: format!("function {}", frame.func_index()), offset },
        }
    };
    backtrace.frames().iter().map(frame).collect()
}
