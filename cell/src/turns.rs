//! The ring as the cell sees it: mapped for good, and the turns that go to and fro over it. Once the
//! filter stands, nothing here allocates.
#![expect(unsafe_code, reason = "the ring is memory that two processes share")]

use std::{
    os::fd::BorrowedFd,
    ptr, slice,
    sync::atomic::{
        Ordering::{Acquire, Relaxed, Release, SeqCst},
        fence,
    },
};

use lattice_cell::{Control, INLET, RING_FD, Request, Setup, Turn};
use rustix::{
    fs::{SealFlags, fcntl_get_seals, fstat},
    mm::{MapFlags, ProtFlags, mmap},
};

use crate::system;

/// The ring's parts, which stay mapped until the process ends.
pub(crate) struct Ring {
    pub(crate) control: &'static Control,
    rest: *mut u8,
    rest_len: usize,
    inlet: usize,
    outlet: usize,
    spins: bool,
    /// `to_cell` as of the turn that runs.
    seen: u32,
}

impl Ring {
    /// The ring that the host has put at [`RING_FD`]; `None` if there is none: nobody who means to
    /// start a cell leaves it out.
    pub(crate) fn inherited() -> Option<Self> {
        // SAFETY: if there is no such descriptor, then the first call on it says so.
        let fd = unsafe { BorrowedFd::borrow_raw(RING_FD) };
        let sealed = SealFlags::SHRINK | SealFlags::GROW;
        let len = usize::try_from(fstat(fd).ok()?.st_size).ok()?;
        let rest_len = len.checked_sub(INLET as usize)?;
        if !fcntl_get_seals(fd).ok()?.contains(sealed) {
            return None;
        }
        let rights = ProtFlags::READ | ProtFlags::WRITE;
        // SAFETY: the kernel chooses the place, and nothing unmaps it.
        let begin = unsafe { mmap(ptr::null_mut(), len, rights, MapFlags::SHARED, fd, 0) }.ok()?;
        // SAFETY: the mapping is of a page at least, and a control is atomics only.
        let control = unsafe { &*begin.cast::<Control>() };
        // SAFETY: the inlet begins inside the mapping, or just behind it.
        let rest = unsafe { begin.cast::<u8>().add(INLET as usize) };
        Some(Self { control, rest, rest_len, inlet: 0, outlet: 0, spins: false, seen: 0 })
    }

    /// Reads the setup, and from now on knows the inlet from the outlet.
    pub(crate) fn setup(&mut self) -> Option<Setup> {
        // SAFETY: the host writes here only in its turn, and this is the cell's.
        let bytes = unsafe { slice::from_raw_parts(self.rest, self.rest_len) };
        let setup = Setup::decode(bytes)?;
        let (inlet, outlet) = (setup.inlet as usize, setup.outlet as usize);
        (inlet + outlet <= self.rest_len).then_some(())?;
        (self.inlet, self.outlet, self.spins) = (inlet, outlet, setup.process.spins);
        self.seen = self.control.to_cell.load(Acquire);
        Some(setup)
    }

    /// What the host has written for this turn.
    pub(crate) fn inlet(&self) -> &[u8] {
        // SAFETY: the inlet lies in the mapping, and the host writes it only in its turn.
        unsafe { slice::from_raw_parts(self.rest, self.inlet) }
    }

    /// What the host reads in its next turn.
    pub(crate) fn outlet(&mut self) -> &mut [u8] {
        // SAFETY: as for the inlet; the two don't overlap, and only this has the outlet.
        unsafe { slice::from_raw_parts_mut(self.rest.add(self.inlet), self.outlet) }
    }

    /// Hands the turn to the host, with so many bytes in the outlet, and waits for the next one.
    pub(crate) fn hand_over(&mut self, turn: Turn, outlet_bytes: usize) -> Request {
        let control = self.control;
        control.outlet_bytes.store(outlet_bytes as u32, Relaxed);
        control.turn.store(turn as u32, Relaxed);
        control.to_host.fetch_add(1, Release);
        // Between the two, the host either sees the new number or is seen to sleep.
        fence(SeqCst);
        if control.host_sleeps.load(Relaxed) != 0 {
            system::futex_wake(&control.to_host);
        }
        self.wait();
        Request::of(control.request.load(Relaxed)).unwrap_or_else(|| system::exit(3))
    }

    /// Tells the host why there will be no sim here, and ends.
    pub(crate) fn fail(&mut self, why: &str) -> ! {
        let outlet = self.outlet();
        let len = why.len().min(outlet.len());
        outlet[..len].copy_from_slice(&why.as_bytes()[..len]);
        self.hand_over(Turn::Failed, len);
        system::exit(1)
    }

    fn wait(&mut self) {
        let word = &self.control.to_cell;
        while word.load(Acquire) == self.seen {
            if self.spins {
                std::hint::spin_loop();
            } else {
                system::futex_wait(word, self.seen);
            }
        }
        self.seen = word.load(Acquire);
    }
}
