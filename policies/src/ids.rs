//! The ids and hashes by which the platform's parts name things to each other.
//! They are types, so that one can never stand where another is meant.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::Digest;
use thiserror::Error;

/// Crockford's base 32 in lower case: no letter that reads like a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Letters behind the prefix: 16 of 5 bits each, 80 bits in all.
const LETTERS: usize = 16;

/// A text that is no id of the kind that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "not a {kind} id: {kind} ids are `{prefix}` and {LETTERS} letters or digits, such as `{prefix}0123456789abcdef`"
)]
pub struct BadId {
    kind: &'static str,
    prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// The id made of 80 random bits, which the caller draws.
            pub fn from_random(bits: [u8; 10]) -> Self {
                Self(spell($prefix, bits).into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                match text.strip_prefix($prefix) {
                    Some(letters) if is_spelling(letters) => Ok(Self(text.into())),
                    _ => Err(BadId { kind: $kind, prefix: $prefix }),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A tenant's product.
    GameId, "game", "g_"
);
id!(
    /// One running sim with its players.
    MatchId, "match", "m_"
);
id!(
    /// An API token's public name; its secret is another value.
    TokenId, "token", "t_"
);

fn spell(prefix: &str, bits: [u8; 10]) -> String {
    let mut text = String::from(prefix);
    let wide = bits.iter().fold(0u128, |wide, byte| wide << 8 | u128::from(*byte));
    for place in (0..LETTERS).rev() {
        text.push(char::from(ALPHABET[(wide >> (5 * place)) as usize & 31]));
    }
    text
}

fn is_spelling(letters: &str) -> bool {
    letters.len() == LETTERS && letters.bytes().all(|byte| ALPHABET.contains(&byte))
}

/// A participant of a match: a small number, given in order from 1 and never reused in its match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PlayerId(pub u32);

impl fmt::Display for PlayerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A SHA-256 digest; its text form is 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sha256(pub [u8; 32]);

/// A text that is no SHA-256 digest.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not a SHA-256: it is written as 64 lower-case hexadecimal digits")]
pub struct BadSha256;

impl Sha256 {
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// Of the parts, one behind the other.
    pub fn of_parts(parts: &[&[u8]]) -> Self {
        let mut digest = sha2::Sha256::new();
        for part in parts {
            digest.update(part);
        }
        Self(digest.finalize().into())
    }
}

impl FromStr for Sha256 {
    type Err = BadSha256;
    fn from_str(text: &str) -> Result<Self, BadSha256> {
        let lower_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() != 64 || !text.as_bytes().iter().all(lower_hex) {
            return Err(BadSha256);
        }
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16).unwrap_or_default() as u8;
            *byte = digit(0) << 4 | digit(1);
        }
        Ok(Self(digest))
    }
}

impl TryFrom<String> for Sha256 {
    type Error = BadSha256;
    fn try_from(text: String) -> Result<Self, BadSha256> {
        text.parse()
    }
}

impl From<Sha256> for String {
    fn from(hash: Sha256) -> String {
        hash.to_string()
    }
}

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        let id = GameId::from_random([0, 1, 2, 3, 4, 5, 6, 7, 8, 255]);
        assert_eq!(id.to_string().parse::<GameId>().unwrap(), id);
        assert_eq!(id.as_str().len(), 18);
    }

    #[test]
    fn an_id_of_another_kind_or_spelling_is_refused() {
        let game = GameId::from_random([7; 10]).to_string();
        assert!(game.parse::<MatchId>().is_err());
        for text in ["", "g_", "g_0123456789abcdeF", "g_0123456789abcdef0", "g_0123456789abcdei"] {
            let error = text.parse::<GameId>().unwrap_err();
            assert!(error.to_string().contains("g_0123456789abcdef"), "{error}");
        }
    }

    #[test]
    fn a_digest_reads_back_and_accepts_one_spelling_only() {
        let hash = Sha256::of(b"abc");
        assert!(hash.to_string().starts_with("ba7816bf"));
        assert_eq!(hash.to_string().parse::<Sha256>().unwrap(), hash);
        assert!(hash.to_string().to_uppercase().parse::<Sha256>().is_err());
        assert!("é".repeat(32).parse::<Sha256>().is_err());
    }
}
