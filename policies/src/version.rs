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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_semantic_version_reads_back_as_it_was_written() {
        for text in ["1.0.0", "0.0.1", "1.2.3-beta.2", "10.20.30-x-y-z.1"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_none_is_refused_with_an_example() {
        for text in ["", "1", "1.0", "v1.0.0", "01.0.0", " 1.0.0", "1.0.0 ", "1.0.0-", "latest"] {
            let error = parse(text).unwrap_err();
            assert!(error.to_string().contains("such as 1.0.0"), "{error}");
        }
        let nasty = parse("1.0.\u{1b}[2J").unwrap_err().to_string();
        assert!(nasty.is_ascii() && !nasty.contains('\u{1b}'), "{nasty}");
    }

    #[test]
    fn build_metadata_is_refused_for_what_it_is() {
        let error = parse("1.0.0+build.5").unwrap_err();
        assert_eq!(error, BadVersion::BuildMetadata("1.0.0+build.5".to_owned()));
    }

    #[test]
    fn a_version_has_an_end() {
        let version = |length: usize| format!("1.0.0-{}", "a".repeat(length - 6));
        assert!(parse(&version(64)).is_ok());
        assert_eq!(parse(&version(65)), Err(BadVersion::TooLong(65)));
    }

    #[test]
    fn a_release_is_above_its_pre_releases() {
        assert!(parse("1.0.0").unwrap() > parse("1.0.0-rc.9").unwrap());
        assert!(parse("1.10.0").unwrap() > parse("1.9.0").unwrap());
    }
}
