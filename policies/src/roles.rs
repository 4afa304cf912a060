//! Who may do what. A `Permit` proves that the roles said yes.

/// What a token's bearer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    SuperAdmin,
    Developer,
    Viewer,
}
