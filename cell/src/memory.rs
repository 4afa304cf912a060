//! The process's memory: the sim's image at its fixed place, the gate to the host functions, and
//! nothing of what the kernel maps into every process to tell the time.
#![expect(unsafe_code, reason = "memory is mapped and unmapped where other things are not")]

use std::{fs, io, ops::Range as Span, os::fd::BorrowedFd, ptr};

use lattice_cell::{IMAGE_BASE, IMAGE_FD, Range, Record, Rights, Setup};
use lattice_surface::Call;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap, mprotect, munmap};

use crate::{barriers::Failure, trampoline::host_functions};

const PAGE: u64 = 4096;

/// Refuses a setup that no host means.
pub(crate) fn check(setup: &Setup) -> Result<(), Failure> {
    let mut end = 0;
    for range in &setup.ranges {
        let pages = range.offset % PAGE == 0 && range.len % PAGE == 0 && range.len > 0;
        if !pages || range.offset < end || range.offset + range.len > setup.span {
            return Err(Failure::of("setup")(format!("{range:?} is no part of the image")));
        }
        end = range.offset + range.len;
    }
    if !setup.ranges.is_empty() && largest_record(setup) > setup.outlet as usize {
        return Err(Failure::of("setup")("a record can be larger than the outlet"));
    }
    Ok(())
}

fn largest_record(setup: &Setup) -> usize {
    let (ptr, len) = (0, u32::MAX);
    let calls = [
        Call::Log { level: 0, ptr, len },
        Call::Broadcast { ptr, len, flags: 0 },
        Call::Result { ptr, len },
    ];
    let bytes = calls.iter().map(|call| Record::looked_at(call, &setup.limits)).max();
    Record::size(bytes.unwrap_or(0) as usize)
}

/// Maps every part of the image, and fills the gate in.
pub(crate) fn map(setup: &Setup) -> Result<(), Failure> {
    for range in &setup.ranges {
        map_range(range, setup.gate).map_err(Failure::of("the image"))?;
    }
    Ok(())
}

fn map_range(range: &Range, gate: u64) -> io::Result<()> {
    let (rights, flags) = match range.rights {
        Rights::Read => (ProtFlags::READ, MapFlags::SHARED),
        Rights::Execute => (ProtFlags::READ | ProtFlags::EXEC, MapFlags::SHARED),
        Rights::Write => (ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED),
        // What the cell writes here, its own addresses, never comes to the image itself.
        Rights::Gate => (ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE),
    };
    let at = ptr::with_exposed_provenance_mut((IMAGE_BASE + range.offset) as usize);
    let flags = flags | MapFlags::FIXED_NOREPLACE;
    // SAFETY: the host has left the descriptor there; what is mapped already is not replaced.
    unsafe {
        let image = BorrowedFd::borrow_raw(IMAGE_FD);
        let mapped = mmap(at, range.len as usize, rights, flags, image, range.offset)?;
        if range.rights == Rights::Gate {
            fill(range, gate)?;
            mprotect(mapped, range.len as usize, MprotectFlags::READ)?;
        }
    }
    Ok(())
}

/// # Safety
///
/// The range is mapped, to be written.
unsafe fn fill(range: &Range, gate: u64) -> io::Result<()> {
    let slots = host_functions();
    if gate < range.offset || gate + size_of_val(&slots) as u64 > range.offset + range.len {
        return Err(io::Error::other("the gate is not where it may be written"));
    }
    let to = ptr::with_exposed_provenance_mut((IMAGE_BASE + gate) as usize);
    // SAFETY: the slots lie in the range.
    unsafe { ptr::write_unaligned(to, slots) };
    Ok(())
}

/// Where the kernel has mapped its own code and the time it keeps.
pub(crate) struct Clocks(Vec<Span<usize>>);

impl Clocks {
    pub(crate) fn find() -> io::Result<Self> {
        let maps = fs::read_to_string("/proc/self/maps")?;
        let clocks = maps.lines().filter(|line| line.contains("[vvar") || line.contains("[vdso]"));
        clocks
            .map(span)
            .collect::<Option<_>>()
            .map(Self)
            .ok_or_else(|| io::Error::other("a line of it does not begin with two addresses"))
    }

    /// Takes them away. No function that asks the time may be called after this.
    pub(crate) fn unmap(self) -> io::Result<()> {
        for span in self.0 {
            let at = ptr::with_exposed_provenance_mut(span.start);
            // SAFETY: no reference is into these, and what would call them is not called any more.
            unsafe { munmap(at, span.len()) }?;
        }
        Ok(())
    }
}

fn span(line: &str) -> Option<Span<usize>> {
    let (start, end) = line.split(' ').next()?.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    Some(address(start)?..address(end)?)
}

/// Closes every descriptor that the process has.
pub(crate) fn close_descriptors() -> io::Result<()> {
    // SAFETY: nothing uses a descriptor after this; what it was mapped for stays mapped.
    let answer = unsafe { libc::close_range(0, u32::MAX, 0) };
    if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use lattice_cell::Process;
    use lattice_surface::PromptLimits;

    use super::*;

    fn setup(ranges: &[(u64, u64)], outlet: u32) -> Setup {
        let limits = PromptLimits {
            message_out_bytes: 100,
            tick_messages: 1,
            tick_message_bytes: 1,
            log_record_bytes: 1,
            result_bytes: 200,
        };
        let range = |&(offset, len): &(u64, u64)| Range { offset, len, rights: Rights::Write };
        Setup {
            limits,
            inlet: 0,
            outlet,
            span: 16 * PAGE,
            gate: 0,
            stack_end: 0,
            process: Process::default(),
            ranges: ranges.iter().map(range).collect(),
        }
    }

    #[test]
    fn only_whole_pages_in_order_and_in_the_image_are_mapped() {
        let check = |ranges: &[(u64, u64)]| check(&setup(ranges, 4096)).is_ok();
        assert!(check(&[]));
        assert!(check(&[(0, PAGE), (PAGE, 15 * PAGE)]));
        for bad in [
            &[(1, PAGE)][..],
            &[(0, PAGE - 1)],
            &[(0, 0)],
            &[(0, 17 * PAGE)],
            &[(16 * PAGE, PAGE)],
            &[(PAGE, PAGE), (0, PAGE)],
            &[(0, 2 * PAGE), (PAGE, PAGE)],
        ] {
            assert!(!check(bad), "{bad:?}");
        }
    }

    #[test]
    fn the_outlet_holds_the_largest_record() {
        let largest = Record::size(201) as u32;
        assert!(check(&setup(&[(0, PAGE)], largest)).is_ok());
        let refused = check(&setup(&[(0, PAGE)], largest - 1)).unwrap_err().to_string();
        assert_eq!(refused, "setup: a record can be larger than the outlet");
    }

    #[test]
    fn every_process_has_clocks_to_be_unmapped() {
        let clocks = Clocks::find().unwrap().0;
        assert!(clocks.len() >= 2 && clocks.iter().all(|span| span.len() >= 4096), "{clocks:?}");
        assert_eq!(span("7ffd-8000 r--p 00000000 00:00 0  [vvar]"), Some(0x7ffd..0x8000));
        assert_eq!(span("no addresses"), None);
    }
}
