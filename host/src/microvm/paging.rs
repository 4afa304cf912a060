//! Page tables of a guest, as the processor reads them (Intel SDM volume 3, 5.5 "4-level paging").
//! Written by the host once, before the guest runs; the guest itself can't write them.

/// Bytes of a page, and of a large one.
pub(super) const PAGE: u64 = 4096;
const LARGE_PAGE: u64 = 2 << 20;

const PRESENT: u64 = 1;
const WRITABLE: u64 = 1 << 1;
const USER: u64 = 1 << 2;
const ACCESSED: u64 = 1 << 5;
const DIRTY: u64 = 1 << 6;
const LARGE: u64 = 1 << 7;
const NO_EXECUTE: u64 = 1 << 63;
const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

/// What a page may be used for; reading always.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Access {
    /// By the sim too, and not by the guest's own handlers alone.
    pub(super) user: bool,
    pub(super) write: bool,
    pub(super) execute: bool,
}

/// A range of addresses, and where it lies in the guest's physical memory. All in whole pages.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    pub(super) at: u64,
    pub(super) physical: u64,
    pub(super) len: u64,
}

/// The tables, the root first.
pub(super) struct PageTables {
    /// The physical address of the root; the others follow.
    root: u64,
    tables: Vec<[u64; 512]>,
}

impl PageTables {
    pub(super) fn new(root: u64) -> Self {
        Self { root, tables: vec![[0; 512]] }
    }

    /// Maps a range that is not mapped yet, by large pages where it can.
    pub(super) fn map(&mut self, span: Span, access: Access) {
        let Span { mut at, mut physical, mut len } = span;
        while len > 0 {
            let large = (at | physical).is_multiple_of(LARGE_PAGE) && len >= LARGE_PAGE;
            let (size, levels) = if large { (LARGE_PAGE, 2) } else { (PAGE, 3) };
            *self.entry(at, levels) = leaf(physical, large, access);
            (at, physical, len) = (at + size, physical + size, len.saturating_sub(size));
        }
    }

    /// Where an address leads, and what it may be used for.
    #[cfg(test)]
    pub(super) fn look_up(&self, at: u64) -> Option<(u64, Access)> {
        let mut table = 0;
        for level in 0..4 {
            let entry = self.tables[table][index(at, level)];
            let page = if level == 2 { LARGE_PAGE } else { PAGE };
            if entry & PRESENT == 0 {
                return None;
            }
            if level == 3 || entry & LARGE != 0 {
                let (user, write) = (entry & USER != 0, entry & WRITABLE != 0);
                let access = Access { user, write, execute: entry & NO_EXECUTE == 0 };
                return Some(((entry & ADDRESS) + at % page, access));
            }
            table = self.place(entry);
        }
        None
    }

    /// As they lie in memory from the root's address on.
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.tables.iter().flatten().flat_map(|entry| entry.to_le_bytes()).collect()
    }

    /// The entry of an address so many levels below the root, its tables made where missing.
    fn entry(&mut self, at: u64, levels: u32) -> &mut u64 {
        let mut table = 0;
        for level in 0..levels {
            let index = index(at, level);
            if self.tables[table][index] & PRESENT == 0 {
                let next = self.root + self.tables.len() as u64 * PAGE;
                // Rights are the leaf's: each table on the way allows all.
                self.tables[table][index] = next | PRESENT | WRITABLE | USER | ACCESSED;
                self.tables.push([0; 512]);
            }
            table = self.place(self.tables[table][index]);
        }
        &mut self.tables[table][index(at, levels)]
    }

    /// Which of the tables an entry leads to.
    fn place(&self, entry: u64) -> usize {
        (((entry & ADDRESS) - self.root) / PAGE) as usize
    }
}

fn index(at: u64, level: u32) -> usize {
    (at >> (39 - 9 * level) & 511) as usize
}

/// An entry for a page. Accessed and dirty from the beginning: the processor writes no table.
fn leaf(physical: u64, large: bool, access: Access) -> u64 {
    let mut entry = physical | PRESENT | ACCESSED | DIRTY;
    for (bit, set) in [
        (LARGE, large),
        (USER, access.user),
        (WRITABLE, access.write),
        (NO_EXECUTE, !access.execute),
    ] {
        entry |= if set { bit } else { 0 };
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: Access = Access { user: true, write: false, execute: false };
    const WRITE: Access = Access { write: true, ..READ };

    #[test]
    fn a_range_is_mapped_and_its_neighbours_are_not() {
        let mut tables = PageTables::new(0x8000);
        tables.map(Span { at: 0x10_0000_1000, physical: 0x5000, len: 2 * PAGE }, WRITE);
        tables.map(Span { at: 0x4000_0000, physical: 0x1000, len: PAGE }, READ);
        assert_eq!(tables.look_up(0x10_0000_1000), Some((0x5000, WRITE)));
        assert_eq!(tables.look_up(0x10_0000_2fff), Some((0x6fff, WRITE)));
        assert_eq!(tables.look_up(0x4000_0007), Some((0x1007, READ)));
        for at in [0, 0x10_0000_0fff, 0x10_0000_3000, 0x3fff_ffff, 0x4000_1000] {
            assert_eq!(tables.look_up(at), None, "{at:#x}");
        }
    }

    #[test]
    fn large_pages_are_used_where_both_addresses_allow_it_and_lead_to_the_same() {
        let (at, physical) = (0x10_0000_0000, 0x1_0000_0000);
        let span = |skip: u64, len| Span { at: at + skip, physical: physical + skip, len };
        let mut tables = PageTables::new(0);
        tables.map(span(LARGE_PAGE - PAGE, 2 * LARGE_PAGE), WRITE);
        assert_eq!(tables.tables.len(), 5, "root, two below, and one table at each end");
        for offset in [LARGE_PAGE - PAGE, LARGE_PAGE, 2 * LARGE_PAGE + 5, 3 * LARGE_PAGE - PAGE - 1]
        {
            assert_eq!(tables.look_up(at + offset), Some((physical + offset, WRITE)));
        }
        assert_eq!(tables.look_up(at + LARGE_PAGE - PAGE - 1), None);
        assert_eq!(tables.look_up(at + 3 * LARGE_PAGE - PAGE), None);
        let mut shifted = PageTables::new(0);
        shifted.map(Span { at, physical: physical + PAGE, len: LARGE_PAGE }, WRITE);
        assert_eq!(shifted.look_up(at + 5), Some((physical + PAGE + 5, WRITE)));
    }

    #[test]
    fn the_bytes_begin_with_the_root_and_hold_no_write_for_a_page_that_is_read() {
        let mut tables = PageTables::new(0x3000);
        tables.map(Span { at: 0, physical: 0x9000, len: PAGE }, READ);
        let bytes = tables.bytes();
        let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
        assert_eq!(bytes.len(), 4 * 4096);
        assert_eq!(word(0), 0x4000 | PRESENT | WRITABLE | USER | ACCESSED);
        assert_eq!(word(3 * 4096), 0x9000 | PRESENT | USER | ACCESSED | DIRTY | NO_EXECUTE);
    }
}
