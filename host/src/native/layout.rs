//! Where the parts of a native sim lie in its image: the module's segments, the gate by which it
//! calls the host, its stack and its arena, with gaps between them that are never mapped.

use std::ops;

use lattice_cell::{IMAGE_BASE, Range, Rights};
use lattice_policies::{
    Policy,
    admission::{NativeModule, NativeRights, PAGE_BYTES},
    functions::HOST_FUNCTIONS,
};
use thiserror::Error;

use crate::snapshot;

/// Parts begin at multiples of this, and between two of them so much is not mapped.
const PART: u64 = snapshot::PAGE_BYTES as u64;
/// What is not mapped below the stack: a frame of less than this that does not fit is found out.
const STACK_GAP: u64 = 16 << 20;
/// Bytes of the code of one host function in the gate, and of the slot that it jumps by.
pub(super) const GATE_CODE: u64 = 16;
pub(super) const GATE_SLOT: u64 = 8;

const _: () = assert!(HOST_FUNCTIONS.len() as u64 * GATE_CODE <= PAGE_BYTES);

/// A native sim would not lie in 32 bits, which is what its pointers have on the surface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "with its stack and {memory_pages} pages of memory the sim takes {span} bytes, and there are \
     less than 4 GiB; lower `memory_pages` or `stack_bytes`"
)]
pub(crate) struct TooLarge {
    memory_pages: u32,
    span: u64,
}

/// Where a native sim's parts lie. Places are offsets in the image, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    /// What is mapped: ascending, none over another.
    pub(crate) ranges: Vec<Range>,
    /// The image's size, in whole pages of 64 KiB.
    pub(crate) span: u64,
    /// The code of the gate, a host function after the other, and the slots that it jumps by.
    pub(crate) gate_code: u64,
    pub(crate) gate: u64,
    pub(crate) stack: ops::Range<u64>,
    pub(crate) arena: ops::Range<u64>,
}

impl Layout {
    pub(crate) fn of(module: &NativeModule, policy: &Policy) -> Result<Self, TooLarge> {
        let memory_pages = policy.admission.memory_pages;
        let gate_code = behind(module.span);
        let gate = gate_code + PAGE_BYTES;
        let stack = (gate + PAGE_BYTES).next_multiple_of(PART) + STACK_GAP;
        let stack =
            stack..stack + u64::from(policy.native.stack_bytes).next_multiple_of(PAGE_BYTES);
        let arena = behind(stack.end);
        let size = (u64::from(memory_pages) * PART).saturating_sub(module.writable_bytes());
        let size = module.arena.map_or(0, |_| size / PAGE_BYTES * PAGE_BYTES);
        let arena = arena..arena + size;
        let span = arena.end.next_multiple_of(PART);
        if u32::try_from(span).is_err() {
            return Err(TooLarge { memory_pages, span });
        }
        let mut layout = Self { ranges: Vec::new(), span, gate_code, gate, stack, arena };
        layout.ranges = layout.mapped(module);
        Ok(layout)
    }

    fn mapped(&self, module: &NativeModule) -> Vec<Range> {
        let segments = module.segments.iter().map(|segment| {
            let rights = match segment.rights {
                NativeRights::Read => Rights::Read,
                NativeRights::Execute => Rights::Execute,
                NativeRights::Write => Rights::Write,
            };
            Range { offset: segment.address, len: segment.len, rights }
        });
        let page = |offset, rights| Range { offset, len: PAGE_BYTES, rights };
        let written = |part: &ops::Range<u64>| Range {
            offset: part.start,
            len: part.end - part.start,
            rights: Rights::Write,
        };
        let gate = [page(self.gate_code, Rights::Execute), page(self.gate, Rights::Gate)];
        let ranges = segments.chain(gate).chain([written(&self.stack), written(&self.arena)]);
        ranges.filter(|range| range.len > 0).collect()
    }

    /// The address by which the sim calls the host function at that place of the table.
    pub(super) fn host_function(&self, place: usize) -> u64 {
        IMAGE_BASE + self.gate_code + place as u64 * GATE_CODE
    }

    /// What the sim may write, ascending.
    pub(crate) fn writable(&self) -> impl Iterator<Item = ops::Range<u64>> {
        let writable = self.ranges.iter().filter(|range| range.rights == Rights::Write);
        writable.map(|range| range.offset..range.offset + range.len)
    }

    /// Whether all of a call's range lies in what the sim may write. An empty one lies anywhere.
    pub(crate) fn is_writable(&self, ptr: u32, len: u32) -> bool {
        let (mut at, end) = (u64::from(ptr), u64::from(ptr) + u64::from(len));
        for part in self.writable() {
            if part.contains(&at) {
                at = part.end;
            }
        }
        len == 0 || at >= end
    }

    /// Whether an access there was one beyond the stack's end.
    pub(crate) fn is_below_stack(&self, offset: u64) -> bool {
        (self.stack.start - STACK_GAP..self.stack.start).contains(&offset)
    }

    /// The image's size in pages of 64 KiB.
    pub(crate) fn pages(&self) -> u32 {
        (self.span / PART) as u32
    }
}

/// Where the part begins that follows one which ends there.
fn behind(end: u64) -> u64 {
    end.next_multiple_of(PART) + PART
}

#[cfg(test)]
mod tests {
    use lattice_policies::admission::NativeSegment;

    use super::*;

    fn module(arena: Option<u64>) -> NativeModule {
        let segment = |address, len, rights| NativeSegment { address, file: 0..0, len, rights };
        let segments = vec![
            segment(0, 4096, NativeRights::Read),
            segment(4096, 8192, NativeRights::Execute),
            segment(16_384, 4096, NativeRights::Write),
            segment(20_480, 4096, NativeRights::Write),
        ];
        NativeModule { segments, arena, span: 24_576, ..NativeModule::default() }
    }

    #[test]
    fn parts_stand_apart_and_the_arena_is_what_the_segments_leave() {
        let layout = Layout::of(&module(Some(16_384)), &Policy::default()).unwrap();
        let parts: Vec<_> = layout.ranges.iter().map(|it| (it.offset, it.rights)).collect();
        let (stack, arena) = (layout.stack.start, layout.arena.start);
        let expected = [
            (0, Rights::Read),
            (4096, Rights::Execute),
            (16_384, Rights::Write),
            (20_480, Rights::Write),
            (131_072, Rights::Execute),
            (135_168, Rights::Gate),
            (stack, Rights::Write),
            (arena, Rights::Write),
        ];
        assert_eq!(parts, expected);
        assert_eq!((stack, stack % PART), (196_608 + STACK_GAP, 0));
        assert_eq!((layout.stack.end - stack, arena), (1 << 20, layout.stack.end + PART));
        assert_eq!(layout.arena.end - arena, (64 << 20) - 8192);
        assert_eq!(layout.span, arena + (64 << 20));
        for (ptr, below) in [(stack - 1, true), (stack - STACK_GAP, true), (stack, false)] {
            assert_eq!(layout.is_below_stack(ptr), below);
        }
        let without = Layout::of(&module(None), &Policy::default()).unwrap();
        assert_eq!((without.ranges.len(), without.span), (7, arena));
    }

    #[test]
    fn an_answer_is_written_only_where_the_sim_may_write_itself() {
        let layout = Layout::of(&module(None), &Policy::default()).unwrap();
        for (ptr, len, is_writable) in [
            (16_384, 8192, true),
            (20_479, 2, true),
            (20_480, 4097, false),
            (16_383, 2, false),
            (4096, 1, false),
            (135_168, 8, false),
            (0, 0, true),
            (u32::MAX, u32::MAX, false),
        ] {
            assert_eq!(layout.is_writable(ptr, len), is_writable, "({ptr}, {len})");
        }
    }

    #[test]
    fn what_does_not_lie_in_32_bits_is_refused_with_its_size() {
        let mut policy = Policy::default();
        policy.admission.memory_pages = 65_536;
        let error = Layout::of(&module(Some(16_384)), &policy).unwrap_err();
        assert!(error.span > 4 << 30 && error.to_string().contains("65536 pages"), "{error}");
    }
}
