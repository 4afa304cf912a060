//! What a guest is between two calls into it, beside its surface: its memory and its mutable
//! globals, copied out. Knows nothing of ticks.

use std::sync::Arc;

use crate::snapshot::{MemoryImage, Page};

/// A copy of a guest, its pages not hashed yet: that takes longer than the copy, and the guest can
/// go on meanwhile.
pub struct Image {
    pub(crate) pages: u32,
    /// By their numbers, in order.
    pub(crate) filled: Vec<(u32, Arc<[u8]>)>,
    pub(crate) globals: Vec<u8>,
}

impl Image {
    /// The memory, with the hashes of its pages.
    pub(crate) fn into_parts(self) -> (MemoryImage, Vec<u8>) {
        let page = |(number, bytes): (u32, Arc<[u8]>)| (number, Page::from(bytes));
        let filled = self.filled.into_iter().map(page).collect();
        (MemoryImage { pages: self.pages, filled }, self.globals)
    }
}
