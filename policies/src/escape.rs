//! How text from outside is shown: as printable ASCII that no terminal, log, page or spreadsheet
//! can mistake for anything else.

use std::fmt::{self, Write};

/// Stands at the end of a text that was cut.
const CUT: &str = "...";

/// `bytes` as printable ASCII of at most `most_chars` characters.
///
/// Control characters and everything beyond ASCII (bidirectional overrides, look-alikes) are
/// written `\u{..}`, bytes that are not UTF-8 `\x..`, and a backslash `\\`. An escape is never cut
/// in half; a text that does not fit ends in `...`.
pub fn guest_text(bytes: &[u8], most_chars: usize) -> String {
    let mut text = String::new();
    // Up to here, there is still room for the mark.
    let mut kept = 0;
    for piece in pieces(bytes) {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{piece}");
        if text.len() > most_chars {
            text.truncate(kept);
            text.push_str(&CUT[..CUT.len().min(most_chars)]);
            return text;
        }
        if text.len() + CUT.len() <= most_chars {
            kept = text.len();
        }
    }
    text
}

/// What is shown, or escaped, as a whole.
enum Piece {
    Char(char),
    /// One that is part of no character.
    Byte(u8),
}

fn pieces(bytes: &[u8]) -> impl Iterator<Item = Piece> {
    bytes.utf8_chunks().flat_map(|chunk| {
        let chars = chunk.valid().chars().map(Piece::Char);
        chars.chain(chunk.invalid().iter().copied().map(Piece::Byte))
    })
}

impl fmt::Display for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Piece::Char('\\') => f.write_str("\\\\"),
            Piece::Char(plain @ ' '..='~') => f.write_char(plain),
            Piece::Char(other) => write!(f, "\\u{{{:x}}}", u32::from(other)),
            Piece::Byte(byte) => write!(f, "\\x{byte:02x}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, test_runner::RngSeed};

    use super::*;

    #[test]
    fn what_could_be_mistaken_is_escaped() {
        for (bytes, shown) in [
            (&b"env.system"[..], "env.system"),
            (b"", ""),
            (b"two\nlines\r\n", "two\\u{a}lines\\u{d}\\u{a}"),
            (b"\x1b[2Jcleared", "\\u{1b}[2Jcleared"),
            (b"nul\0 del\x7f", "nul\\u{0} del\\u{7f}"),
            ("\u{202e}gol".as_bytes(), "\\u{202e}gol"),
            ("l\u{43e}g".as_bytes(), "l\\u{43e}g"),
            (b"\xff\xfe", "\\xff\\xfe"),
            (b"half \xe2\x80", "half \\xe2\\x80"),
            (b"\\u{a}", "\\\\u{a}"),
        ] {
            assert_eq!(guest_text(bytes, 100), shown);
        }
    }

    #[test]
    fn a_text_that_fits_is_whole_and_one_that_does_not_is_marked() {
        assert_eq!(guest_text(b"12345678", 8), "12345678");
        assert_eq!(guest_text(b"123456789", 8), "12345...");
        assert_eq!(guest_text(b"12345\n", 8), "12345...");
        assert_eq!(guest_text(b"\n\n\n", 8), "\\u{a}...");
        assert_eq!(guest_text(b"long", 2), "..");
        assert_eq!(guest_text(b"long", 0), "");
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            rng_seed: RngSeed::Fixed(1),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn whatever_it_is_the_text_is_short_and_printable(bytes: Vec<u8>, most in 0usize..64) {
            let text = guest_text(&bytes, most);
            prop_assert!(text.len() <= most);
            prop_assert!(text.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
        }
    }
}
