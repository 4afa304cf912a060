//! Events: what the host tells a sim, queued until the sim pulls it.

use std::collections::VecDeque;

use bytes::{BufMut, Bytes, BytesMut};
use lattice_policies::{Code, PlayerId, policy::MatchLimits};

use crate::{
    GuestMemory,
    codec::{Reader, put_list},
};

/// Size of an event's header: `u16 type, u16 flags, u32 payload_len, u32 player, u32 id,
/// i32 status, u32 zero`, little-endian.
pub const HEADER_BYTES: usize = 24;

/// One event, in the order in which the match's log has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A player's first connection; `about` is what the platform says of the player (the name).
    Join { player: PlayerId, about: Bytes },
    /// The player is gone for good. `reason` is 0, or what a kick said.
    Leave { player: PlayerId, reason: i32 },
    /// What a player sent.
    Message { player: PlayerId, bytes: Bytes },
    /// What became of a fetch: the HTTP status, or a code below zero. The payload is made by
    /// [`response_payload`].
    Response { id: u32, status: i32, payload: Bytes },
    /// The match is asked to end; so many ticks are left, this one included.
    Stop { ticks_left: i32 },
}

impl Event {
    /// What the sim finds behind the event's header.
    pub fn payload(&self) -> &[u8] {
        match self {
            Event::Join { about: payload, .. }
            | Event::Message { bytes: payload, .. }
            | Event::Response { payload, .. } => payload,
            Event::Leave { .. } | Event::Stop { .. } => &[],
        }
    }

    /// Size in bytes as the guest receives it, header included.
    pub fn size(&self) -> usize {
        HEADER_BYTES + self.payload().len()
    }

    /// Appends the event as the guest receives it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.header());
        out.extend_from_slice(self.payload());
    }

    /// Reads an event as [`encode`](Self::encode) writes it.
    pub(crate) fn decode(from: &mut Reader<'_>) -> Result<Self, &'static str> {
        let header: [u8; HEADER_BYTES] = from.array()?;
        let mut fields = Reader::new(&header);
        let (kind, _flags) = (u16::from_le_bytes(fields.array()?), fields.take(2)?);
        let mut number = || fields.array().map(u32::from_le_bytes);
        let payload = from.take(number()? as usize)?;
        let (player, id, status) = (PlayerId(number()?), number()?, number()? as i32);
        let payload = Bytes::copy_from_slice(payload);
        let event = match kind {
            1 => Event::Join { player, about: payload },
            2 => Event::Leave { player, reason: status },
            3 => Event::Message { player, bytes: payload },
            4 => Event::Response { id, status, payload },
            5 => Event::Stop { ticks_left: status },
            _ => return Err("an event of a type that there is not"),
        };
        if event.header() == header { Ok(event) } else { Err("an event that there is not") }
    }

    fn header(&self) -> [u8; HEADER_BYTES] {
        let (kind, player, id, status): (u16, u32, u32, i32) = match self {
            Event::Join { player, .. } => (1, player.0, 0, 0),
            Event::Leave { player, reason } => (2, player.0, 0, *reason),
            Event::Message { player, .. } => (3, player.0, 0, 0),
            Event::Response { id, status, .. } => (4, 0, *id, *status),
            Event::Stop { ticks_left } => (5, 0, 0, *ticks_left),
        };
        let mut header = [0; HEADER_BYTES];
        header[0..2].copy_from_slice(&kind.to_le_bytes());
        header[4..8].copy_from_slice(&(self.payload().len() as u32).to_le_bytes());
        header[8..12].copy_from_slice(&player.to_le_bytes());
        header[12..16].copy_from_slice(&id.to_le_bytes());
        header[16..20].copy_from_slice(&status.to_le_bytes());
        header
    }
}

/// The payload of a response: `u32 headers_len`, the header lines, the body.
pub fn response_payload(headers: &[u8], body: &[u8]) -> Bytes {
    let mut payload = BytesMut::with_capacity(4 + headers.len() + body.len());
    payload.put_u32_le(headers.len() as u32);
    payload.put_slice(headers);
    payload.put_slice(body);
    payload.freeze()
}

/// A message was refused because the sim has too much to read already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueFull;

/// The events that a sim has not pulled yet.
///
/// Messages are bounded in number and bytes. The others always find room: there is one join and
/// one leave a player, and players are bounded; and a response counts as in flight, which is
/// bounded, until it is pulled.
#[derive(Debug, Default)]
pub struct EventQueue {
    events: VecDeque<Event>,
    messages: usize,
    message_bytes: usize,
    responses_pulled: u64,
}

impl EventQueue {
    pub fn len(&self) -> usize {
        self.events.len()
    }

    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The events in the order in which the sim pulls them.
    pub fn iter(&self) -> impl Iterator<Item = &Event> {
        self.events.iter()
    }

    /// Size in bytes of the next event, header included; 0 if there is none.
    pub fn next_size(&self) -> usize {
        self.events.front().map_or(0, Event::size)
    }

    pub(crate) fn save(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.responses_pulled.to_le_bytes());
        put_list(out, self.events.iter(), |out, event| event.encode(out));
    }

    /// Reads a queue as [`save`](Self::save) writes it, whatever the limits are now: what has
    /// been queued stays.
    pub(crate) fn restore(from: &mut Reader<'_>) -> Result<Self, &'static str> {
        let responses_pulled = from.count()?;
        let events = VecDeque::from(from.list(Event::decode)?);
        let messages = || events.iter().filter(|event| matches!(event, Event::Message { .. }));
        let (number, bytes) = (messages().count(), messages().map(Event::size).sum());
        Ok(Self { events, messages: number, message_bytes: bytes, responses_pulled })
    }

    /// Responses that the sim has pulled, in all.
    pub(crate) fn responses_pulled(&self) -> u64 {
        self.responses_pulled
    }

    pub(crate) fn push(&mut self, event: Event, limits: &MatchLimits) -> Result<(), QueueFull> {
        if let Event::Message { .. } = event {
            let bytes = self.message_bytes + event.size();
            if self.messages >= limits.event_queue_events as usize
                || bytes > limits.event_queue_bytes as usize
            {
                return Err(QueueFull);
            }
            self.messages += 1;
            self.message_bytes = bytes;
        }
        self.events.push_back(event);
        Ok(())
    }

    /// Copies the next event to `(ptr, cap)` and removes it. An event that does not fit stays.
    pub(crate) fn pull(
        &mut self,
        memory: &mut GuestMemory<'_>,
        ptr: u32,
        cap: u32,
    ) -> Result<i32, Code> {
        memory.write(ptr, cap)?;
        let Some(event) = self.events.front() else { return Ok(0) };
        let size = u32::try_from(event.size()).map_err(|_| Code::TooSmall)?;
        if size > cap {
            return Err(Code::TooSmall);
        }
        let target = memory.write(ptr, size)?;
        target[..HEADER_BYTES].copy_from_slice(&event.header());
        target[HEADER_BYTES..].copy_from_slice(event.payload());
        match event {
            Event::Message { .. } => {
                self.messages -= 1;
                self.message_bytes -= size as usize;
            }
            Event::Response { .. } => self.responses_pulled += 1,
            Event::Join { .. } | Event::Leave { .. } | Event::Stop { .. } => {}
        }
        self.events.pop_front();
        Ok(size as i32)
    }
}
