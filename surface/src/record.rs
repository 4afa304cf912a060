//! The records of an input log: what a match was started with, and everything that came in, in
//! a stream of bytes that can be cut anywhere and still tells what is whole.
//!
//! A record is a frame: `u32` length of what follows the checksum, `u32` CRC-32 of it, `u8` kind,
//! body; little-endian. Ticks into which nothing came have no record: they follow by themselves.

use std::sync::Arc;

use lattice_policies::Sha256;
use thiserror::Error;

use crate::{
    Event,
    codec::{Reader, put_bytes},
};

/// The version of the format, which the header carries.
const FORMAT: u32 = 1;
/// Bytes of a frame before its kind.
const FRAME_BYTES: usize = 8;
/// The longest record: the events that a tick may get, several times over.
const RECORD_BYTES: usize = 1 << 30;

/// One entry of an input log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// The first.
    Header(MatchHeader),
    /// What came into one tick.
    Inputs(TickInputs),
    /// The last.
    End(LoggedEnd),
    /// From here on, the match goes on from a stored snapshot.
    Segment(Segment),
}

/// What determines a match, beside its inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchHeader {
    pub module: Sha256,
    /// Names the engine, its settings and the policy.
    pub fingerprint: Sha256,
    pub tick_hz: u16,
    pub seed: u64,
    /// After how many ticks the sim's digest of its state is taken again; 0 for never.
    pub hash_every: u32,
    pub config: Arc<[u8]>,
}

impl MatchHeader {
    /// Whether the sim's digest is taken at the end of that tick.
    pub fn hashes_after(&self, tick: i64) -> bool {
        hashes_after(self.hash_every, tick)
    }
}

/// Whether a digest that is taken every so many ticks is taken at the end of that one.
pub fn hashes_after(hash_every: u32, tick: i64) -> bool {
    hash_every > 0 && (tick + 1) % i64::from(hash_every) == 0
}

/// What came into one tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TickInputs {
    /// -1 for `init`.
    pub tick: i64,
    /// In the order in which the sim was given them.
    pub events: Vec<Event>,
    /// What `http_request` returned, in the order of the calls.
    pub codes: Vec<i32>,
    /// The transcript's chain after the tick.
    pub transcript: Sha256,
}

/// The beginning of a stretch that one module under one engine ran from a stored snapshot: of a
/// fork, and of a match that goes on with another module or under another engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// The tick that runs next.
    pub tick: i64,
    pub module: Sha256,
    /// Names the engine, its settings and the policy.
    pub fingerprint: Sha256,
    /// Names the snapshot.
    pub state: Sha256,
    /// The transcript's chain before the tick.
    pub transcript: Sha256,
}

/// How the match ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedEnd {
    /// Ticks that count.
    pub ticks: i64,
    pub ending: LoggedEnding,
    /// The transcript's chain after the last call that counts.
    pub transcript: Sha256,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoggedEnding {
    /// The sim said so.
    Finished,
    /// It was asked to, and its `shutdown` ran after the last tick.
    ShutDown,
    /// It was asked to, and said that it had finished; or it was given no time.
    Stopped,
    /// The sim's own fault, of this kind, in the call after those that count. A replay meets it.
    Faulted { call: LoggedCall, kind: String },
    /// The machine's or the host's fault, of this kind. A replay ends before it.
    Cut { kind: String },
}

/// A call into the sim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum LoggedCall {
    Init = 1,
    Tick = 2,
    Shutdown = 3,
}

/// Why bytes are no record.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadRecord {
    #[error("at byte {at}, the input log is cut off")]
    Cut { at: usize },
    #[error("at byte {at}, a record's checksum is wrong")]
    Checksum { at: usize },
    #[error("at byte {at}, a record is malformed: {why}")]
    Malformed { at: usize, why: &'static str },
}

impl Record {
    /// Appends the record's frame.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&[0; FRAME_BYTES]);
        match self {
            Record::Header(header) => header.encode(out),
            Record::Inputs(inputs) => inputs.encode(out),
            Record::End(end) => end.encode(out),
            Record::Segment(segment) => segment.encode(out),
        }
        let length = (out.len() - start - FRAME_BYTES) as u32;
        let checksum = crc32fast::hash(&out[start + FRAME_BYTES..]);
        out[start..start + 4].copy_from_slice(&length.to_le_bytes());
        out[start + 4..start + FRAME_BYTES].copy_from_slice(&checksum.to_le_bytes());
    }
}

impl MatchHeader {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(1);
        out.extend_from_slice(&FORMAT.to_le_bytes());
        out.extend_from_slice(&self.module.0);
        out.extend_from_slice(&self.fingerprint.0);
        out.extend_from_slice(&self.tick_hz.to_le_bytes());
        out.extend_from_slice(&self.seed.to_le_bytes());
        out.extend_from_slice(&self.hash_every.to_le_bytes());
        put_bytes(out, &self.config);
    }

    fn decode(body: &mut Reader<'_>) -> Result<Self, &'static str> {
        if u32::from_le_bytes(body.array()?) != FORMAT {
            return Err("a version of the format that is not known");
        }
        Ok(Self {
            module: Sha256(body.array()?),
            fingerprint: Sha256(body.array()?),
            tick_hz: u16::from_le_bytes(body.array()?),
            seed: u64::from_le_bytes(body.array()?),
            hash_every: u32::from_le_bytes(body.array()?),
            config: body.bytes()?.into(),
        })
    }
}

impl TickInputs {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(2);
        out.extend_from_slice(&self.tick.to_le_bytes());
        out.extend_from_slice(&self.transcript.0);
        out.extend_from_slice(&(self.events.len() as u32).to_le_bytes());
        for event in &self.events {
            event.encode(out);
        }
        out.extend_from_slice(&(self.codes.len() as u32).to_le_bytes());
        for code in &self.codes {
            out.extend_from_slice(&code.to_le_bytes());
        }
    }

    fn decode(body: &mut Reader<'_>) -> Result<Self, &'static str> {
        let tick = i64::from_le_bytes(body.array()?);
        let transcript = Sha256(body.array()?);
        let events = body.list(Event::decode)?;
        let codes = body.list(|body| body.array().map(i32::from_le_bytes))?;
        Ok(Self { tick, events, codes, transcript })
    }
}

impl LoggedEnd {
    fn encode(&self, out: &mut Vec<u8>) {
        let (number, call, kind) = match &self.ending {
            LoggedEnding::Finished => (1, 0, ""),
            LoggedEnding::ShutDown => (2, 0, ""),
            LoggedEnding::Stopped => (3, 0, ""),
            LoggedEnding::Faulted { call, kind } => (4, *call as u8, kind.as_str()),
            LoggedEnding::Cut { kind } => (5, 0, kind.as_str()),
        };
        out.push(3);
        out.extend_from_slice(&self.ticks.to_le_bytes());
        out.extend_from_slice(&self.transcript.0);
        out.extend_from_slice(&[number, call]);
        put_bytes(out, kind.as_bytes());
    }

    fn decode(body: &mut Reader<'_>) -> Result<Self, &'static str> {
        let ticks = i64::from_le_bytes(body.array()?);
        let transcript = Sha256(body.array()?);
        let numbers: [u8; 2] = body.array()?;
        let kind = std::str::from_utf8(body.bytes()?).map_err(|_| "a kind that is no text")?;
        let faulted = |call| LoggedEnding::Faulted { call, kind: kind.to_owned() };
        let ending = match (numbers, kind) {
            ([1, 0], "") => LoggedEnding::Finished,
            ([2, 0], "") => LoggedEnding::ShutDown,
            ([3, 0], "") => LoggedEnding::Stopped,
            ([4, 1], _) => faulted(LoggedCall::Init),
            ([4, 2], _) => faulted(LoggedCall::Tick),
            ([4, 3], _) => faulted(LoggedCall::Shutdown),
            ([5, 0], kind) => LoggedEnding::Cut { kind: kind.to_owned() },
            _ => return Err("an ending that there is not"),
        };
        Ok(Self { ticks, ending, transcript })
    }
}

impl Segment {
    fn encode(&self, out: &mut Vec<u8>) {
        out.push(4);
        out.extend_from_slice(&self.tick.to_le_bytes());
        for hash in [self.module, self.fingerprint, self.state, self.transcript] {
            out.extend_from_slice(&hash.0);
        }
    }

    fn decode(body: &mut Reader<'_>) -> Result<Self, &'static str> {
        Ok(Self {
            tick: i64::from_le_bytes(body.array()?),
            module: Sha256(body.array()?),
            fingerprint: Sha256(body.array()?),
            state: Sha256(body.array()?),
            transcript: Sha256(body.array()?),
        })
    }
}

/// The records in a stream of bytes, up to the first that is not whole.
pub struct Records<'a> {
    stream: &'a [u8],
    at: usize,
}

impl<'a> Records<'a> {
    pub fn new(stream: &'a [u8]) -> Self {
        Self { stream, at: 0 }
    }

    fn read(&mut self) -> Result<Record, BadRecord> {
        let at = self.at;
        let cut = BadRecord::Cut { at };
        let (frame, rest) = self.stream[at..].split_at_checked(FRAME_BYTES).ok_or(cut.clone())?;
        let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap_or_default());
        let (length, checksum) = (number(&frame[..4]) as usize, number(&frame[4..]));
        if length > RECORD_BYTES {
            return Err(BadRecord::Malformed { at, why: "it is too long" });
        }
        let body = rest.get(..length).ok_or(cut)?;
        if crc32fast::hash(body) != checksum {
            return Err(BadRecord::Checksum { at });
        }
        let record = decode(body).map_err(|why| BadRecord::Malformed { at, why })?;
        self.at += FRAME_BYTES + length;
        Ok(record)
    }
}

impl Iterator for Records<'_> {
    type Item = Result<Record, BadRecord>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.stream.len() {
            return None;
        }
        let record = self.read();
        if record.is_err() {
            self.at = self.stream.len();
        }
        Some(record)
    }
}

fn decode(bytes: &[u8]) -> Result<Record, &'static str> {
    let mut body = Reader::new(bytes);
    let record = match body.array()? {
        [1] => Record::Header(MatchHeader::decode(&mut body)?),
        [2] => Record::Inputs(TickInputs::decode(&mut body)?),
        [3] => Record::End(LoggedEnd::decode(&mut body)?),
        [4] => Record::Segment(Segment::decode(&mut body)?),
        _ => return Err("a kind that there is not"),
    };
    if body.is_empty() { Ok(record) } else { Err("bytes behind its end") }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use lattice_policies::PlayerId;

    use super::*;
    use crate::response_payload;

    fn records() -> Vec<Record> {
        let player = PlayerId(7);
        vec![
            Record::Header(MatchHeader {
                module: Sha256::of(b"module"),
                fingerprint: Sha256::of(b"engine"),
                tick_hz: 30,
                seed: u64::MAX,
                hash_every: 60,
                config: Arc::from(*b"config"),
            }),
            Record::Inputs(TickInputs {
                tick: 3,
                events: vec![
                    Event::Join { player, about: "Ada".into() },
                    Event::Message { player, bytes: Bytes::new() },
                    Event::Response { id: 9, status: -104, payload: response_payload(b"", b"") },
                    Event::Leave { player, reason: -5 },
                    Event::Stop { ticks_left: 60 },
                ],
                codes: vec![1, -100, 2],
                transcript: Sha256::of(b"transcript"),
            }),
            Record::Segment(Segment {
                tick: 4,
                module: Sha256::of(b"another module"),
                fingerprint: Sha256::of(b"another engine"),
                state: Sha256::of(b"state"),
                transcript: Sha256::of(b"transcript"),
            }),
            Record::End(LoggedEnd {
                ticks: 4,
                ending: LoggedEnding::Faulted { call: LoggedCall::Tick, kind: "TRAP".into() },
                transcript: Sha256::of(b"last"),
            }),
        ]
    }

    fn stream() -> Vec<u8> {
        let mut stream = Vec::new();
        for record in records() {
            record.encode(&mut stream);
        }
        stream
    }

    #[test]
    fn what_was_written_reads_back() {
        let stream = stream();
        let read: Result<Vec<_>, _> = Records::new(&stream).collect();
        assert_eq!(read.unwrap(), records());
    }

    #[test]
    fn a_log_that_is_cut_anywhere_gives_the_whole_records_before_the_cut() {
        let stream = stream();
        for cut in 0..stream.len() {
            let read: Vec<_> = Records::new(&stream[..cut]).collect();
            let whole = read.iter().take_while(|record| record.is_ok()).count();
            for (record, expected) in read[..whole].iter().zip(records()) {
                assert_eq!(record.as_ref().unwrap(), &expected);
            }
            assert!(read[whole..].iter().all(|rest| matches!(rest, Err(BadRecord::Cut { .. }))));
            assert!(whole < records().len() && read.len() - whole <= 1, "cut at {cut}");
        }
    }

    #[test]
    fn no_flipped_bit_is_read_as_something_else() {
        let whole = stream();
        for at in 0..whole.len() * 8 {
            let mut stream = whole.clone();
            stream[at / 8] ^= 1 << (at % 8);
            assert!(Records::new(&stream).any(|record| record.is_err()), "bit {at}");
        }
    }

    #[test]
    fn bytes_that_are_no_log_are_refused_and_cost_nothing() {
        let mut body = vec![2; 41];
        body.extend_from_slice(&u32::MAX.to_le_bytes());
        let mut stream = (body.len() as u32).to_le_bytes().to_vec();
        stream.extend_from_slice(&crc32fast::hash(&body).to_le_bytes());
        stream.extend_from_slice(&body);
        let read: Vec<_> = Records::new(&stream).collect();
        assert!(matches!(read[..], [Err(BadRecord::Malformed { .. })]), "{read:?}");
        assert!(Records::new(&[0xff; 64]).next().unwrap().is_err());
        assert!(Records::new(&[]).next().is_none());
    }
}
