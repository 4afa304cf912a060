//! The system, through the doors that its users have: the built `lattice` binary, HTTP, players'
//! WebSockets, and the SQLite file that an auditor opens. One module a subject.

mod app;
mod sims;
mod socket;

mod admission;
mod audit;
mod bad_input;
mod builds;
mod description;
mod lifecycle;
mod logs;
mod matches;
mod metrics;
mod pages;
mod play;
mod restart;
mod roles;
mod tokens;
mod upload;
