//! The player's WebSocket: connects as a page does, prints what it hears, and sends its guesses.
#![allow(clippy::disallowed_methods, reason = "a player connects to the console")]

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::header::{InvalidHeaderValue, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::{
    Error as SocketError, http::HeaderValue, protocol::Message as Frame,
};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::guesser::{Guesser, NoneLeft};
use crate::heard::Heard;

/// When the player has seen enough.
#[derive(Debug, Clone)]
pub enum Until {
    /// So many runs are over.
    Runs(u32),
    /// One run is over, and the leaderboard has this name with its points.
    Listed(String),
}

#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    #[error("the token has characters that no header may have")]
    Token(#[from] InvalidHeaderValue),
    #[error("the connection failed: {0}")]
    Socket(#[from] SocketError),
    #[error("the server closed the connection")]
    Closed,
    #[error("the sim said what its README does not have: {0:?}")]
    Unknown(Vec<u8>),
    #[error(transparent)]
    NoneLeft(#[from] NoneLeft),
}

/// Plays one match with one token. `url` is `ws://host:port/matches/<match>/play`.
pub async fn play(url: &str, token: &str, until: Until) -> Result<(), PlayError> {
    let mut socket = connect(url, token).await?;
    let (mut guesser, mut goal) = (Guesser::default(), Goal { until, runs: 0, points: None });
    while let Some(frame) = socket.next().await {
        let Frame::Binary(message) = frame? else { continue };
        let heard = Heard::parse(&message).ok_or_else(|| PlayError::Unknown(message.to_vec()))?;
        tell(&heard);
        if goal.is_reached(&heard) {
            return Ok(socket.close(None).await?);
        }
        if let Some(guess) = guesser.answer(&heard)?.filter(|_| !goal.only_waits()) {
            socket.send(Frame::binary(guess.to_string())).await?;
        }
    }
    Err(PlayError::Closed)
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(url: &str, token: &str) -> Result<Socket, PlayError> {
    let mut request = url.into_client_request()?;
    let protocols = HeaderValue::try_from(format!("lattice.v1, lattice.token.{token}"))?;
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocols);
    Ok(connect_async(request).await?.0)
}

struct Goal {
    until: Until,
    runs: u32,
    points: Option<u32>, // of the last run
}

impl Goal {
    fn only_waits(&self) -> bool {
        matches!(self.until, Until::Listed(_)) && self.runs > 0
    }

    fn is_reached(&mut self, heard: &Heard) -> bool {
        if let Heard::Score(points) = heard {
            self.runs += 1;
            self.points = Some(*points);
        }
        match (&self.until, heard) {
            (Until::Runs(runs), _) => self.runs >= *runs,
            (Until::Listed(name), Heard::Top(top)) => {
                top.iter().any(|(points, listed)| Some(*points) == self.points && listed == name)
            }
            (Until::Listed(_), _) => false,
        }
    }
}

fn tell(heard: &Heard) {
    match heard {
        Heard::Right(points) => println!("right: {points} points so far"),
        Heard::Score(points) => println!("the run is over: {points} points"),
        Heard::Top(top) => {
            println!("the leaderboard, as the match heard it:");
            for (points, name) in top {
                println!("  {points:>3} {name}");
            }
        }
        Heard::Guess(_) | Heard::Higher | Heard::Lower => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_goal_is_so_many_runs_or_the_player_s_own_line() {
        let mut runs = Goal { until: Until::Runs(2), runs: 0, points: None };
        assert!(!runs.is_reached(&Heard::Score(9)) && !runs.is_reached(&Heard::Lower));
        assert!(runs.is_reached(&Heard::Score(9)));

        let mut listed = Goal { until: Until::Listed("Ada".to_owned()), runs: 0, points: None };
        let top = Heard::Top(vec![(9, "Ada".to_owned()), (8, "Bob".to_owned())]);
        assert!(
            !listed.only_waits() && !listed.is_reached(&top),
            "an older score of the same name"
        );
        assert!(!listed.is_reached(&Heard::Score(8)));
        assert!(!listed.is_reached(&top), "another name with these points");
        assert!(listed.only_waits() && !listed.is_reached(&Heard::Score(9)));
        assert!(listed.is_reached(&top));
    }
}
