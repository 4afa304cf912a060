//! A player's open WebSocket: the sim's bytes each way, and nothing added. Reading and writing go
//! on side by side, so that a player who reads slowly can still be heard.
//!
//! Never decides what a message means, and buffers no more than one of them each way.

use std::time::{Duration, Instant};

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use bytes::Bytes;
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use lattice_host::{CloseReason, Outgoing, PlayerLink, SendError};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite;

use crate::{app::App, rate::Rate};

/// Why a socket is closed: the WebSocket's code, and words for a person.
type Close = (u16, &'static str);

/// The reasons of ours for which a socket is closed.
mod close {
    use super::{Close, close_code};

    pub(super) const MALFORMED: Close = (close_code::PROTOCOL, "a frame is malformed");
    pub(super) const NOT_UTF8: Close = (close_code::INVALID, "text is not UTF-8");
    pub(super) const TEXT: Close = (close_code::UNSUPPORTED, "messages are binary frames");
    pub(super) const TOO_LARGE: Close = (close_code::SIZE, "the message is over the limit");
    pub(super) const FLOODING: Close = (close_code::POLICY, "too many messages a second");
    pub(super) const SILENT: Close = (close_code::POLICY, "nothing was heard for too long");
    pub(super) const ENDED: Close = (close_code::NORMAL, "the match has ended");
    pub(super) const HOST_STOPPING: Close = (close_code::AWAY, "the server is going down");
    pub(super) const STOPPED: Close = (4000, "the match was stopped");
    pub(super) const KICKED: Close = (4001, "the sim removed the player");
    pub(super) const TOO_SLOW: Close = (4002, "the player did not keep up");
    pub(super) const REPLACED: Close = (4003, "the player connected anew");
    pub(super) const FAULTED: Close = (4004, "the match faulted");
}

/// How a socket's conversation came to its end.
enum End {
    Close(Close),
    /// The client closed it, or is gone.
    Gone,
}

/// Serves the socket until either side ends it.
pub(crate) async fn serve(app: &App, socket: WebSocket, link: PlayerLink) {
    app.metrics.socket_opened();
    let (mut sink, mut stream) = socket.split();
    let end = tokio::select! {
        end = read(app, &mut stream, &link) => end,
        end = write(app, &mut sink, &link) => end,
    };
    drop(link);
    let code = match end {
        End::Close(close) => {
            say_goodbye(sink, stream, close).await;
            Some(close.0)
        }
        End::Gone => None,
    };
    app.metrics.socket_closed(code);
}

/// Hands the player's messages to the match. Pings count as messages: they are work, too.
async fn read(app: &App, stream: &mut SplitStream<WebSocket>, link: &PlayerLink) -> End {
    let idle = Duration::from_millis(app.config.socket_idle_ms);
    let per_second = app.policy.matches.player_messages_per_second;
    let rate = Rate::new(per_second, per_second);
    let mut full_at = None;
    loop {
        let Ok(received) = timeout(idle, stream.next()).await else {
            return End::Close(close::SILENT);
        };
        let message = match received {
            Some(Ok(Message::Binary(bytes))) => Some(bytes),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => None,
            Some(Ok(Message::Text(_))) => return End::Close(close::TEXT),
            Some(Err(error)) => return broken(error),
            Some(Ok(Message::Close(_))) | None => return End::Gone,
        };
        match rate.take(full_at, Instant::now()) {
            Ok(next) => full_at = Some(next),
            Err(_) => return End::Close(close::FLOODING),
        }
        // A message that the sim is too far behind to take is dropped, and counted by the match;
        // that the match has ended is told by the link.
        if let Some(Err(SendError::TooLarge { .. })) = message.map(|bytes| link.send(bytes)) {
            return End::Close(close::TOO_LARGE);
        }
    }
}

/// Hands the match's messages to the player, and pings: who only listens answers those.
async fn write(app: &App, sink: &mut SplitSink<WebSocket, Message>, link: &PlayerLink) -> End {
    let mut ping = tokio::time::interval(Duration::from_millis(app.config.socket_ping_ms));
    let patience = Duration::from_millis(app.config.socket_send_ms);
    loop {
        let message = tokio::select! {
            outgoing = link.next() => match outgoing {
                Outgoing::Message(bytes) => Message::Binary(bytes),
                Outgoing::Closed(reason) => return End::Close(of_match(reason)),
            },
            _ = ping.tick() => Message::Ping(Bytes::new()),
        };
        match timeout(patience, sink.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return End::Gone,
            Err(_) => return End::Close(close::TOO_SLOW),
        }
    }
}

fn of_match(reason: CloseReason) -> Close {
    match reason {
        CloseReason::Ended => close::ENDED,
        CloseReason::Stopped => close::STOPPED,
        CloseReason::Faulted => close::FAULTED,
        CloseReason::Kicked(_) => close::KICKED,
        CloseReason::TooSlow => close::TOO_SLOW,
        CloseReason::Replaced => close::REPLACED,
        CloseReason::HostStopping => close::HOST_STOPPING,
    }
}

/// What the client sent that is no message, as of RFC 6455, section 7.4.1. A frame over the limit
/// is seen by its header, before its payload is read.
fn broken(error: axum::Error) -> End {
    use tungstenite::{Error, error::ProtocolError};
    match error.into_inner().downcast_ref::<Error>() {
        Some(Error::Capacity(_)) => End::Close(close::TOO_LARGE),
        Some(Error::Utf8(_)) => End::Close(close::NOT_UTF8),
        Some(Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => End::Gone,
        Some(Error::Protocol(_)) => End::Close(close::MALFORMED),
        _ => End::Gone,
    }
}

/// Says why, and gives the client a moment to hear it: a socket that is closed with bytes unread
/// would be reset, and the reason lost.
async fn say_goodbye(
    mut sink: SplitSink<WebSocket, Message>,
    mut stream: SplitStream<WebSocket>,
    (code, reason): Close,
) {
    const PATIENCE: Duration = Duration::from_secs(2);
    let goodbye = async {
        let frame = CloseFrame { code, reason: reason.into() };
        if sink.send(Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = stream.next().await {}
        }
    };
    let _ = timeout(PATIENCE, goodbye).await;
}
