//! The image: where the parts of the file stand in memory, as a loader places them. Whoever follows
//! an address asks here, so nobody reads or points beyond what is loaded.

use std::ops::Range;

use super::{
    file::File,
    module::{NativeRights, NativeSegment, PAGE_BYTES},
};

/// A segment that is loaded (`PT_LOAD`), in bytes.
#[derive(Debug, Clone)]
pub(super) struct Load {
    /// In the image.
    pub(super) range: Range<u64>,
    /// The bytes of the file that stand at its beginning; the rest is zero.
    pub(super) file: Range<usize>,
    pub(super) rights: NativeRights,
    /// Whether it can be executed, if only because it is refused for being writable as well.
    pub(super) is_code: bool,
}

impl Load {
    /// The whole pages that it takes.
    pub(super) fn pages(&self) -> Range<u64> {
        page_of(self.range.start)..page_of(self.range.end + (PAGE_BYTES - 1))
    }
}

/// Where the page of that address begins.
pub(super) fn page_of(address: u64) -> u64 {
    address - address % PAGE_BYTES
}

#[derive(Default)]
pub(super) struct Image<'a> {
    pub(super) file: File<'a>,
    /// Ascending, no page in two of them.
    pub(super) loads: Vec<Load>,
    /// Whole pages of one writable segment that are only read once they are relocated.
    pub(super) relro: Range<u64>,
}

impl<'a> Image<'a> {
    /// Where its last page ends.
    pub(super) fn span(&self) -> u64 {
        self.loads.last().map_or(0, |load| load.pages().end)
    }

    /// The segment with all of these bytes.
    pub(super) fn load_of(&self, address: u64, len: u64) -> Option<&Load> {
        let at = self.loads.partition_point(|load| load.range.start <= address).checked_sub(1)?;
        let load = &self.loads[at];
        (len <= load.range.end.checked_sub(address)?).then_some(load)
    }

    /// Whether a function may begin there.
    pub(super) fn is_code(&self, address: u64) -> bool {
        self.load_of(address, 1).is_some_and(|load| load.is_code)
    }

    /// Whether the sim can write all of these bytes.
    pub(super) fn is_writable(&self, address: u64, len: u64) -> bool {
        let is_fixed = || address < self.relro.end && self.relro.start < address + len;
        let load = self.load_of(address, len);
        load.is_some_and(|load| load.rights == NativeRights::Write && !is_fixed())
    }

    /// These bytes, if they are in one segment and in the file.
    pub(super) fn bytes(&self, address: u64, len: u64) -> Option<&'a [u8]> {
        let rest = self.rest(address)?;
        let end = rest.start.checked_add(usize::try_from(len).ok()?)?;
        if end > rest.end {
            return None;
        }
        self.file.get(rest.start..end)
    }

    /// Where in the file the segment's bytes from there on are.
    pub(super) fn rest(&self, address: u64) -> Option<Range<usize>> {
        let load = self.load_of(address, 0)?;
        let start = load.file.start.checked_add((address - load.range.start) as usize)?;
        (start <= load.file.end).then_some(start..load.file.end)
    }

    /// The image in whole pages, what is only read once it is relocated split off.
    ///
    /// As a loader that maps the file's pages would have it, a segment's first page begins with what
    /// stands before it in the file.
    pub(super) fn segments(&self) -> Vec<NativeSegment> {
        self.loads.iter().flat_map(|load| self.split(load)).collect()
    }

    fn split(&self, load: &Load) -> impl Iterator<Item = NativeSegment> {
        let pages = load.pages();
        let within = |address: u64| address.clamp(pages.start, pages.end);
        let (from, to) = (within(self.relro.start), within(self.relro.end));
        let pieces = if load.rights == NativeRights::Write {
            let fixed = (from..to, NativeRights::Read);
            [(pages.start..from, load.rights), fixed, (to..pages.end, load.rights)]
        } else {
            [(pages.clone(), load.rights), (0..0, load.rights), (0..0, load.rights)]
        };
        let head = load.file.start - (load.range.start - pages.start) as usize;
        let file_at = |address: u64| {
            let at = head.saturating_add((address - pages.start) as usize);
            at.clamp(head, load.file.end)
        };
        let segments = pieces.map(|(pages, rights)| {
            let file =
                if pages.is_empty() { 0..0 } else { file_at(pages.start)..file_at(pages.end) };
            NativeSegment { address: pages.start, file, len: pages.end - pages.start, rights }
        });
        segments.into_iter().filter(|segment| segment.len > 0)
    }
}
