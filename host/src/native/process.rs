//! A cell as the other end of a ring: its process's ends, read as those of a native call.

use std::{io, time::Instant};

use lattice_cell::{Control, Turn};
use lattice_policies::isolation::Isolation;

use super::{
    driver::Peer,
    enclosure::{Exception, NativeEnd},
};
use crate::cell::{Cell, Gone, Told};

impl Peer for Cell {
    fn isolation(&self) -> &Isolation {
        Cell::isolation(self)
    }

    fn control(&self) -> &Control {
        self.ring().control()
    }

    fn write_inlet(&self, bytes: &[u8]) -> io::Result<()> {
        self.ring().write_inlet(bytes)
    }

    fn read_outlet(&self, bytes: u32, into: &mut Vec<u8>) -> io::Result<()> {
        self.ring().read_outlet(bytes, into)
    }

    fn turn(&mut self, deadline: Instant) -> Result<Turn, NativeEnd> {
        Cell::turn(self, deadline).map_err(end)
    }
}

fn end(gone: Gone) -> NativeEnd {
    match gone {
        Gone::Deadline => NativeEnd::Deadline,
        Gone::Signal { signal: libc::SIGSYS, .. } => NativeEnd::SystemCall,
        Gone::Signal { told: Some(told), .. } | Gone::Exit(_, Some(told)) => {
            NativeEnd::Exception(exception(&told))
        }
        Gone::Signal { signal, told: None } => {
            NativeEnd::Killed(format!("signal {signal} ended the sim's process"))
        }
        Gone::Exit(status, None) => {
            NativeEnd::Killed(format!("the sim's process exited with status {status}"))
        }
        Gone::OutOfTurn => NativeEnd::Ring("it ran outside its turn".into()),
        Gone::NoTurn => NativeEnd::Ring("the ring says that it is a turn that there is not".into()),
        Gone::Host(error) => {
            NativeEnd::Host(format!("the sim's process can't be reached: {error}"))
        }
    }
}

fn exception(told: &Told) -> Exception {
    let Told { signal, code, address, instruction } = *told;
    Exception { signal, code, address, instruction }
}
