//! `leaderboard-service`: serves the leaderboard until it is told to stop.

use std::{io, net::SocketAddr};

use clap::Parser;
use leaderboard_service::{board::Board, http::routes};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

/// Keeps scores in memory and tells the top ten: POST /scores, GET /scores.
///
/// Prints its address, then a line for each request.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// Where to listen; port 0 is any free one
    #[arg(long, default_value = "127.0.0.1:9000")]
    listen: SocketAddr,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind(Arguments::parse().listen).await?;
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    println!("listening on http://{}", listener.local_addr()?);
    let stop = async move {
        tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
    };
    axum::serve(listener, routes(Board::default())).with_graceful_shutdown(stop).await
}
