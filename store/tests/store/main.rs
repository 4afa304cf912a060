//! The store through its public door, and the database behind it through plain SQLite.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails; the exemption for tests leaves out their helpers"
)]

mod audit_doc;
mod backups;
mod builds;
mod chain;
mod concurrency;
mod crash;
mod egress;
mod folder;
mod gate;
mod inputs;
mod matches;
mod migration;
mod native;
mod players_and_logs;
mod receipts;
mod resume;
mod snapshots;
mod tokens;
mod views;
mod world;
