//! The system, through the doors that its users have: the built `lattice` binary, HTTP, players'
//! WebSockets, and the SQLite file that an auditor opens. One module a subject.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "in a test a panic is the verdict"
)]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the tests come to the system from outside"
)]

mod app;
mod clang;
mod counter;
mod native_hosts;
mod peer;
mod sims;
mod socket;
mod tally;
mod webdriver;

mod admission;
mod audit;
mod bad_input;
mod browser;
mod builds;
mod cli;
mod cli_data;
mod cli_dev;
mod cli_scan;
mod containment;
mod demo;
mod dependencies;
mod description;
mod egress;
mod explain;
mod fetches;
mod fork;
mod gate;
mod inspect;
mod libcxx;
mod lifecycle;
mod logs;
mod matches;
mod metrics;
mod native_attacks;
mod native_match;
mod native_same;
mod native_upload;
mod outbound;
mod overload;
mod pages;
mod play;
mod receipts;
mod replay;
mod restart;
mod resume;
mod roles;
mod tokens;
mod twin;
mod twin_broken;
mod twin_played;
mod upgrade;
mod upload;
