//! The decision on web fetches through its public door: rules, a request and a lookup in, a
//! destination or a refusal out.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod corpus;
mod disguises;
mod properties;
mod world;
