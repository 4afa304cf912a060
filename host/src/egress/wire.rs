//! The bytes of one connection, counted as they pass. Bounds what a peer can make the host read
//! in ways that HTTP's own limits don't see: floods of interim heads, tiny chunks, control frames.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::failure::Limit;
use crate::lock::lock;

/// Informational responses that a response may have before it.
pub(super) const INFORMATIONAL: u32 = 8;

/// A connection's two directions.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What has passed, for whoever holds the other end of it.
#[derive(Debug, Default)]
pub(super) struct Meter {
    sent: AtomicU64,
    received: AtomicU64,
    over: Mutex<Option<Limit>>,
}

impl Meter {
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    pub(super) fn received(&self) -> u64 {
        self.received.load(Relaxed)
    }

    /// The limit that ended the connection, if one did.
    pub(super) fn over(&self) -> Option<Limit> {
        *lock(&self.over)
    }

    /// Ends the connection by a limit; the first one counts.
    pub(super) fn cut(&self, limit: Limit) -> io::Error {
        lock(&self.over).get_or_insert(limit);
        io::Error::other(limit)
    }
}

/// A connection with its meter.
pub(super) struct Wire {
    stream: Box<dyn Stream>,
    meter: Arc<Meter>,
    /// Bytes that may come in all.
    most: u64,
    frames: Option<Frames>,
}

impl Wire {
    pub(super) fn new(stream: Box<dyn Stream>, meter: Arc<Meter>, most: u64) -> Self {
        Self { stream, meter, most, frames: None }
    }

    /// Counts HTTP/2's interim heads, which the HTTP library skips in silence.
    pub(super) fn with_frames(self) -> Self {
        Self { frames: Some(Frames::default()), ..self }
    }

    fn take_in(&mut self, bytes: &[u8]) -> io::Result<()> {
        let received = self.meter.received.fetch_add(bytes.len() as u64, Relaxed);
        if received + bytes.len() as u64 > self.most {
            return Err(self.meter.cut(Limit::Wire(self.most)));
        }
        let Some(frames) = &mut self.frames else { return Ok(()) };
        frames.pass(bytes);
        // Of a response's own frames, its head alone may leave the stream open, so that one more
        // is an interim head too many. Trailers end the stream, as a head without a body does.
        if frames.heads > INFORMATIONAL + 1 {
            return Err(self.meter.cut(Limit::Informational(INFORMATIONAL)));
        }
        Ok(())
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        Poll::Ready(self.take_in(&buffer.filled()[before..]))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.meter.sent.fetch_add(written as u64, Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Follows the frames of an HTTP/2 connection (RFC 9113, section 4.1) by their headers alone.
#[derive(Debug, Default)]
struct Frames {
    header: [u8; Self::HEADER],
    /// Bytes of the header that have come.
    have: usize,
    /// Bytes of the payload that are still to come.
    payload: usize,
    /// HEADERS frames that did not end their stream.
    heads: u32,
}

impl Frames {
    const HEADER: usize = 9;
    const HEADERS: u8 = 1;
    const END_STREAM: u8 = 1;

    fn pass(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            if self.payload > 0 {
                let passed = self.payload.min(bytes.len());
                self.payload -= passed;
                bytes = &bytes[passed..];
                continue;
            }
            self.header[self.have] = *first;
            self.have += 1;
            bytes = rest;
            if self.have == Self::HEADER {
                self.begin();
            }
        }
    }

    fn begin(&mut self) {
        let [high, middle, low, kind, flags, ..] = self.header;
        self.have = 0;
        self.payload = u32::from_be_bytes([0, high, middle, low]) as usize;
        if kind == Self::HEADERS && flags & Self::END_STREAM == 0 {
            self.heads += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame with a payload of zeros.
    fn frame(kind: u8, flags: u8, payload: usize) -> Vec<u8> {
        let [_, high, middle, low] = (payload as u32).to_be_bytes();
        let mut bytes = vec![high, middle, low, kind, flags, 0, 0, 0, 1];
        bytes.resize(Frames::HEADER + payload, 0);
        bytes
    }

    #[test]
    fn heads_are_counted_wherever_the_bytes_are_split() {
        // SETTINGS, two interim heads, the response's own, DATA, trailers that end the stream.
        let all: Vec<u8> = [(4, 0, 6), (1, 4, 3), (1, 4, 0), (1, 4, 300), (0, 0, 9), (1, 5, 4)]
            .into_iter()
            .flat_map(|(kind, flags, payload)| frame(kind, flags, payload))
            .collect();
        for step in 1..all.len() {
            let mut frames = Frames::default();
            all.chunks(step).for_each(|bytes| frames.pass(bytes));
            assert_eq!((frames.heads, frames.have, frames.payload), (3, 0, 0), "in {step}s");
        }
    }
}
