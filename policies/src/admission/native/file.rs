//! The uploaded file: every byte that the scan looks at is asked for here, so that the work is what
//! the tables' bytes add up to, whatever they claim.

use std::ops::Range;

#[derive(Default)]
pub(super) struct File<'a> {
    bytes: &'a [u8],
    #[cfg(test)]
    asked_for: std::cell::Cell<usize>,
}

impl<'a> File<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            #[cfg(test)]
            asked_for: std::cell::Cell::new(0),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// `None` if the file has not all of them.
    pub(super) fn get(&self, range: Range<usize>) -> Option<&'a [u8]> {
        let bytes = self.bytes.get(range)?;
        #[cfg(test)]
        self.asked_for.set(self.asked_for.get() + bytes.len());
        Some(bytes)
    }

    /// The entries of a table, each of `size` bytes; `None` if the file has not all of them.
    pub(super) fn table(&self, offset: u64, count: usize, size: usize) -> Option<&'a [u8]> {
        let start = usize::try_from(offset).ok()?;
        self.get(start..start.checked_add(count.checked_mul(size)?)?)
    }

    /// How many bytes were asked for so far, each as often as it was.
    #[cfg(test)]
    pub(super) fn asked_for(&self) -> usize {
        self.asked_for.get()
    }
}
