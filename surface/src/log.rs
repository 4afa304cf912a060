//! The sim's log: lines for the developer, bounded a tick.

use lattice_policies::policy::MatchLimits;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    Trace = 0,
    Debug = 1,
    Info = 2,
    Warn = 3,
    Error = 4,
}

impl Level {
    /// A level that does not exist is taken for the gravest, so that the line is seen.
    fn of(value: u32) -> Self {
        match value {
            0 => Level::Trace,
            1 => Level::Debug,
            2 => Level::Info,
            3 => Level::Warn,
            _ => Level::Error,
        }
    }
}

/// One line as the sim wrote it, cut at the limit. Not escaped: whoever shows it does that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    pub level: Level,
    pub text: String,
}

/// What a line costs of the tick's quota beside its bytes, so that empty lines are bounded too.
const LINE_OVERHEAD: usize = 16;

/// The lines of one tick.
#[derive(Debug, Default)]
pub struct LogBook {
    lines: Vec<LogLine>,
    used: usize,
    dropped: u64,
}

impl LogBook {
    /// Takes the lines out, in order.
    pub fn drain(&mut self) -> Vec<LogLine> {
        std::mem::take(&mut self.lines)
    }

    /// Gives the next call its quota, whether or not somebody took the lines of the last one.
    pub(crate) fn begin(&mut self) {
        self.used = 0;
    }

    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Lines that were over a quota or had a bad pointer, since the match began.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// A book that has dropped so many lines, and has none.
    pub(crate) fn restored(dropped: u64) -> Self {
        Self { dropped, ..Self::default() }
    }

    pub(crate) fn drop_line(&mut self) {
        self.dropped += 1;
    }

    /// Keeps a line; what is kept of it, or `None` if the tick's quota is used up.
    pub(crate) fn write<'a>(
        &mut self,
        level: u32,
        text: &'a [u8],
        limits: &MatchLimits,
    ) -> Option<&'a [u8]> {
        let text = &text[..text.len().min(limits.log_record_bytes as usize)];
        let used = self.used + text.len() + LINE_OVERHEAD;
        if used > limits.log_tick_bytes as usize {
            self.drop_line();
            return None;
        }
        self.used = used;
        let line = String::from_utf8_lossy(text).into_owned();
        self.lines.push(LogLine { level: Level::of(level), text: line });
        Some(text)
    }
}
