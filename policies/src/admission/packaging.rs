//! What an upload is packaged as, which decides how it is scanned and where it runs.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// What a build is packaged as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Packaging {
    /// A core WebAssembly module, which runs in the sandbox.
    Wasm,
    /// A shared object for x86-64, which runs in a process of its own.
    Native,
}

impl Packaging {
    pub const ALL: [Self; 2] = [Self::Wasm, Self::Native];

    /// The packaging as it stands in requests, answers and the store.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Wasm => "wasm",
            Self::Native => "native",
        }
    }

    /// What a file is, by its first bytes: native if it is ELF, and wasm otherwise, as which it is
    /// then told what it is instead.
    pub fn of(bytes: &[u8]) -> Self {
        if bytes.starts_with(goblin::elf::header::ELFMAG) { Self::Native } else { Self::Wasm }
    }
}

impl fmt::Display for Packaging {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// Not the name of a packaging.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no packaging; there are `wasm` and `native`")]
pub struct UnknownPackaging(String);

impl FromStr for Packaging {
    type Err = UnknownPackaging;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|packaging| packaging.text() == text);
        named.ok_or_else(|| UnknownPackaging(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packagings_survive_their_texts_and_another_is_told_which_there_are() {
        for packaging in Packaging::ALL {
            assert_eq!(packaging.text().parse(), Ok(packaging));
            assert_eq!(serde_json::to_value(packaging).unwrap(), packaging.text());
        }
        let unknown = "elf".parse::<Packaging>().unwrap_err().to_string();
        for packaging in Packaging::ALL {
            assert!(unknown.contains(&format!("`{packaging}`")), "{unknown}");
        }
    }

    #[test]
    fn a_file_is_told_by_its_first_bytes() {
        assert_eq!(Packaging::of(b"\x7fELF\x02"), Packaging::Native);
        for bytes in [&b"\0asm\x01\0\0\0"[..], b"", b"\x7fEL", b"ELF"] {
            assert_eq!(Packaging::of(bytes), Packaging::Wasm, "{bytes:?}");
        }
    }
}
