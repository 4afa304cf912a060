//! The first place where two guests are not the same, though they should be. Never looks at what
//! they said.

use std::{iter, ops::Range};

use crate::{image::Image, snapshot::PAGE_BYTES};

/// Where two guests are not the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImageDifference {
    /// The sizes of their memories, in pages of 64 KiB.
    Size { one: u32, other: u32 },
    /// These bytes of their memories: the first that differs, and those that follow at once.
    Memory(Range<u32>),
    /// The mutable global that has this place among them, from 0 on.
    Global(usize),
}

/// So many equal bytes end what differs.
const APART: usize = 16;
static ZEROS: [u8; PAGE_BYTES] = [0; PAGE_BYTES];

impl Image {
    /// The first place where another guest is not the same.
    pub fn first_difference(&self, other: &Self) -> Option<ImageDifference> {
        if self.pages != other.pages {
            return Some(ImageDifference::Size { one: self.pages, other: other.pages });
        }
        let numbers = self.filled.iter().chain(&other.filled).map(|(number, _)| *number);
        let differs = |number: &u32| self.page(*number) != other.page(*number);
        if let Some(number) = numbers.filter(differs).min() {
            let Range { start, end } = first_range(self.page(number), other.page(number));
            let base = number as usize * PAGE_BYTES;
            return Some(ImageDifference::Memory((base + start) as u32..(base + end) as u32));
        }
        let (mut one, mut another) = (globals(&self.globals), globals(&other.globals));
        let pairs = iter::from_fn(|| Some((one.next()?, another.next()?)));
        pairs.map(|(one, other)| one == other).position(|same| !same).map(ImageDifference::Global)
    }

    fn page(&self, number: u32) -> &[u8] {
        let at = self.filled.binary_search_by_key(&number, |(number, _)| *number);
        at.map_or(&ZEROS, |at| &self.filled[at].1)
    }
}

fn first_range(one: &[u8], other: &[u8]) -> Range<usize> {
    let start = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let mut end = start;
    for at in start..one.len() {
        if one[at] != other[at] {
            end = at + 1;
        } else if at >= end + APART {
            break;
        }
    }
    start..end
}

/// The globals of an image, one by one: a type, and as many bytes as its values have.
fn globals(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    iter::from_fn(move || {
        let size = match rest.first()? {
            0x7f | 0x7d => 4,
            0x7e | 0x7c => 8,
            _ => 16,
        };
        let (global, behind) = rest.split_at_checked(1 + size)?;
        rest = behind;
        Some(global)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn image(bytes: &[(usize, u8)], globals: &[u8]) -> Image {
        let mut pages = vec![vec![0; PAGE_BYTES]; 3];
        for (at, byte) in bytes {
            pages[at / PAGE_BYTES][at % PAGE_BYTES] = *byte;
        }
        let filled = (0..).zip(pages).filter(|(_, page)| page.iter().any(|byte| *byte != 0));
        let filled = filled.map(|(number, page)| (number, Arc::from(page))).collect();
        Image { pages: 3, filled, globals: globals.to_vec() }
    }

    #[test]
    fn the_first_bytes_that_differ_are_found_wherever_they_are() {
        let one = image(&[(7, 1), (PAGE_BYTES + 3, 2)], &[]);
        assert_eq!(one.first_difference(&one), None);
        let memory = |bytes| one.first_difference(&image(bytes, &[]));
        let at = |range| Some(ImageDifference::Memory(range));
        assert_eq!(memory(&[(7, 1)]), at(65_539..65_540), "a page that is all zero");
        assert_eq!(memory(&[(7, 1), (PAGE_BYTES + 3, 2), (131_072, 1)]), at(131_072..131_073));
        let near = [(7, 2), (9, 1), (24, 1), (60, 1), (PAGE_BYTES + 3, 9)];
        assert_eq!(memory(&near), at(7..25), "what is near it belongs to it, and what is far not");
    }

    #[test]
    fn a_size_and_a_global_are_differences() {
        let globals = |second: u8| [&[0x7f, 1, 0, 0, 0, 0x7e][..], &[second; 8]].concat();
        let one = image(&[], &globals(5));
        assert_eq!(one.first_difference(&image(&[], &globals(5))), None);
        assert_eq!(
            one.first_difference(&image(&[], &globals(6))),
            Some(ImageDifference::Global(1))
        );
        let larger = Image { pages: 4, ..image(&[], &globals(5)) };
        let expected = Some(ImageDifference::Size { one: 3, other: 4 });
        assert_eq!(one.first_difference(&larger), expected);
    }
}
