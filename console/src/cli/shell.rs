//! Words as a shell takes them.

/// A command as it can be pasted.
pub(super) fn pasted<T: AsRef<str>>(program: &str, words: &[T]) -> String {
    let words = words.iter().map(|word| quoted(word.as_ref()));
    std::iter::once(program.to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// The word, in quotes where it needs them.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+,./:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shown_command_can_be_pasted() {
        assert_eq!(quoted("my game's sim.c"), "'my game'\\''s sim.c'");
        assert_eq!(quoted("-Wl,--no-entry"), "-Wl,--no-entry");
    }
}
