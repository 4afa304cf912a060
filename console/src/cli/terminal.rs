//! What a command shows: text on stdout, colours and progress only where a person looks on.
//! Never decides what is shown.

use std::{
    env,
    io::{self, IsTerminal, Write},
};

use serde_json::Value;

use super::CliError;

/// A meaning that has a colour on a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Bad,
    Quiet,
    Strong,
}

/// Writes `text` as it is. A reader that has gone away, as `head` does, ends the command quietly.
pub(crate) fn print(text: &str) -> Result<(), CliError> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    Ok(stdout.flush()?)
}

/// Writes one line.
pub(crate) fn line(text: &str) -> Result<(), CliError> {
    print(&format!("{text}\n"))
}

/// Writes one JSON value a line.
pub(crate) fn json_lines(values: &[Value]) -> Result<(), CliError> {
    values.iter().try_for_each(|value| line(&value.to_string()))
}

/// `text` in the colour of its tone, if stdout is a terminal and `NO_COLOR` is not set.
pub(crate) fn paint(tone: Tone, text: &str) -> String {
    if !colours() {
        return text.to_owned();
    }
    let code = match tone {
        Tone::Good => "32",
        Tone::Bad => "31",
        Tone::Quiet => "2",
        Tone::Strong => "1",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// `text` without what could steer a terminal: the server escapes what guests say, and this holds
/// even where the server is not ours.
pub(crate) fn printable(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if steers(c) { '?' } else { c }).collect()
}

/// A member of an answer as printable text; empty where it is missing.
pub(crate) fn string(answer: &Value, member: &str) -> String {
    match &answer[member] {
        Value::Null => String::new(),
        Value::String(text) => printable(text),
        other => printable(&other.to_string()),
    }
}

/// A count of bytes as a person reads it, in units of 1024.
pub(crate) fn bytes(count: u64) -> String {
    match count {
        0..1_024 => format!("{count} bytes"),
        1_024..1_048_576 => format!("{:.1} KiB", count as f64 / 1_024.0),
        _ => format!("{:.1} MiB", count as f64 / 1_048_576.0),
    }
}

fn colours() -> bool {
    io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// One line on stderr that is written over as things go on; nothing at all without a terminal.
#[derive(Debug, Default)]
pub(crate) struct StatusLine {
    is_shown: bool,
}

impl StatusLine {
    pub(crate) fn is_seen() -> bool {
        io::stderr().is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Shows the text, cut where the terminal ends: a second row could not be written over.
    pub(crate) fn show(&mut self, text: &str) {
        if Self::is_seen() {
            eprint!("\r\x1b[?7l{text}\x1b[K\x1b[?7h");
            self.is_shown = true;
        }
    }

    /// Makes room for other output.
    pub(crate) fn clear(&mut self) {
        if self.is_shown {
            eprint!("\r\x1b[K");
            self.is_shown = false;
        }
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_is_printed() {
        assert_eq!(printable("a\x1b[31mb\u{202e}c\r\n"), "a?[31mb?c??");
        assert_eq!(printable("Ärena 1"), "Ärena 1");
    }

    #[test]
    fn counts_of_bytes_carry_their_unit() {
        assert_eq!(bytes(1_023), "1023 bytes");
        assert_eq!(bytes(1_536), "1.5 KiB");
        assert_eq!(bytes(16 << 20), "16.0 MiB");
    }
}
