//! How the player plays: each guess halves what is left. Never speaks to anyone.

use crate::heard::Heard;

/// What the sim says cannot be: no number is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sim contradicts itself: after {0} there is no number left")]
pub struct NoneLeft(u32);

/// What one player knows of the number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guesser {
    low: u32,
    high: u32,
    guess: u32,
}

impl Guesser {
    /// The next guess, if the message asks for one.
    pub fn answer(&mut self, heard: &Heard) -> Result<Option<u32>, NoneLeft> {
        match heard {
            Heard::Guess(highest) => (self.low, self.high) = (1, *highest),
            Heard::Higher => self.low = self.guess + 1,
            Heard::Lower => self.high = self.guess.saturating_sub(1),
            Heard::Right(_) | Heard::Score(_) | Heard::Top(_) => return Ok(None),
        }
        if self.low > self.high {
            return Err(NoneLeft(self.guess));
        }
        self.guess = self.low.midpoint(self.high);
        Ok(Some(self.guess))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_guesses_find_every_number_up_to_a_thousand() {
        for number in 1..=1000 {
            let mut guesser = Guesser::default();
            let mut heard = Heard::Guess(1000);
            for guesses in 1.. {
                let guess = guesser.answer(&heard).unwrap().unwrap();
                if guess == number {
                    assert!(guesses <= 10, "{number} took {guesses}");
                    break;
                }
                heard = if guess < number { Heard::Higher } else { Heard::Lower };
            }
        }
    }

    #[test]
    fn a_contradiction_is_noticed() {
        let mut guesser = Guesser::default();
        assert_eq!(guesser.answer(&Heard::Guess(1)), Ok(Some(1)));
        assert_eq!(guesser.answer(&Heard::Higher), Err(NoneLeft(1)));
        assert_eq!(guesser.answer(&Heard::Guess(1)), Ok(Some(1)));
        assert_eq!(guesser.answer(&Heard::Lower), Err(NoneLeft(1)));
        assert_eq!(guesser.answer(&Heard::Top(vec![])), Ok(None));
    }
}
