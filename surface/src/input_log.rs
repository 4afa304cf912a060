//! A whole input log: its records in the order that a log has. Never reads a record itself.

use thiserror::Error;

use crate::{BadRecord, LoggedEnd, MatchHeader, Record, Records, TickInputs};

/// A whole input log, or what there is of one that a crash cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputLog {
    pub header: MatchHeader,
    /// In the order of their ticks, each once.
    pub inputs: Vec<TickInputs>,
    /// `None` while the match runs, and where the log is cut off.
    pub end: Option<LoggedEnd>,
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
        let mut log = Self { header, inputs: Vec::new(), end: None };
        for record in records {
            log.add(record?)?;
        }
        Ok(log)
    }

    fn add(&mut self, record: Record) -> Result<(), BadLog> {
        let before = self.inputs.last().map_or(-2, |inputs| inputs.tick);
        match record {
            _ if self.end.is_some() => return Err(BadLog::BehindEnd),
            Record::Header(_) => return Err(BadLog::NoHeader),
            Record::Inputs(TickInputs { tick, .. }) if tick <= before => {
                return Err(BadLog::Order { tick, before });
            }
            Record::Inputs(inputs) => self.inputs.push(inputs),
            Record::End(end) => self.end = Some(end),
        }
        Ok(())
    }
}
