//! Growth of a guest's memory and table: refused by policy always the same way, and never
//! refused by the machine without ending the match.

use wasmtime::ResourceLimiter;

/// The machine refused growth that the policy allows. It ends the match, as caused by the host:
/// a -1 here would make the match depend on the machine it runs on.
#[derive(Debug, thiserror::Error)]
#[error("the machine refused memory that the policy allows: {0}")]
pub(crate) struct GrowthRefused(String);

/// The limits of one guest.
#[derive(Debug)]
pub(crate) struct MemoryLimit {
    bytes: usize,
    table_elements: usize,
    /// The memory's size after the last growth that was allowed.
    memory_bytes: usize,
    /// The growth in progress was allowed, so a failure now is the machine's.
    allowed: bool,
}

impl MemoryLimit {
    pub(crate) fn new(bytes: usize, table_elements: usize) -> Self {
        Self { bytes, table_elements, memory_bytes: 0, allowed: false }
    }

    /// Bytes of linear memory. Growth that the machine refused does not matter: it ends the guest.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }

    fn decide(&mut self, desired: usize, limit: usize, maximum: Option<usize>) -> bool {
        self.allowed = desired <= limit && maximum.is_none_or(|maximum| desired <= maximum);
        self.allowed
    }

    fn failed(&mut self, error: &wasmtime::Error) -> wasmtime::Result<()> {
        if std::mem::take(&mut self.allowed) {
            return Err(GrowthRefused(error.to_string()).into());
        }
        Ok(())
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let allowed = self.decide(desired, self.bytes, maximum);
        if allowed {
            self.memory_bytes = desired;
        }
        Ok(allowed)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.failed(&error)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.decide(desired, self.table_elements, maximum))
    }

    fn table_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.failed(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_over_a_limit_is_a_minus_one_and_a_refusing_machine_is_a_fault() {
        let mut limit = MemoryLimit::new(1 << 20, 10);
        let error = || wasmtime::Error::msg("mprotect failed");
        assert!(!limit.memory_growing(0, 2 << 20, None).unwrap());
        assert!(!limit.memory_growing(0, 1 << 20, Some(1 << 16)).unwrap());
        assert!(limit.memory_grow_failed(error()).is_ok());
        assert!(limit.memory_growing(0, 1 << 20, None).unwrap());
        assert!(limit.memory_grow_failed(error()).is_err());
        assert!(!limit.table_growing(0, 11, None).unwrap());
    }
}
