//! The admission scan through its public door: modules in, verdicts out.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::format_collect, reason = "modules are made of repeated text")]

mod binary;
mod constants;
mod corpus;
mod dataflow;
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
