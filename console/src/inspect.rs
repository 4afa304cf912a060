//! What stands in a match between two ticks, and what differs between two such moments. Reads
//! snapshots; knows neither where they come from nor how they are shown.

use std::{collections::BTreeSet, ops::Range, sync::Arc};

use lattice_host::{GlobalValue, MemoryImage, PAGE_BYTES, Snapshot};
use lattice_policies::policy::MatchLimits;
use lattice_surface::{SharedRules, Surface};

/// Differences that are told apart; the others are only counted.
const DISTINCT: usize = 256;
/// Bytes of a difference that are shown of each side.
const SHOWN_BYTES: usize = 32;
/// Bytes that are the same between two differences which count as one.
const GAP: u64 = 8;

/// A stretch of memory in which two moments differ; shorter stretches that are the same lie within.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) at: Range<u64>,
    /// The first bytes of both.
    pub(crate) before: Vec<u8>,
    pub(crate) after: Vec<u8>,
}

/// Where two memories differ.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Differences {
    /// The first ones, in the order of their addresses.
    pub(crate) first: Vec<Difference>,
    /// All of them.
    pub(crate) count: u64,
    /// Bytes of all of them.
    pub(crate) bytes: u64,
}

/// What the surface of a snapshot holds; nothing can be sent with it. `None` if it is malformed.
pub(crate) fn surface(limits: &Arc<MatchLimits>, snapshot: &Snapshot) -> Option<Surface> {
    let (limits, rules) = (Arc::clone(limits), Arc::new(SharedRules::default()));
    Surface::restore(limits, Arc::default(), rules, &snapshot.surface).ok()
}

/// The bytes that stand there, if that lies within the memory.
pub(crate) fn read(memory: &MemoryImage, at: Range<u64>) -> Option<Vec<u8>> {
    if at.end > size(memory) {
        return None;
    }
    let mut bytes = Vec::with_capacity((at.end - at.start) as usize);
    let mut from = at.start;
    while from < at.end {
        let (number, offset) = ((from / PAGE) as u32, (from % PAGE) as usize);
        let end = PAGE_BYTES.min(offset + (at.end - from) as usize);
        bytes.extend_from_slice(&page(memory, number)[offset..end]);
        from += (end - offset) as u64;
    }
    Some(bytes)
}

/// Bytes of a memory.
pub(crate) fn size(memory: &MemoryImage) -> u64 {
    u64::from(memory.pages) * PAGE
}

/// Where two memories differ; what only one of them has counts as zero in the other.
pub(crate) fn differences(before: &MemoryImage, after: &MemoryImage) -> Differences {
    let mut found = Differences::default();
    let mut last: Option<Range<u64>> = None;
    let mut add = |at: Range<u64>| {
        found.count += 1;
        found.bytes += at.end - at.start;
        if found.first.len() < DISTINCT {
            let (before, after) = (shown(before, &at), shown(after, &at));
            found.first.push(Difference { at, before, after });
        }
    };
    let numbers: BTreeSet<_> = before.filled.keys().chain(after.filled.keys()).collect();
    for number in numbers {
        for at in in_page(before, after, *number) {
            last = match last.take() {
                Some(last) if at.start - last.end <= GAP => Some(last.start..at.end),
                Some(last) => {
                    add(last);
                    Some(at)
                }
                None => Some(at),
            };
        }
    }
    last.into_iter().for_each(add);
    found
}

/// The value as a person writes it; a number that is none with its bits, which may matter.
pub(crate) fn value_text(value: GlobalValue) -> String {
    let float = |value: f64, text: String, bits: String| {
        if value.is_nan() { format!("NaN ({bits})") } else { text }
    };
    match value {
        GlobalValue::I32(value) => value.to_string(),
        GlobalValue::I64(value) => value.to_string(),
        GlobalValue::F32(bits) => {
            let value = f32::from_bits(bits);
            float(value.into(), format!("{value:?}"), format!("{bits:#010x}"))
        }
        GlobalValue::F64(bits) => {
            let value = f64::from_bits(bits);
            float(value, format!("{value:?}"), format!("{bits:#018x}"))
        }
        GlobalValue::V128(value) => format!("{value:#034x}"),
    }
}

/// The name of the value's type, as WebAssembly has it.
pub(crate) const fn type_text(value: GlobalValue) -> &'static str {
    match value {
        GlobalValue::I32(_) => "i32",
        GlobalValue::I64(_) => "i64",
        GlobalValue::F32(_) => "f32",
        GlobalValue::F64(_) => "f64",
        GlobalValue::V128(_) => "v128",
    }
}

const PAGE: u64 = PAGE_BYTES as u64;
static ZEROS: [u8; PAGE_BYTES] = [0; PAGE_BYTES];

fn page(memory: &MemoryImage, number: u32) -> &[u8] {
    memory.filled.get(&number).map_or(&ZEROS[..], |page| &page.bytes)
}

/// The bytes of a page that differ, as stretches that touch no other.
fn in_page(before: &MemoryImage, after: &MemoryImage, number: u32) -> Vec<Range<u64>> {
    let hash = |memory: &MemoryImage| memory.filled.get(&number).map(|page| page.hash);
    let mut found: Vec<Range<u64>> = Vec::new();
    if hash(before) == hash(after) {
        return found;
    }
    let start = u64::from(number) * PAGE;
    let pairs = page(before, number).iter().zip(page(after, number));
    for (at, _) in (start..).zip(pairs).filter(|(_, (before, after))| before != after) {
        match found.last_mut() {
            Some(last) if last.end == at => last.end += 1,
            _ => found.push(at..at + 1),
        }
    }
    found
}

/// The first bytes that stand there; zeros where a smaller memory has none.
fn shown(memory: &MemoryImage, at: &Range<u64>) -> Vec<u8> {
    let end = at.end.min(at.start + SHOWN_BYTES as u64);
    let there = read(memory, at.start..end);
    there.unwrap_or_else(|| vec![0; (end - at.start) as usize])
}

#[cfg(test)]
mod tests {
    use lattice_host::Page;

    use super::*;

    /// A memory of three pages in which these bytes stand.
    fn memory(bytes: &[(u64, u8)]) -> MemoryImage {
        let mut all = vec![0; 3 * PAGE_BYTES];
        for (at, byte) in bytes {
            all[*at as usize] = *byte;
        }
        let pages = (0..).zip(all.chunks(PAGE_BYTES));
        let filled = pages.filter(|(_, page)| page.iter().any(|byte| *byte != 0));
        let filled = filled.map(|(number, page)| (number, Page::from(Arc::from(page))));
        MemoryImage { pages: 3, filled: filled.collect() }
    }

    #[test]
    fn a_range_is_read_across_pages_and_not_behind_the_end() {
        let memory = memory(&[(PAGE - 1, 7), (PAGE, 8), (3 * PAGE - 1, 9)]);
        assert_eq!(read(&memory, PAGE - 2..PAGE + 2).unwrap(), [0, 7, 8, 0]);
        assert_eq!(read(&memory, 3 * PAGE - 1..3 * PAGE).unwrap(), [9]);
        assert_eq!(read(&memory, 3 * PAGE - 1..3 * PAGE + 1), None);
    }

    #[test]
    fn differences_that_are_close_are_one_also_across_pages() {
        let before = memory(&[(10, 1), (PAGE - 1, 1)]);
        let after = memory(&[(10, 2), (19, 3), (29, 4), (PAGE - 1, 5), (PAGE + 2, 6)]);
        let found = differences(&before, &after);
        let at: Vec<_> = found.first.iter().map(|one| one.at.clone()).collect();
        assert_eq!(at, [10..20, 29..30, PAGE - 1..PAGE + 3]);
        assert_eq!((found.count, found.bytes), (3, 15));
        assert_eq!(found.first[0].before, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(found.first[2].after, [5, 0, 0, 6]);
        assert_eq!(differences(&after, &after), Differences::default());
    }

    #[test]
    fn only_the_first_differences_are_told_apart_and_only_their_first_bytes() {
        let bytes: Vec<_> = (0..DISTINCT as u64 + 5).map(|number| (number * 100, 1)).collect();
        let found = differences(&memory(&[]), &memory(&bytes));
        assert_eq!((found.first.len(), found.count), (DISTINCT, DISTINCT as u64 + 5));
        let long: Vec<_> = (0..90).map(|at| (at, 1)).collect();
        let found = differences(&memory(&[]), &memory(&long));
        assert_eq!((found.first[0].at.clone(), found.first[0].after.len()), (0..90, SHOWN_BYTES));
    }

    #[test]
    fn a_memory_that_has_grown_differs_in_what_was_written_there() {
        let (before, after) = (memory(&[]), memory(&[(PAGE + 1, 1)]));
        let before = MemoryImage { pages: 1, ..before };
        let found = differences(&before, &after);
        assert_eq!((found.first[0].at.clone(), found.first[0].before[0]), (PAGE + 1..PAGE + 2, 0));
    }

    #[test]
    fn a_value_is_written_by_its_type() {
        let text = |value| format!("{} {}", type_text(value), value_text(value));
        assert_eq!(text(GlobalValue::I32(-5)), "i32 -5");
        assert_eq!(text(GlobalValue::F32(0.5_f32.to_bits())), "f32 0.5");
        assert_eq!(text(GlobalValue::F64((-0.0_f64).to_bits())), "f64 -0.0");
        let nan = GlobalValue::F64(0xfff8_0000_0000_0001);
        assert_eq!(text(nan), "f64 NaN (0xfff8000000000001)");
    }
}
