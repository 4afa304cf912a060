//! The parts that the surface's binary formats are made of. Reading never reserves memory for a
//! length that may lie, and never panics.

/// What nothing is counted beyond.
const MOST: u64 = i64::MAX as u64;

/// Appends the bytes with their length before them.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
}

/// Appends a count, and as many items.
pub(crate) fn put_list<T>(
    out: &mut Vec<u8>,
    items: impl ExactSizeIterator<Item = T>,
    mut put: impl FnMut(&mut Vec<u8>, T),
) {
    out.extend_from_slice(&(items.len() as u32).to_le_bytes());
    items.for_each(|item| put(out, item));
}

/// What is left of bytes that are being read.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Bytes that are left.
    pub(crate) fn len(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn take(&mut self, size: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.rest.split_at_checked(size).ok_or("it ends too early")?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        self.take(N)?.try_into().map_err(|_| "it ends too early")
    }

    /// What something has been counted to: far enough from the number's end to be counted on.
    pub(crate) fn count(&mut self) -> Result<u64, &'static str> {
        let count = u64::from_le_bytes(self.array()?);
        if count <= MOST { Ok(count) } else { Err("a count that nothing reaches") }
    }

    /// Bytes as [`put_bytes`] writes them.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], &'static str> {
        let size = u32::from_le_bytes(self.array()?);
        self.take(size as usize)
    }

    /// Items as [`put_list`] writes them. Nothing is reserved for a count that may lie.
    pub(crate) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, &'static str>,
    ) -> Result<Vec<T>, &'static str> {
        let count = u32::from_le_bytes(self.array()?);
        (0..count).map(|_| item(self)).collect()
    }
}

/// Whether each item is above the one before, so that a set or a map has one encoding.
pub(crate) fn is_ascending<T: Ord>(items: &[T]) -> bool {
    items.is_sorted_by(|one, next| one < next)
}
