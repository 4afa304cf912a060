//! `leaderboard-player`: plays a match of the leaderboard example, and prints what it hears.

use std::{process::ExitCode, time::Duration};

use clap::Parser;
use leaderboard_player::client::{Until, play};
use tokio::time::timeout;

/// Plays a match of the leaderboard example, guessing by halves.
///
/// Exit status: 0 if it got what it played for; 1 if not; 2 for wrong usage.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The match: ws://HOST:PORT/matches/MATCH/play
    #[arg(long)]
    url: String,

    /// The player's token
    #[arg(long)]
    token: String,

    /// Play so many runs
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,

    /// Play one run, and wait until the leaderboard lists this name with its points
    #[arg(long, value_name = "NAME", conflicts_with = "runs")]
    until_listed: Option<String>,

    /// Give up after so many seconds
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Arguments { url, token, runs, until_listed, seconds } = Arguments::parse();
    let until = until_listed.map_or(Until::Runs(runs), Until::Listed);
    match timeout(Duration::from_secs(seconds), play(&url, &token, until)).await {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(error)) => eprintln!("{error}"),
        Err(_) => eprintln!("not after {seconds} seconds"),
    }
    ExitCode::FAILURE
}
