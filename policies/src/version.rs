//! The versions that builds carry: semantic versions without build metadata.

use semver::Version;
use thiserror::Error;

use crate::escape::guest_text;

/// Characters of a version at most.
pub const VERSION_CHARS: usize = 64;

/// Why a text is no version of a build.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadVersion {
    #[error("a version has at most {VERSION_CHARS} characters, and this one has {0}")]
    TooLong(usize),
    #[error("`{text}` is not a semantic version such as 1.0.0 or 1.1.0-beta.2: {why}")]
    NotSemver { text: String, why: String },
    #[error(
        "`{0}` carries build metadata, which would make two versions equal in order: leave out what follows the `+`"
    )]
    BuildMetadata(String),
}

/// Reads a build's version. Nothing is trimmed: one version has one spelling.
pub fn parse(text: &str) -> Result<Version, BadVersion> {
    if text.len() > VERSION_CHARS {
        return Err(BadVersion::TooLong(text.chars().count()));
    }
    let shown = || guest_text(text.as_bytes(), VERSION_CHARS);
    let version = Version::parse(text)
        .map_err(|why| BadVersion::NotSemver { text: shown(), why: why.to_string() })?;
    if !version.build.is_empty() {
        return Err(BadVersion::BuildMetadata(shown()));
    }
    Ok(version)
}
