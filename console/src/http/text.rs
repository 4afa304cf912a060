//! Names that people give to things: what they may look like.

use lattice_store::Actor;

use super::error::{ApiError, ApiResult};

/// A name for people to read: 1 to 100 characters, none of them a control character.
pub(crate) fn name(field: &'static str, text: String) -> ApiResult<String> {
    const MOST_CHARS: usize = 100;
    let fits = (1..=MOST_CHARS).contains(&text.chars().count());
    if fits && !text.chars().any(is_unseen) && !text.trim().is_empty() {
        return Ok(text);
    }
    let why =
        format!("1 to {MOST_CHARS} characters are expected, none of them a control character");
    Err(ApiError::value(field, why))
}

/// What is not seen and changes how the rest is shown: controls, and marks of direction.
fn is_unseen(c: char) -> bool {
    let directs = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    c.is_control() || directs
}

/// A subject, which stands for a person or a program in logs and in the audit, and never for the
/// platform itself.
pub(crate) fn subject(field: &'static str, text: String) -> ApiResult<String> {
    const MOST_CHARS: usize = 64;
    if Actor::system().subject == text {
        return Err(ApiError::value(field, format_args!("`{text}` is the platform itself")));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._@+-".contains(c);
    if (1..=MOST_CHARS).contains(&text.len()) && text.chars().all(allowed) {
        return Ok(text);
    }
    let why = format!("1 to {MOST_CHARS} letters, digits or any of `._@+-` are expected");
    Err(ApiError::value(field, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_printable() {
        assert!(name("Name", "Käse & Co. 🎮".into()).is_ok());
        for bad in ["", "  ", "a\nb", "\u{1b}[31m", "a\u{202e}b", &"x".repeat(101)] {
            assert!(name("Name", bad.into()).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_subject_has_a_small_alphabet() {
        assert!(subject("Subject", "ada@example.org".into()).is_ok());
        for bad in ["", "a b", "é", "<b>", "system", &"x".repeat(65)] {
            assert!(subject("Subject", bad.into()).is_err(), "{bad:?}");
        }
    }
}
