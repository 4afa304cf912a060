//! The command line: what there is to type, and one file a command.
//!
//! Owns the words, the help and the exit codes. Never decides and never stores: each command asks
//! the same parts as the server does, or the server itself.

mod audit;
mod audit_heads;
mod backup;
mod build;
mod build_flags;
mod build_libcxx;
mod build_words;
mod client;
mod data;
mod dev;
mod egress;
mod error;
mod explain;
mod fork;
mod game;
mod inspect;
mod key;
mod logs;
mod matches;
mod receipt;
mod receipt_check;
mod receipt_verify;
mod replay;
mod scan;
mod serve;
mod shell;
mod sse;
mod table;
mod terminal;
mod token;
mod upload;
mod verdict;
mod verify;
mod verify_match;
mod verify_native;
mod verify_sandbox;
mod verify_twice;

use std::{future::Future, process::ExitCode};

use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;

pub(crate) use error::CliError;

/// Run untrusted game simulations in a sandbox, and play them.
#[derive(Debug, Parser)]
#[command(
    name = "lattice",
    version,
    after_help = "\
First steps:
  lattice scan game_sim.wasm                       what would the console say to this module?
  lattice dev game_sim.cpp                         build, run and play it here, without an account
  lattice serve                                    the console on http://127.0.0.1:3004
  export LATTICE_TOKEN=lat_...                     the token that the first start printed
  lattice game new arena                           a game to upload to
  lattice upload game_sim.wasm --game g_... --version 1.0.0
  lattice match new --game g_...                   a match of its highest version
  lattice match player m_...                       a link to play it
  lattice replay m_...                             the same match again, from what came into it
  lattice inspect m_... --at 600                   what was in its memory before tick 600?
  lattice fork m_... --at 600                      a new match that goes on from there

Exit codes: 0 done, 1 failed or refused, 2 bad usage, configuration or unreadable input.
`lattice COMMAND --help` has examples of each command."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Scan(scan::Scan),
    Build(build::Build),
    Verify(verify::Verify),
    Upload(upload::Upload),
    Game(game::GameArgs),
    Match(matches::MatchArgs),
    Replay(replay::Replay),
    Inspect(inspect::Inspect),
    Fork(fork::Fork),
    Receipt(receipt::ReceiptArgs),
    Egress(egress::EgressArgs),
    Token(token::TokenArgs),
    Key(key::KeyArgs),
    Audit(audit::AuditArgs),
    Backup(backup::BackupArgs),
    Dev(dev::Dev),
}

/// Reads the command line, does what it says, and makes the exit code of what came of it.
pub fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if !error.is_told() {
                eprintln!("lattice: {error}");
            }
            error.exit_code()
        }
    }
}

fn run(command: Command) -> Result<(), CliError> {
    match command {
        Command::Serve(args) => serve::run(args),
        Command::Scan(args) => scan::run(&args),
        Command::Build(args) => build::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Upload(args) => wait_for(upload::run(&args)),
        Command::Game(args) => wait_for(game::run(&args)),
        Command::Match(args) => wait_for(matches::run(&args)),
        Command::Replay(args) => wait_for(replay::run(&args)),
        Command::Inspect(args) => wait_for(inspect::run(&args)),
        Command::Fork(args) => wait_for(fork::run(&args)),
        Command::Receipt(args) => receipt::run(&args),
        Command::Egress(args) => wait_for(egress::run(&args)),
        Command::Token(args) => token::run(&args),
        Command::Key(args) => key::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Backup(args) => backup::run(&args),
        Command::Dev(args) => dev::run(&args),
    }
}

fn wait_for(command: impl Future<Output = Result<(), CliError>>) -> Result<(), CliError> {
    runtime()?.block_on(command)
}

/// For commands that talk over the network; one thread is plenty.
fn runtime() -> Result<Runtime, CliError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CliError::failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_teaches_by_example() {
        for command in Cli::command().get_subcommands() {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let example = format!("  lattice {}", command.get_name());
            assert!(help.contains(&example), "`lattice {} --help`", command.get_name());
        }
    }
}
