//! What is asked of the native tier, and what a native module may be at most.

use serde::{Deserialize, Serialize};

use crate::isolation::{Barrier, Isolation};

/// The native tier: whether it is there, behind what, and its limits beside those of every module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NativeLimits {
    pub enabled: bool,
    /// Barriers without one of which no native sim is run.
    pub minimum: Isolation,
    /// The sim's stack, in bytes; whole pages of it are mapped.
    pub stack_bytes: u32,
    /// From a module's address 0 to the end of its last segment, in bytes.
    pub image_bytes: u32,
    /// Segments that are loaded.
    pub segments: u32,
    /// Symbols by which a module is linked, its own and those it imports.
    pub symbols: u32,
    pub relocations: u32,
    /// Functions' names that are kept for telling where a fault was; the rest are passed over.
    pub names: u32,
}

impl Default for NativeLimits {
    fn default() -> Self {
        use Barrier::{Clock, EmptyRoot, Landlock, Namespaces, Seccomp, Unprivileged};
        let minimum = [Seccomp, Clock, Unprivileged, Namespaces, EmptyRoot, Landlock];
        Self {
            enabled: false,
            minimum: minimum.into_iter().collect(),
            stack_bytes: 1 << 20,
            image_bytes: 256 << 20,
            segments: 32,
            symbols: 20_000,
            relocations: 200_000,
            names: 20_000,
        }
    }
}
