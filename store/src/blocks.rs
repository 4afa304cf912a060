//! Blocks of LZ4, as which the larger bytes stand in the database.

use lz4_flex::block::{compress, decompress};

/// No block holds more than so many times its own bytes.
const MOST_RATIO: usize = 255;

/// Bytes and the block that they are stored as.
pub(crate) struct Packed<'a> {
    pub(crate) block: Vec<u8>,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Packed<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { block: compress(bytes), bytes }
    }

    /// How many bytes the block holds, as it is stored beside it.
    pub(crate) fn length(&self) -> i64 {
        self.bytes.len() as i64
    }
}

/// The bytes of a block that was stored with that length, if it is such a block. The length is
/// believed only as far as the block allows.
pub(crate) fn unpack(block: &[u8], length: i64) -> Option<Vec<u8>> {
    let length = usize::try_from(length).ok()?;
    if length > block.len().saturating_mul(MOST_RATIO) {
        return None;
    }
    decompress(block, length).ok().filter(|bytes| bytes.len() == length)
}
