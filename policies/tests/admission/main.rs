//! The admission scan through its public door: modules in, verdicts out.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod binary;
mod corpus;
mod exports;
mod features;
mod imports;
mod limits;
mod mutations;
mod reasons;
mod segments;
mod sim;
mod storage;
mod toolchain;
