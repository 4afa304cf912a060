//! A guest's system area: the processor's tables, where exceptions end, the doors to the host and
//! the page tables. It lies in memory of its own, of which a sim may run the doors and read their
//! addresses and a page of zeros, and nothing else.

use std::{fs::File, io, os::unix::fs::FileExt};

use lattice_cell::{IMAGE_BASE, Range, Rights};
use lattice_policies::functions::HOST_FUNCTIONS;
use rustix::fs::{MemfdFlags, memfd_create};

use super::{
    code::{self, STEP, VECTORS},
    paging::{Access, PAGE, PageTables, Span},
};

/// Where the area lies in the guest's physical memory, and the address of its first page.
pub(super) const PHYSICAL: u64 = 0;
const BASE: u64 = 0x4000_0000;
/// Where a sim's image lies in the guest's physical memory.
pub(super) const IMAGE_PHYSICAL: u64 = 1 << 32;

/// The doorbell: physical addresses with no memory behind them, a page for the sim and one for the
/// guest's own handlers, so that a sim can't tell of an exception that there was not.
pub(super) const BELL_PHYSICAL: u64 = 0xd000_0000;
const BELL: u64 = 0x5000_0000;
/// Where a host function's door reads its answer: 8 bytes on for each function.
pub(super) const CALLS: u64 = BELL;
/// Where the last door writes what the sim's function returned.
pub(super) const RETURNED: u64 = BELL + 0x800;
/// Where a handler writes: 8 bytes on for each exception.
pub(super) const EXCEPTIONS: u64 = BELL + PAGE;

/// Where a doorbell's address is rung, for the host.
pub(super) const fn rings_at(address: u64) -> u64 {
    address - BELL + BELL_PHYSICAL
}

// The area's pages, and the tables in the first one.
const TABLES: u64 = 0;
const HANDLERS: u64 = PAGE;
const STACK: u64 = 2 * PAGE;
const DOORS: u64 = 3 * PAGE;
const SLOTS: u64 = 4 * PAGE;
const THREAD: u64 = 5 * PAGE;
const PAGE_TABLES: u64 = 6 * PAGE;
const GDT: u64 = TABLES;
const TASK_STATE: u64 = TABLES + 0x100;
const IDT: u64 = TABLES + 0x200;

/// The selectors of the segments, and the segments (Intel SDM volume 3, 3.4.5): flat ones of 64
/// bits, for the handlers and for the sim, marked as accessed.
pub(super) const KERNEL_CODE: u16 = 0x08;
pub(super) const KERNEL_DATA: u16 = 0x10;
pub(super) const USER_DATA: u16 = 0x18 | 3;
pub(super) const USER_CODE: u16 = 0x20 | 3;
pub(super) const TASK: u16 = 0x28;
const SEGMENTS: [u64; 5] =
    [0, 0x00af_9b00_0000_ffff, 0x00cf_9300_0000_ffff, 0x00cf_f300_0000_ffff, 0x00af_fb00_0000_ffff];

/// Addresses that the processor's registers are set to.
pub(super) const GDT_AT: u64 = BASE + GDT;
pub(super) const GDT_LIMIT: u16 = 0x37;
pub(super) const IDT_AT: u64 = BASE + IDT;
pub(super) const IDT_LIMIT: u16 = (VECTORS * 16 - 1) as u16;
pub(super) const TASK_AT: u64 = BASE + TASK_STATE;
pub(super) const TASK_LIMIT: u32 = 103;
/// What `fs` begins at: zeros, for code that was compiled to look for a stack protector's there.
pub(super) const THREAD_AT: u64 = BASE + THREAD;
pub(super) const PAGE_TABLES_AT: u64 = PHYSICAL + PAGE_TABLES;
/// The address of the door that the host's calls return to.
pub(super) const RETURN_DOOR: u64 = door(HOST_FUNCTIONS.len());

/// A page of ours, which is read.
const OURS: Access = Access { user: false, write: false, execute: false };
const _: () = assert!(RETURN_DOOR + 256 < BASE + SLOTS);

const fn door(place: usize) -> u64 {
    BASE + DOORS + place as u64 * STEP
}

/// What the processor pushed when a sim raised an exception (Intel SDM volume 3, 6.14.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// 0 for an exception that has none.
    pub(super) error: u64,
    pub(super) instruction: u64,
    pub(super) stack: u64,
}

/// The area, filled in.
pub(super) struct System {
    memory: File,
    len: u64,
}

impl System {
    /// For an image of those ranges.
    pub(super) fn new(ranges: &[Range]) -> io::Result<Self> {
        let tables = page_tables(ranges).bytes();
        let len = PAGE_TABLES + tables.len() as u64;
        let memory = File::from(memfd_create("lattice-microvm", MemfdFlags::CLOEXEC)?);
        memory.set_len(len)?;
        for (at, bytes) in [
            (TABLES, processor_tables()),
            (HANDLERS, code::handlers().to_vec()),
            (DOORS, code::doors().to_vec()),
            (SLOTS, slots()),
            (PAGE_TABLES, tables),
        ] {
            memory.write_all_at(&bytes, at)?;
        }
        Ok(Self { memory, len })
    }

    pub(super) fn memory(&self) -> &File {
        &self.memory
    }

    /// In bytes.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The frame of the exception that the sim has just raised.
    pub(super) fn frame(&self, vector: u64) -> io::Result<Frame> {
        let mut pushed = [0; 48];
        self.memory.read_exact_at(&mut pushed, STACK + PAGE - 48)?;
        let word = |place: usize| {
            pushed.as_chunks().0.get(place).map_or(0, |word: &[u8; 8]| u64::from_le_bytes(*word))
        };
        let error = if HAS_ERROR & 1 << vector == 0 { 0 } else { word(0) };
        Ok(Frame { error, instruction: word(1), stack: word(4) })
    }
}

/// The exceptions with an error code: #DF, #TS, #NP, #SS, #GP, #PF, #AC, #CP.
const HAS_ERROR: u64 = 1 << 8 | 0b1_1111 << 10 | 1 << 17 | 1 << 21;

/// The segments, the task state with the handlers' stack, and a gate for each exception.
fn processor_tables() -> Vec<u8> {
    let mut page = vec![0; PAGE as usize];
    let mut put = |at: u64, words: &[u64]| {
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        page[at as usize..][..bytes.len()].copy_from_slice(&bytes);
    };
    put(GDT, &SEGMENTS);
    put(GDT + u64::from(TASK), &task_descriptor());
    put(TASK_STATE + 4, &[BASE + STACK + PAGE]);
    for vector in 0..VECTORS {
        put(IDT + 16 * vector, &gate(BASE + HANDLERS + STEP * vector, vector == BREAKPOINT));
    }
    // No port may be used: the map of them begins behind the segment's end.
    page[(TASK_STATE + 102) as usize] = 104;
    page
}

/// `int3` is the one exception that a program raises by asking for it.
const BREAKPOINT: u64 = 3;

/// A busy task state of 64 bits (Intel SDM volume 3, 7.2.3).
fn task_descriptor() -> [u64; 2] {
    let low = u64::from(TASK_LIMIT) | (TASK_AT & 0xff_ffff) << 16 | 0x8b << 40;
    [low | (TASK_AT >> 24 & 0xff) << 56, TASK_AT >> 32]
}

/// An interrupt gate of 64 bits to a handler (Intel SDM volume 3, 6.14.1).
fn gate(handler: u64, asked_for: bool) -> [u64; 2] {
    let rights = if asked_for { 0xee00 } else { 0x8e00 };
    let low = handler & 0xffff | u64::from(KERNEL_CODE) << 16 | rights << 32;
    [low | (handler >> 16 & 0xffff) << 48, handler >> 32]
}

/// Where the sim's calls of each host function jump.
fn slots() -> Vec<u8> {
    (0..HOST_FUNCTIONS.len()).flat_map(|place| door(place).to_le_bytes()).collect()
}

fn page_tables(ranges: &[Range]) -> PageTables {
    let mut tables = PageTables::new(PAGE_TABLES_AT);
    let user = Access { user: true, ..OURS };
    for (page, access) in [
        (TABLES, OURS),
        (HANDLERS, Access { execute: true, ..OURS }),
        (STACK, Access { write: true, ..OURS }),
        (DOORS, Access { execute: true, ..user }),
        (THREAD, user),
    ] {
        tables.map(Span { at: BASE + page, physical: PHYSICAL + page, len: PAGE }, access);
    }
    for (page, access) in
        [(0, Access { write: true, ..user }), (PAGE, Access { write: true, ..OURS })]
    {
        tables.map(Span { at: BELL + page, physical: BELL_PHYSICAL + page, len: PAGE }, access);
    }
    for range in ranges {
        let (physical, access) = match range.rights {
            Rights::Read => (IMAGE_PHYSICAL + range.offset, user),
            Rights::Execute => (IMAGE_PHYSICAL + range.offset, Access { execute: true, ..user }),
            Rights::Write => (IMAGE_PHYSICAL + range.offset, Access { write: true, ..user }),
            // Not the image's own page: what a snapshot holds has no address of ours in it.
            Rights::Gate => (PHYSICAL + SLOTS, user),
        };
        tables.map(Span { at: IMAGE_BASE + range.offset, physical, len: range.len }, access);
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(offset: u64, len: u64, rights: Rights) -> Range {
        Range { offset, len, rights }
    }

    #[test]
    fn a_sim_can_write_its_own_parts_and_nothing_of_ours() {
        let tables = page_tables(&[
            range(0, 2 * PAGE, Rights::Execute),
            range(0x1_0000, PAGE, Rights::Gate),
            range(0x2_0000, 0x4_0000, Rights::Write),
        ]);
        let at = |address| tables.look_up(address);
        let sim = |write, execute| Access { user: true, write, execute };
        assert_eq!(at(IMAGE_BASE + PAGE), Some((IMAGE_PHYSICAL + PAGE, sim(false, true))));
        assert_eq!(at(IMAGE_BASE + 0x2_0000), Some((IMAGE_PHYSICAL + 0x2_0000, sim(true, false))));
        assert_eq!(at(IMAGE_BASE + 0x1_0000), Some((PHYSICAL + SLOTS, sim(false, false))));
        assert_eq!(at(IMAGE_BASE + 2 * PAGE), None, "a gap");
        assert_eq!(at(RETURN_DOOR).unwrap().1, sim(false, true));
        assert_eq!(at(RETURNED), Some((rings_at(RETURNED), sim(true, false))));
        for ours in [GDT_AT, IDT_AT, TASK_AT, BASE + HANDLERS, BASE + STACK, EXCEPTIONS] {
            assert!(!at(ours).unwrap().1.user, "{ours:#x}");
        }
        for nowhere in [0, BASE + SLOTS, BASE + PAGE_TABLES, IMAGE_BASE - 1, 1 << 46] {
            assert_eq!(at(nowhere), None, "{nowhere:#x}");
        }
    }

    #[test]
    fn a_frame_is_read_with_its_error_code_only_where_there_is_one() {
        let system = System::new(&[]).unwrap();
        let words = [2_u64, IMAGE_BASE + 5, 0x23, 0x202, IMAGE_BASE + 99, 0x1b];
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        system.memory().write_all_at(&bytes, STACK + PAGE - 48).unwrap();
        let frame = |error| Frame { error, instruction: IMAGE_BASE + 5, stack: IMAGE_BASE + 99 };
        for (vector, error) in [(0, 0), (3, 0), (6, 0), (9, 0), (13, 2), (14, 2), (16, 0), (17, 2)]
        {
            assert_eq!(system.frame(vector).unwrap(), frame(error), "{vector}");
        }
    }

    #[test]
    fn gates_and_slots_lead_to_the_code() {
        let page = processor_tables();
        let gate = &page[(IDT + 16 * 14) as usize..][..16];
        let handler = BASE + HANDLERS + 14 * STEP;
        assert_eq!(gate[..2], handler.to_le_bytes()[..2]);
        assert_eq!(gate[6..8], handler.to_le_bytes()[2..4]);
        assert_eq!(gate[5], 0x8e, "a program may not raise it by an interrupt");
        assert_eq!(page[(IDT + 16 * 3 + 5) as usize], 0xee);
        let slots = slots();
        assert_eq!(slots.len(), 8 * HOST_FUNCTIONS.len());
        assert_eq!(slots[8..16], (BASE + DOORS + STEP).to_le_bytes());
    }
}
