//! The transcript file: what a sim said in each call, as one program writes it and another reads
//! it.
//!
//! It begins with the line `lattice transcript 1`. For each call follow, little-endian: `i64` tick
//! (-1 for `init`, as many as there were ticks for `shutdown`), `u8` course (0 goes on, 1
//! finished, 2 faulted), 32 bytes of the chain after it, `u32` length, and as many bytes that were
//! said, in the form of the surface's transcript.

use std::io::{self, Write};

use lattice_policies::Sha256;
use thiserror::Error;

use crate::{Called, Course, run::SIM};

const MAGIC: &[u8] = b"lattice transcript 1\n";

/// One call's part of a transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub tick: i64,
    pub course: Course,
    pub transcript: Sha256,
    pub said: Vec<u8>,
}

impl From<&Called<'_>> for Entry {
    fn from(called: &Called<'_>) -> Self {
        Self {
            tick: called.tick,
            course: called.course.clone(),
            transcript: called.transcript,
            said: called.said.to_vec(),
        }
    }
}

/// Writes a transcript, call by call.
#[derive(Debug)]
pub struct TranscriptWriter<W>(W);

impl<W: Write> TranscriptWriter<W> {
    pub fn new(mut to: W) -> io::Result<Self> {
        to.write_all(MAGIC)?;
        Ok(Self(to))
    }

    /// Writes a call at once: the next one may be the program's last.
    pub fn write(&mut self, called: &Called<'_>) -> io::Result<()> {
        let mut bytes = called.tick.to_le_bytes().to_vec();
        bytes.push(match called.course {
            Course::GoesOn => 0,
            Course::Finished => 1,
            Course::Faulted(_) => 2,
        });
        bytes.extend_from_slice(&called.transcript.0);
        bytes.extend_from_slice(&(called.said.len() as u32).to_le_bytes());
        bytes.extend_from_slice(called.said);
        self.0.write_all(&bytes)?;
        self.0.flush()
    }
}

/// Why bytes are no transcript.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadTranscript {
    #[error("it does not begin with the line `lattice transcript 1`")]
    NoMagic,
    #[error("it is malformed behind {calls} calls")]
    Malformed { calls: usize },
}

/// Reads a whole transcript.
pub fn read_transcript(bytes: &[u8]) -> Result<Vec<Entry>, BadTranscript> {
    let mut rest = bytes.strip_prefix(MAGIC).ok_or(BadTranscript::NoMagic)?;
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let malformed = BadTranscript::Malformed { calls: entries.len() };
        entries.push(take_entry(&mut rest).ok_or(malformed)?);
    }
    Ok(entries)
}

fn take_entry(rest: &mut &[u8]) -> Option<Entry> {
    let tick = i64::from_le_bytes(take(rest)?);
    let course = match take(rest)? {
        [0] => Course::GoesOn,
        [1] => Course::Finished,
        [2] => Course::Faulted(SIM.to_owned()),
        _ => return None,
    };
    let transcript = Sha256(take(rest)?);
    let size = u32::from_le_bytes(take(rest)?) as usize;
    let (said, behind) = rest.split_at_checked(size)?;
    *rest = behind;
    Some(Entry { tick, course, transcript, said: said.to_vec() })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written() -> (Vec<u8>, Vec<Entry>) {
        let courses = [Course::GoesOn, Course::Finished, Course::Faulted(SIM.to_owned())];
        let entries: Vec<_> = (-1..)
            .zip(courses)
            .map(|(tick, course)| {
                let said = vec![7; (tick + 1) as usize];
                Entry { tick, course, transcript: Sha256::of(&said), said }
            })
            .collect();
        let mut bytes = Vec::new();
        let mut writer = TranscriptWriter::new(&mut bytes).unwrap();
        for Entry { tick, course, transcript, said } in &entries {
            let (tick, transcript) = (*tick, *transcript);
            writer.write(&Called { tick, course, transcript, said }).unwrap();
        }
        (bytes, entries)
    }

    #[test]
    fn what_is_written_is_read() {
        let (bytes, entries) = written();
        assert_eq!(read_transcript(&bytes), Ok(entries));
    }

    #[test]
    fn what_is_cut_off_is_refused_unless_whole_calls_are_left() {
        let (bytes, entries) = written();
        let read = (0..bytes.len()).filter_map(|size| read_transcript(&bytes[..size]).ok());
        let calls: Vec<_> = read.map(|read| read.len()).collect();
        assert_eq!(calls, (0..entries.len()).collect::<Vec<_>>());
    }
}
