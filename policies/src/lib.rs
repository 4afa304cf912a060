//! Every decision of the platform, as a pure function from input to a proof or to *all* the
//! reasons against.
//!
//! Owns the table of host functions, the admission scan, the limits, the egress rules and the
//! roles.
//! Never opens a file or a socket, and never reads a clock.

pub mod admission;
pub mod codes;
pub mod egress;
pub mod escape;
pub mod functions;
pub mod ids;
pub mod isolation;
pub mod nearest;
pub mod policy;
pub mod roles;
pub mod version;

pub use codes::Code;
pub use ids::{GameId, MatchId, PlayerId, Sha256, TokenId};
pub use policy::Policy;
