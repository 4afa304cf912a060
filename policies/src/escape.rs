//! How text from outside is shown: as printable ASCII that no terminal, log, page or spreadsheet
//! can mistake for anything else.

use std::fmt::Write;

/// Stands at the end of a text that was cut.
const CUT: &str = "...";

/// `bytes` as printable ASCII of at most `most_chars` characters.
///
/// Control characters, everything beyond ASCII (bidirectional overrides, look-alikes) and the
/// backslash are written `\u{..}`, bytes that are not UTF-8 `\x..`. An escape is never cut in half;
/// a text that does not fit ends in `...`.
pub fn guest_text(bytes: &[u8], most_chars: usize) -> String {
    let mut text = String::new();
    // Where to cut, should what follows not fit.
    let mut cut_at = 0;
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            push_char(&mut text, c);
            if text.len() > most_chars {
                return cut(text, cut_at, most_chars);
            }
            if text.len() + CUT.len() <= most_chars {
                cut_at = text.len();
            }
        }
        for byte in chunk.invalid() {
            push(&mut text, format_args!("\\x{byte:02x}"));
            if text.len() > most_chars {
                return cut(text, cut_at, most_chars);
            }
            if text.len() + CUT.len() <= most_chars {
                cut_at = text.len();
            }
        }
    }
    text
}

fn push_char(text: &mut String, c: char) {
    match c {
        '\\' => text.push_str("\\\\"),
        ' '..='~' => text.push(c),
        _ => push(text, format_args!("\\u{{{:x}}}", u32::from(c))),
    }
}

/// Writing to a `String` cannot fail.
fn push(text: &mut String, escape: std::fmt::Arguments<'_>) {
    let _ = text.write_fmt(escape);
}

fn cut(mut text: String, at: usize, most_chars: usize) -> String {
    text.truncate(at);
    text.push_str(&CUT[..CUT.len().min(most_chars - at)]);
    text
}
