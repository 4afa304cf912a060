//! The native kind of sims: a library laid out in an image, what it runs in, and the turns that the
//! two take. Knows nothing of the order in which a sim's exports are called.

mod asked;
mod backend;
pub(crate) mod copied;
mod driver;
mod enclosure;
mod ends;
mod image;
mod instance;
mod layout;
mod library;
mod memory;
mod process;
mod tier;

use lattice_policies::{Policy, Sha256};

#[cfg(all(feature = "microvm", target_arch = "x86_64"))]
pub(crate) use self::{
    driver::charge,
    enclosure::{Enclosure, Exception, NativeCall, NativeEnd},
    image::Image,
};
pub use backend::EnclosureKind;
pub(crate) use instance::Instance;
pub(crate) use library::Library;
pub use tier::NativeTier;
pub(crate) use tier::Tier;

/// Names what else than a native module decides what it comes to: how it is laid out and answered,
/// and the policy.
pub(crate) fn fingerprint(policy: &Policy) -> Sha256 {
    let mut settings = b"lattice native ".to_vec();
    settings.extend_from_slice(&lattice_cell::VERSION.to_le_bytes());
    settings.extend_from_slice(&policy.native_fingerprint().0);
    Sha256::of(&settings)
}
