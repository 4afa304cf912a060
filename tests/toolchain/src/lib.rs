//! Tests of the sim author's headers, by what an author does with them: compile and run.
//!
//! Owns the compiling of sims (`compile`), their running in bare wasmtime (`sim`) and as shared
//! objects (`cell`), and what a module says of itself (`module`). Never uses the host's code, so that the headers are held to the
//! surface and not to one implementation of it. Needs clang, lld and gcc.

#[cfg(test)]
mod abi;
#[cfg(test)]
mod accuracy;
#[cfg(test)]
mod bare;
#[cfg(test)]
mod cell;
#[cfg(test)]
mod compile;
#[cfg(test)]
mod cxx;
#[cfg(test)]
mod equality;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod headers;
#[cfg(test)]
mod library;
#[cfg(test)]
mod module;
#[cfg(test)]
mod object;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod start;
