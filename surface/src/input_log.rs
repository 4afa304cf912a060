//! A whole input log: its records in the order that a log has, and the parts of it that are run
//! one after the other. Never reads a record itself.

use lattice_policies::Sha256;
use thiserror::Error;

use crate::{BadRecord, LoggedEnd, MatchHeader, Record, Records, Segment, TickInputs};

/// A whole input log, or what there is of one that a crash cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputLog {
    pub header: MatchHeader,
    /// In the order of their ticks. In the log, each stands before the inputs of its tick.
    pub segments: Vec<Segment>,
    /// In the order of their ticks, each once.
    pub inputs: Vec<TickInputs>,
    /// `None` while the match runs, and where the log is cut off.
    pub end: Option<LoggedEnd>,
}

/// A stretch of a log that one module under one engine ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogPart<'a> {
    pub header: &'a MatchHeader,
    /// What it begins with; `None` if that is `init`.
    pub start: Option<&'a Segment>,
    pub inputs: &'a [TickInputs],
    /// The first tick of the next part; `None` in the last.
    pub until: Option<i64>,
    /// Of the last part, where the log has an end.
    pub end: Option<&'a LoggedEnd>,
}

/// Why bytes are no input log.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadLog {
    #[error(transparent)]
    Record(#[from] BadRecord),
    #[error("the input log does not begin with its header")]
    NoHeader,
    #[error("the input log has tick {tick} behind tick {before}")]
    Order { tick: i64, before: i64 },
    #[error("the input log goes on behind its end")]
    BehindEnd,
}

impl InputLog {
    /// Reads a log. One that is cut off inside a record is an error: what wrote it writes whole
    /// records.
    pub fn read(bytes: &[u8]) -> Result<Self, BadLog> {
        let mut records = Records::new(bytes);
        let Some(Record::Header(header)) = records.next().transpose()? else {
            return Err(BadLog::NoHeader);
        };
        let mut log = Self { header, segments: Vec::new(), inputs: Vec::new(), end: None };
        for record in records {
            log.add(record?)?;
        }
        Ok(log)
    }

    /// The log's parts in their order, at least one. A fork's log has a segment of the header's
    /// own module and engine before any input: it begins there, and no part of it ran `init`.
    pub fn parts(&self) -> Vec<LogPart<'_>> {
        let init = if self.is_fork() { None } else { Some(None) };
        let starts: Vec<_> = init.into_iter().chain(self.segments.iter().map(Some)).collect();
        let mut inputs = self.inputs.as_slice();
        let mut parts = Vec::with_capacity(starts.len());
        for (at, &start) in starts.iter().enumerate() {
            let until = starts.get(at + 1).and_then(|next| Some((*next)?.tick));
            let before = |inputs: &TickInputs| until.is_none_or(|until| inputs.tick < until);
            let (inputs_here, rest) = inputs.split_at(inputs.partition_point(before));
            inputs = rest;
            let end = self.end.as_ref().filter(|_| until.is_none());
            parts.push(LogPart { header: &self.header, start, inputs: inputs_here, until, end });
        }
        parts
    }

    fn is_fork(&self) -> bool {
        let MatchHeader { module, fingerprint, .. } = self.header;
        let is_first = |tick| self.inputs.first().is_none_or(|inputs| inputs.tick >= tick);
        self.segments.first().is_some_and(|first| {
            (first.module, first.fingerprint) == (module, fingerprint) && is_first(first.tick)
        })
    }

    fn add(&mut self, record: Record) -> Result<(), BadLog> {
        let before = self.inputs.last().map_or(-2, |inputs| inputs.tick);
        let begun = self.segments.last().map_or(-1, |segment| segment.tick);
        match record {
            _ if self.end.is_some() => return Err(BadLog::BehindEnd),
            Record::Header(_) => return Err(BadLog::NoHeader),
            Record::Inputs(TickInputs { tick, .. }) | Record::Segment(Segment { tick, .. })
                if tick <= before || tick < begun =>
            {
                return Err(BadLog::Order { tick, before: before.max(begun) });
            }
            Record::Segment(Segment { tick, .. }) if tick < 0 => {
                return Err(BadLog::Order { tick, before: -1 });
            }
            Record::Inputs(inputs) => self.inputs.push(inputs),
            Record::Segment(segment) => self.segments.push(segment),
            Record::End(end) => self.end = Some(end),
        }
        Ok(())
    }
}

impl LogPart<'_> {
    /// The module that ran it.
    pub fn module(&self) -> Sha256 {
        self.start.map_or(self.header.module, |segment| segment.module)
    }

    /// Names the engine that ran it, its settings and the policy.
    pub fn fingerprint(&self) -> Sha256 {
        self.start.map_or(self.header.fingerprint, |segment| segment.fingerprint)
    }

    /// The first tick that it runs; where it begins with `init`, the one behind that.
    pub fn first_tick(&self) -> i64 {
        self.start.map_or(0, |segment| segment.tick)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(name: &str) -> Sha256 {
        Sha256::of(name.as_bytes())
    }

    fn header() -> Record {
        let (module, fingerprint) = (module("one"), Sha256::of(b"engine"));
        let (seed, config) = (1, [].into());
        let (tick_hz, hash_every) = (30, 0);
        Record::Header(MatchHeader { module, fingerprint, tick_hz, seed, hash_every, config })
    }

    fn segment(tick: i64, name: &str) -> Record {
        let (fingerprint, state) = (Sha256::of(b"engine"), Sha256::of(b"state"));
        let transcript = Sha256::of(b"said");
        Record::Segment(Segment { tick, module: module(name), fingerprint, state, transcript })
    }

    fn inputs(tick: i64) -> Record {
        let transcript = Sha256::of(b"said");
        Record::Inputs(TickInputs { tick, events: Vec::new(), codes: vec![1], transcript })
    }

    fn end(ticks: i64) -> Record {
        let (ending, transcript) = (crate::LoggedEnding::Finished, Sha256::of(b"said"));
        Record::End(LoggedEnd { ticks, ending, transcript })
    }

    fn read(records: &[Record]) -> Result<InputLog, BadLog> {
        let mut bytes = Vec::new();
        for record in records {
            record.encode(&mut bytes);
        }
        InputLog::read(&bytes)
    }

    /// First tick, module, ticks with inputs, first tick of the next, whether the end is there.
    type Seen = (i64, Sha256, Vec<i64>, Option<i64>, bool);

    fn parts(records: &[Record]) -> Vec<Seen> {
        let log = read(records).unwrap();
        let seen = |part: &LogPart<'_>| {
            let ticks = part.inputs.iter().map(|inputs| inputs.tick).collect();
            (part.first_tick(), part.module(), ticks, part.until, part.end.is_some())
        };
        log.parts().iter().map(seen).collect()
    }

    #[test]
    fn a_log_without_a_segment_is_one_part() {
        let log = [header(), inputs(-1), inputs(4), end(9)];
        assert_eq!(parts(&log), [(0, module("one"), vec![-1, 4], None, true)]);
        assert_eq!(parts(&log[..1]), [(0, module("one"), vec![], None, false)]);
    }

    #[test]
    fn each_segment_begins_a_part_with_the_inputs_of_its_own_tick() {
        let log = [
            header(),
            inputs(-1),
            inputs(4),
            segment(5, "two"),
            inputs(5),
            segment(8, "three"),
            segment(8, "four"),
            inputs(9),
            end(9),
        ];
        let expected = [
            (0, module("one"), vec![-1, 4], Some(5), false),
            (5, module("two"), vec![5], Some(8), false),
            (8, module("three"), vec![], Some(8), false),
            (8, module("four"), vec![9], None, true),
        ];
        assert_eq!(parts(&log), expected);
        assert_eq!(parts(&log[..4])[1], (5, module("two"), vec![], None, false));
    }

    #[test]
    fn a_fork_begins_with_its_segment_and_a_silent_match_with_init() {
        let fork = [header(), segment(7, "one"), inputs(7), segment(9, "two")];
        let expected =
            [(7, module("one"), vec![7], Some(9), false), (9, module("two"), vec![], None, false)];
        assert_eq!(parts(&fork), expected);
        let silent = [header(), segment(7, "two"), inputs(7)];
        let expected =
            [(0, module("one"), vec![], Some(7), false), (7, module("two"), vec![7], None, false)];
        assert_eq!(parts(&silent), expected);
    }

    #[test]
    fn a_segment_that_is_out_of_order_is_refused() {
        for (records, tick, before) in [
            ([inputs(4), segment(4, "two")], 4, 4),
            ([segment(5, "two"), inputs(4)], 4, 5),
            ([segment(5, "two"), segment(4, "three")], 4, 5),
            ([inputs(-1), segment(-1, "two")], -1, -1),
            ([segment(-1, "two"), inputs(4)], -1, -1),
        ] {
            let log = [&[header()], &records[..]].concat();
            assert_eq!(read(&log), Err(BadLog::Order { tick, before }), "{records:?}");
        }
        assert_eq!(read(&[header(), end(5), segment(5, "two")]), Err(BadLog::BehindEnd));
    }
}
