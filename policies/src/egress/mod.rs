//! Which web fetches may leave: one pure decision from a game's rules and a guest's request to a
//! permit or to the reason against.
//!
//! Owns the grammar of URLs, headers and allow-list entries, the classes of addresses, and the
//! proofs that carry the decision. Never looks a name up, never opens a socket, never waits.
//!
//! Two proofs guard the way out, and both have private fields and no public constructor:
//! [`EgressPermit`] says that the rules allow a request, and only [`decide`] makes one
//! ([`EgressPermit::renew`] remakes it under newer rules); [`Destination`] says that every address
//! a name has is fit to be dialled, and only [`EgressPermit::vet`] makes one. Code that holds
//! neither has nothing to dial.

pub mod address;
mod decision;
mod destination;
mod entry;
mod headers;
mod host;
mod limits;
mod method;
mod origin;
mod refusal;
mod rules;
mod url;

pub use decision::{EgressPermit, Request, decide};
pub use destination::{AddressRefusal, Destination, Unfit};
pub use entry::{BadEntry, Entry, EntryError};
pub use headers::{HeaderError, HeaderLines};
pub use host::{Host, HostError};
pub(crate) use limits::Range;
pub use limits::{EgressPolicy, FetchLimits, GameEgress};
pub use method::Method;
pub use origin::{AuthorityError, Origin, PortError, Scheme};
pub use refusal::{Cause, Refusal};
pub use rules::{BadRule, Rules};
pub use url::UrlError;

/// The longest URL in bytes.
pub const URL_BYTES: usize = 8 << 10;
/// The most that a request's header lines have together, in bytes.
pub const HEADER_BLOCK_BYTES: usize = 16 << 10;
/// The most headers that a request has.
pub const HEADERS: usize = 64;
/// The longest value of one header in bytes.
pub const HEADER_VALUE_BYTES: usize = 8 << 10;
/// The longest body in bytes that [`FetchLimits::request_body_bytes`] may allow.
pub const BODY_BYTES: usize = 256 << 10;
/// The most entries of one allow-list.
pub const ENTRIES: usize = 256;
