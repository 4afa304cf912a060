//! The parts that the surface's binary formats are made of. Reading never reserves memory for a
//! length that may lie, and never panics.

/// Appends the bytes with their length before them.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out.extend_from_slice(bytes);
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

    pub(crate) fn take(&mut self, size: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.rest.split_at_checked(size).ok_or("it ends too early")?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        self.take(N)?.try_into().map_err(|_| "it ends too early")
    }

    /// Bytes as [`put_bytes`] writes them.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], &'static str> {
        let size = u32::from_le_bytes(self.array()?);
        self.take(size as usize)
    }

    /// A count, and as many items. Nothing is reserved for a count that may lie.
    pub(crate) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, &'static str>,
    ) -> Result<Vec<T>, &'static str> {
        let count = u32::from_le_bytes(self.array()?);
        (0..count).map(|_| item(self)).collect()
    }
}
