//! The connections: one writer behind a lock, and readers that never wait for it.

/// The platform's memory. Clones share one database; every method blocks on the disk.
#[derive(Debug, Clone)]
pub struct Store {}
