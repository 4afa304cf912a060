//! One bot on one WebSocket: connects as the page does, plays until its time is up, and ends at the
//! first byte or rule that is wrong.
#![allow(clippy::disallowed_methods, reason = "a player connects to the console")]

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::header::{InvalidHeaderValue, SEC_WEBSOCKET_PROTOCOL};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message as Frame};
use tokio_tungstenite::tungstenite::{Bytes, Error as SocketError};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::decode::decode;
use crate::pilot::Pilot;
use crate::protocol::{Input, Malformed, Message, State, encode_hello};
use crate::referee::{Referee, Violation};
use crate::tally::Tally;

/// Inputs a second, at most: no more than the page sends.
const INPUTS_A_SECOND: u32 = 30;
/// Close codes of a match that ended: finished, the host stops, stopped by its owner.
const ENDINGS: [u16; 3] = [1000, 1001, 4000];
/// What RFC 6455, 7.1.5, has for a close frame without a code.
const NO_CODE: u16 = 1005;

/// When a bot stops by itself; the end of the match stops it too.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// So much time after it connected.
    Elapsed(Duration),
    /// So many ticks after the first state.
    Ticks(u32),
}

#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    #[error("the address cannot be used: {0}")]
    Address(#[source] SocketError),
    #[error("the token has characters that no header may have")]
    Token(#[from] InvalidHeaderValue),
    #[error("the server refused the player with {status}: {answer}")]
    Refused { status: StatusCode, answer: String },
    #[error("the connection failed: {0}")]
    Socket(SocketError),
    #[error("the server closed with {code}{reason}")]
    Closed { code: u16, reason: String },
    #[error("the server sent text, where every message is binary")]
    Text,
    #[error("after tick {tick}, message {number} ({len} bytes): {why}")]
    Malformed { tick: u32, number: u64, len: usize, why: Malformed },
    #[error("after tick {tick}, message {number} breaks a rule: {why}")]
    Violation { tick: u32, number: u64, why: Violation },
}

impl From<SocketError> for PlayError {
    fn from(error: SocketError) -> Self {
        let SocketError::Http(response) = error else { return Self::Socket(error) };
        let answer = response.body().as_deref().unwrap_or_default();
        Self::Refused {
            status: response.status(),
            answer: String::from_utf8_lossy(answer).into_owned(),
        }
    }
}

/// A game that ended, as it should or early: what was seen until then is told either way.
pub struct Played {
    pub tally: Tally,
    pub outcome: Result<(), PlayError>,
}

/// Plays one match with one token. `url` is `ws://host:port/matches/<match>/play`.
pub async fn play(url: &str, token: &str, seed: u64, until: Until) -> Played {
    let mut tally = Tally::default();
    let outcome = match connect(url, token).await {
        Ok(socket) => Bot::new(socket, seed, &mut tally).run(until).await,
        Err(error) => Err(error),
    };
    Played { tally, outcome }
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(url: &str, token: &str) -> Result<Socket, PlayError> {
    let mut request = url.into_client_request().map_err(PlayError::Address)?;
    let protocols = HeaderValue::try_from(format!("lattice.v1, lattice.token.{token}"))?;
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocols);
    let (socket, _) = connect_async(request).await?;
    Ok(socket)
}

struct Bot<'a> {
    socket: Socket,
    referee: Referee,
    pilot: Pilot,
    tally: &'a mut Tally,
    messages: u64,
    sequence: u16,
    sent: Option<(u32, Input)>, // the newest input, and the tick it answered
    asked: bool,                // for the welcome
}

impl<'a> Bot<'a> {
    fn new(socket: Socket, seed: u64, tally: &'a mut Tally) -> Self {
        Self {
            socket,
            referee: Referee::default(),
            pilot: Pilot::new(seed),
            tally,
            messages: 0,
            sequence: 0,
            sent: None,
            asked: false,
        }
    }

    async fn run(mut self, until: Until) -> Result<(), PlayError> {
        let deadline = match until {
            Until::Elapsed(time) => Some(Instant::now() + time),
            Until::Ticks(_) => None,
        };
        while !matches!(until, Until::Ticks(ticks) if self.tally.ticks() >= ticks) {
            let Some(frame) = self.next(deadline).await else { break };
            match frame? {
                Frame::Binary(bytes) => self.take(&bytes).await?,
                Frame::Text(_) => return Err(PlayError::Text),
                Frame::Close(frame) => return self.closed(frame),
                Frame::Ping(_) | Frame::Pong(_) | Frame::Frame(_) => {}
            }
        }
        Ok(self.socket.close(None).await?)
    }

    // The next frame; none at the deadline.
    async fn next(&mut self, deadline: Option<Instant>) -> Option<Result<Frame, SocketError>> {
        let next = self.socket.next();
        let frame = match deadline {
            Some(deadline) => timeout_at(deadline, next).await.ok()?,
            None => next.await,
        };
        Some(frame.unwrap_or(Err(SocketError::ConnectionClosed)))
    }

    async fn take(&mut self, bytes: &[u8]) -> Result<(), PlayError> {
        self.messages += 1;
        let (tick, number) = (self.tally.last_tick.unwrap_or(0), self.messages);
        let message = decode(bytes).map_err(|why| PlayError::Malformed {
            tick,
            number,
            len: bytes.len(),
            why,
        })?;
        self.referee.judge(&message).map_err(|why| PlayError::Violation { tick, number, why })?;
        self.tally.count(&message);
        match message {
            Message::State(state) => self.answer(&state).await,
            _ => Ok(()),
        }
    }

    async fn answer(&mut self, state: &State) -> Result<(), PlayError> {
        let Some(arena) = self.referee.arena() else { return self.ask_for_welcome().await };
        let second = u32::from(arena.tick_hz);
        let input = self.pilot.steer(arena, state);
        let is_news = self.sent.is_none_or(|(tick, sent)| {
            let pause = if sent == input { second } else { second.div_ceil(INPUTS_A_SECOND) };
            state.tick - tick >= pause
        });
        if !is_news {
            return Ok(());
        }
        self.sent = Some((state.tick, input));
        self.sequence = self.sequence.wrapping_add(1);
        self.send(&input.encode(self.sequence)).await
    }

    // A state before any welcome: this player was in the match already.
    async fn ask_for_welcome(&mut self) -> Result<(), PlayError> {
        if self.asked {
            return Ok(());
        }
        self.asked = true;
        self.send(&encode_hello()).await
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), PlayError> {
        Ok(self.socket.send(Frame::Binary(Bytes::copy_from_slice(bytes))).await?)
    }

    // An end that the sim announced is a good one, whoever asked for it.
    fn closed(&self, frame: Option<CloseFrame>) -> Result<(), PlayError> {
        let code = frame.as_ref().map_or(NO_CODE, |frame| frame.code.into());
        if self.tally.over.is_some() && ENDINGS.contains(&code) {
            return Ok(());
        }
        let reason = frame.map(|frame| frame.reason.to_string()).filter(|text| !text.is_empty());
        let reason = reason.map_or(String::new(), |reason| format!(": {reason}"));
        Err(PlayError::Closed { code, reason })
    }
}
