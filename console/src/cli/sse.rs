//! Server-sent events, as the HTML standard's section 9.2 has them, read one at a time.
//! Never reconnects; the caller knows where it was.

use bytes::{Buf, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Incoming;

/// Bytes of one line at most; a longer one ends the stream.
const LINE_BYTES: usize = 1 << 20;

/// One event with its data lines joined.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Event {
    /// Its type; `message` where the server names none.
    pub(crate) kind: String,
    pub(crate) data: String,
}

/// A stream of events.
#[derive(Debug)]
pub(crate) struct Events {
    body: Incoming,
    unread: BytesMut,
}

impl Events {
    pub(crate) fn new(body: Incoming) -> Self {
        Self { body, unread: BytesMut::new() }
    }

    /// The next event; `None` at the stream's end. Whoever stops waiting for it loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, String> {
        loop {
            if let Some(event) = take_event(&mut self.unread) {
                return Ok(Some(event));
            }
            if self.unread.len() > LINE_BYTES {
                return Err(format!("an event is longer than {LINE_BYTES} bytes"));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(error.to_string()),
                Some(Ok(frame)) => {
                    self.unread.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
                }
            }
        }
    }
}

/// Takes the first whole event with data out of what was read. A blank line ends an event.
fn take_event(unread: &mut BytesMut) -> Option<Event> {
    while let Some(end) = unread.windows(2).position(|pair| pair == b"\n\n") {
        let block = unread.split_to(end);
        unread.advance(2);
        let event = parse(&String::from_utf8_lossy(&block));
        if !event.data.is_empty() {
            return Some(event);
        }
    }
    None
}

fn parse(block: &str) -> Event {
    let mut event = Event { kind: "message".into(), data: String::new() };
    for line in block.lines() {
        // A line that begins with a colon is a comment: the server's sign of life.
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut event.kind),
            "data" if event.data.is_empty() => value.clone_into(&mut event.data),
            "data" => {
                event.data.push('\n');
                event.data.push_str(value);
            }
            _ => {}
        }
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(text: &str) -> (Vec<Event>, usize) {
        let mut unread = BytesMut::from(text);
        let events = std::iter::from_fn(|| take_event(&mut unread)).collect();
        (events, unread.len())
    }

    #[test]
    fn events_are_told_from_comments_and_from_what_has_not_come_yet() {
        let (events, left) = events(
            ": alive\n\nid: 7\ndata: {\"Tick\": 1}\n\nevent: end\ndata: a\ndata: b\n\ndata: half",
        );
        let event = |kind: &str, data: &str| Event { kind: kind.into(), data: data.into() };
        assert_eq!(events, [event("message", "{\"Tick\": 1}"), event("end", "a\nb")]);
        assert_eq!(left, "data: half".len());
    }
}
