//! Tokens and ids, drawn from the operating system's random source. A secret's text is shown once
//! and only its SHA-256 is kept.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use lattice_policies::{GameId, MatchId, Sha256, TokenId};

/// What an API token's text starts with.
pub const API_TOKEN_PREFIX: &str = "lat_";
/// What a player's token starts with.
pub const PLAYER_TOKEN_PREFIX: &str = "lap_";

/// A bearer's secret: a prefix and 256 random bits in base64url.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Draws an API token.
    pub fn api_token() -> Self {
        Self::draw(API_TOKEN_PREFIX)
    }

    /// Draws a player's token.
    pub fn player_token() -> Self {
        Self::draw(PLAYER_TOKEN_PREFIX)
    }

    /// The text to show, once.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// What is kept of it: the digest of the whole text.
    pub fn sha256(&self) -> Sha256 {
        Sha256::of(self.0.as_bytes())
    }

    fn draw(prefix: &str) -> Self {
        Self(format!("{prefix}{}", BASE64_URL_SAFE_NO_PAD.encode(random::<32>())))
    }
}

pub fn game_id() -> GameId {
    GameId::from_random(random())
}

pub fn match_id() -> MatchId {
    MatchId::from_random(random())
}

pub fn token_id() -> TokenId {
    TokenId::from_random(random())
}

/// A match's seed, where none was asked for.
pub fn seed() -> u64 {
    u64::from_le_bytes(random())
}

/// The secret that a signing key is made of.
pub fn key_seed() -> [u8; 32] {
    random()
}

/// 128 random bits in base64url, by which a digest tells nothing of what else it was made from.
pub fn salt() -> String {
    BASE64_URL_SAFE_NO_PAD.encode(random::<16>())
}

/// 16 hexadecimal digits that tell requests apart.
pub fn request_id() -> String {
    format!("{:016x}", u64::from_le_bytes(random()))
}

/// The kernel's random source cannot fail once the machine has booted, and a server must not go
/// on without it: a guessable token is worse than none.
#[expect(clippy::expect_used, reason = "no server without a random source")]
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_its_prefix_its_length_and_its_digest() {
        let token = Secret::api_token();
        assert_eq!(token.text().len(), 4 + 43);
        assert!(token.text().starts_with("lat_"));
        assert_eq!(token.sha256(), Sha256::of(token.text().as_bytes()));
        assert!(Secret::player_token().text().starts_with("lap_"));
    }

    #[test]
    fn no_two_are_the_same() {
        assert_ne!(Secret::api_token().text(), Secret::api_token().text());
        assert_ne!(match_id(), match_id());
        assert_ne!(request_id(), request_id());
    }
}
