//! `arena-bots`: plays an arena match with one bot a token, and says what each one saw.

use std::process::ExitCode;
use std::time::Duration;

use arena_bots::client::{Played, Until, play};
use clap::Parser;

/// Plays an arena match with one bot for each token, checking every message that arrives.
///
/// Exit status: 0 if every check held and every bot got to the end; 1 if not; 2 for wrong usage.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The match: ws://HOST:PORT/matches/MATCH/play
    #[arg(long)]
    url: String,

    /// A player's token; give it once for each bot
    #[arg(long = "token", required = true)]
    tokens: Vec<String>,

    /// Play for so many seconds [default: 10]
    #[arg(long, conflicts_with = "ticks")]
    seconds: Option<u64>,

    /// Play for so many ticks of the match
    #[arg(long)]
    ticks: Option<u32>,

    /// Of the first bot's plan; the next bot has the next one
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Also demand that every bot moved and saw every other one
    #[arg(long)]
    check: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let games = play_all(&arguments).await;
    let mut complaints = Vec::new();
    for (i, game) in games.iter().enumerate() {
        println!("bot {}: {}", i + 1, game.tally);
        complaints.extend(game.outcome.as_ref().err().map(|e| format!("bot {}: {e}", i + 1)));
    }
    if arguments.check {
        complaints.extend(demands(&games));
    }
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    if complaints.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn play_all(arguments: &Arguments) -> Vec<Played> {
    let until = match arguments.ticks {
        Some(ticks) => Until::Ticks(ticks),
        None => Until::Elapsed(Duration::from_secs(arguments.seconds.unwrap_or(10))),
    };
    let bots = arguments.tokens.iter().zip(arguments.seed..).map(|(token, seed)| {
        let (url, token) = (arguments.url.clone(), token.clone());
        tokio::spawn(async move { play(&url, &token, seed, until).await })
    });
    let bots: Vec<_> = bots.collect();
    let mut games = Vec::new();
    for bot in bots {
        match bot.await {
            Ok(game) => games.push(game),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
    games
}

// What --check demands beyond the rules of the protocol.
fn demands(games: &[Played]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (i, game) in games.iter().enumerate() {
        if !game.tally.moved() {
            complaints.push(format!("bot {} did not move", i + 1));
        }
        for (j, other) in games.iter().enumerate() {
            if i != j && !game.tally.saw(&other.tally) {
                complaints.push(format!("bot {} did not see bot {}", i + 1, j + 1));
            }
        }
    }
    complaints
}
