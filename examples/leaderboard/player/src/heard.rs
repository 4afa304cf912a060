//! What the sim says, as the example's README has it. Reads strictly, and decides nothing.

/// A message of the sim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A number from 1 to this is to be guessed, from the beginning.
    Guess(u32),
    /// The number is higher than the guess.
    Higher,
    /// The number is lower than the guess.
    Lower,
    /// It was that number: the points of the run so far.
    Right(u32),
    /// The run is over, with these points.
    Score(u32),
    /// The leaderboard: points and name, highest first.
    Top(Vec<(u32, String)>),
}

impl Heard {
    /// None for what the sim never says.
    pub fn parse(message: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(message).ok()?;
        let (head, list) =
            text.split_once('\n').map_or((text, None), |(head, list)| (head, Some(list)));
        let (word, number) =
            head.split_once(' ').map_or((head, None), |(word, rest)| (word, Some(rest)));
        match (word, number, list) {
            ("higher", None, None) => Some(Self::Higher),
            ("lower", None, None) => Some(Self::Lower),
            ("guess", Some(number), None) => Some(Self::Guess(digits(number)?)),
            ("right", Some(number), None) => Some(Self::Right(digits(number)?)),
            ("score", Some(number), None) => Some(Self::Score(digits(number)?)),
            ("top", Some(number), list) => standings(digits(number)?, list).map(Self::Top),
            _ => None,
        }
    }
}

fn standings(count: u32, list: Option<&str>) -> Option<Vec<(u32, String)>> {
    let entries: Option<Vec<_>> =
        list.map_or(Some(Vec::new()), |l| l.split('\n').map(entry).collect());
    entries.filter(|entries| entries.len() == count as usize)
}

fn entry(line: &str) -> Option<(u32, String)> {
    let (points, name) = line.split_once(' ')?;
    Some((digits(points)?, name.to_owned()))
}

fn digits(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_of_the_sim_is_read() {
        let read = |text: &str| Heard::parse(text.as_bytes());
        assert_eq!(read("guess 1000"), Some(Heard::Guess(1000)));
        assert_eq!(read("higher"), Some(Heard::Higher));
        assert_eq!(read("lower"), Some(Heard::Lower));
        assert_eq!(read("right 8"), Some(Heard::Right(8)));
        assert_eq!(read("score 27"), Some(Heard::Score(27)));
        assert_eq!(read("top 0"), Some(Heard::Top(vec![])));
        let two = vec![(27, "Ada".to_owned()), (20, "Bob B".to_owned())];
        assert_eq!(read("top 2\n27 Ada\n20 Bob B"), Some(Heard::Top(two)));
    }

    #[test]
    fn nothing_else_is() {
        for text in [
            "",
            "higher ",
            "guess",
            "guess x",
            "guess +1",
            "right 4294967296",
            "top 1",
            "top 1\nAda",
            "top 2\n1 A",
        ] {
            assert_eq!(Heard::parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(Heard::parse(b"score \xff"), None);
    }
}
