//! The one checked way into a guest's memory. Every byte a guest hands over or receives passes
//! here; nothing else indexes into it.

use lattice_policies::Code;
use thiserror::Error;

/// `(ptr, len)` does not lie inside the guest's memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the range does not lie inside the sim's memory")]
pub struct BadPointer;

impl From<BadPointer> for Code {
    fn from(_: BadPointer) -> Self {
        Code::BadPointer
    }
}

/// A guest's linear memory for the length of one host call.
pub struct GuestMemory<'a>(&'a mut [u8]);

impl<'a> GuestMemory<'a> {
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Self(bytes)
    }

    /// The bytes at `(ptr, len)`. An empty range may lie at the very end.
    pub fn read(&self, ptr: u32, len: u32) -> Result<&[u8], BadPointer> {
        let (start, end) = range(ptr, len)?;
        self.0.get(start..end).ok_or(BadPointer)
    }

    /// The same bytes, to be written.
    pub fn write(&mut self, ptr: u32, len: u32) -> Result<&mut [u8], BadPointer> {
        let (start, end) = range(ptr, len)?;
        self.0.get_mut(start..end).ok_or(BadPointer)
    }
}

/// Pointers and lengths are unsigned; their sum is taken in 64 bits, so that it can't wrap.
fn range(ptr: u32, len: u32) -> Result<(usize, usize), BadPointer> {
    let end = u64::from(ptr) + u64::from(len);
    Ok((ptr as usize, usize::try_from(end).map_err(|_| BadPointer)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ranges_inside_the_memory_are_reached() {
        let mut bytes = [1, 2, 3, 4];
        let memory = GuestMemory::new(&mut bytes);
        assert_eq!(memory.read(1, 2), Ok(&[2, 3][..]));
        assert_eq!(memory.read(4, 0), Ok(&[][..]));
        for (ptr, len) in
            [(5, 0), (4, 1), (0, 5), (u32::MAX, 1), (u32::MAX, u32::MAX), (8, u32::MAX - 4)]
        {
            assert_eq!(memory.read(ptr, len), Err(BadPointer), "({ptr}, {len})");
        }
    }
}
