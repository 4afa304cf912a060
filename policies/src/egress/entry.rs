//! One entry of an allow-list: an exact origin, and whether it may lie on a private network.
//! Never a pattern: what is not listed letter by letter is not listed.

use std::{fmt, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer, de::Error as _, ser::SerializeStruct,
};
use thiserror::Error;

use super::{
    ENTRIES,
    origin::{AuthorityError, Origin, Scheme, parse_authority},
};
use crate::escape::guest_text;

/// What a game may reach.
///
/// Written `api.example.com:443` for https, or with its scheme, as in `http://127.0.0.1:9000`.
/// As data it is that text, or a table with the keys `Entry` and `AllowPrivate` (`entry` and
/// `allow_private` in TOML).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    pub origin: Origin,
    /// Lets the name have addresses of the machine itself, of private networks (RFC 1918, RFC
    /// 4193) and of a carrier's (RFC 6598). Meant for development.
    pub allow_private: bool,
}

/// The shortest spelling that reads back as the same origin.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin { scheme: Scheme::Https, host, port } => write!(f, "{host}:{port}"),
            origin => origin.fmt(f),
        }
    }
}

/// A text that is no entry, and why.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is no entry: {cause}")]
pub struct BadEntry {
    /// What was written, escaped and cut.
    pub text: String,
    pub cause: EntryError,
}

/// Why a text is no entry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EntryError {
    #[error("an entry is one exact host, without `*`; list each host by its whole name")]
    Wildcard,
    #[error("the schemes are https:// and http://")]
    Scheme,
    #[error("an entry ends with its port, and has no path, query or fragment")]
    Path,
    #[error("the port is missing; `{0}` names the usual one")]
    NoPort(String),
    #[error("{0}; an entry is a host and a port, such as `api.example.com:443`")]
    Authority(#[from] AuthorityError),
}

impl FromStr for Entry {
    type Err = BadEntry;

    fn from_str(text: &str) -> Result<Self, BadEntry> {
        let bad = |cause| BadEntry { text: guest_text(text.as_bytes(), 80), cause };
        parse(text).map(|origin| Self { origin, allow_private: false }).map_err(bad)
    }
}

fn parse(text: &str) -> Result<Origin, EntryError> {
    let (scheme, authority) = text.split_once("://").unwrap_or(("https", text));
    let scheme = Scheme::named(scheme).ok_or(EntryError::Scheme)?;
    if authority.contains('*') {
        return Err(EntryError::Wildcard);
    }
    if authority.contains(['/', '?', '#', '\\']) {
        return Err(EntryError::Path);
    }
    let (host, port) = parse_authority(authority)?;
    let origin = |port| Origin { scheme, host, port };
    match port {
        Some(port) => Ok(origin(port)),
        None => {
            let usual = origin(scheme.default_port());
            Err(EntryError::NoPort(Entry { origin: usual, allow_private: false }.to_string()))
        }
    }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !self.allow_private {
            return serializer.collect_str(self);
        }
        let mut table = serializer.serialize_struct("Entry", 2)?;
        table.serialize_field("Entry", &self.to_string())?;
        table.serialize_field("AllowPrivate", &true)?;
        table.end()
    }
}

/// An entry whose text is not yet read.
#[derive(Deserialize)]
#[serde(
    untagged,
    expecting = "an entry is a text such as `api.example.com:443`, or a table with that text as `Entry` and a truth value `AllowPrivate`"
)]
enum Written {
    Text(String),
    Table(WrittenTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenTable {
    #[serde(rename = "Entry", alias = "entry")]
    entry: String,
    #[serde(rename = "AllowPrivate", alias = "allow_private", default)]
    allow_private: bool,
}

impl Written {
    fn read(self) -> Result<Entry, BadEntry> {
        match self {
            Written::Text(text) => text.parse(),
            Written::Table(WrittenTable { entry, allow_private }) => {
                Ok(Entry { allow_private, ..entry.parse()? })
            }
        }
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Written::deserialize(deserializer)?.read().map_err(D::Error::custom)
    }
}

/// Reads an allow-list, or says everything that is wrong with it.
pub(super) fn deserialize_list<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Entry>, D::Error> {
    let written = Vec::<Written>::deserialize(deserializer)?;
    let (mut entries, mut bad) = (Vec::new(), Vec::new());
    for entry in written {
        match entry.read() {
            Ok(entry) => entries.push(entry),
            Err(error) => bad.push(error.to_string()),
        }
    }
    bad.truncate(ENTRIES);
    if bad.is_empty() { Ok(entries) } else { Err(D::Error::custom(bad.join("; "))) }
}
