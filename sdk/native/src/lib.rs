//! `liblattice_runner.a`: a sim's source, compiled for this machine and linked with it, is a program
//! that plays a match from its input log or with made-up players.
//!
//! Owns the C boundary and the program's words. Never the meaning of a call: that is the surface's,
//! as in the sandbox.

mod arguments;
mod calls;
mod native_match;
mod program;
mod sim;
