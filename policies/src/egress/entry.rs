//! One entry of an allow-list: an exact origin, and whether it may lie on a private network.
//! Never a pattern: what is not listed letter by letter is not listed.

use std::{fmt, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Error as _, MapAccess, Visitor, value::MapAccessDeserializer},
    ser::SerializeStruct,
};
use thiserror::Error;

use super::origin::{AuthorityError, Origin, Scheme, parse_authority};
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
    #[error("an entry is one exact host and port, without `*`; list each by its whole name")]
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
    if let Some(port) = port {
        return Ok(Origin { scheme, host, port });
    }
    let usual = Origin { scheme, host, port: scheme.default_port() };
    Err(EntryError::NoPort(Entry { origin: usual, allow_private: false }.to_string()))
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

/// An untagged enum would also take the table's values as a list, in which nothing names them.
impl<'de> Deserialize<'de> for Written {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrTable;
        impl<'de> Visitor<'de> for TextOrTable {
            type Value = Written;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an entry: a text such as `api.example.com:443`, or a table with that text as `Entry` and a truth value `AllowPrivate`")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Written, E> {
                Ok(Written::Text(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Written, A::Error> {
                WrittenTable::deserialize(MapAccessDeserializer::new(map)).map(Written::Table)
            }
        }
        deserializer.deserialize_any(TextOrTable)
    }
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

/// Reads an allow-list, or says which of its entries are wrong.
pub(super) fn deserialize_list<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Entry>, D::Error> {
    let written = Vec::<Written>::deserialize(deserializer)?;
    let (mut entries, mut bad) = (Vec::new(), Vec::new());
    for entry in written {
        match entry.read() {
            Ok(entry) => entries.push(entry),
            Err(error) => bad.push(error),
        }
    }
    if bad.is_empty() { Ok(entries) } else { Err(D::Error::custom(all_of(&bad))) }
}

/// One line of all that is wrong, up to a length that is still read.
fn all_of(bad: &[BadEntry]) -> String {
    const NAMED: usize = 32;
    let mut lines: Vec<String> = bad.iter().take(NAMED).map(BadEntry::to_string).collect();
    if bad.len() > NAMED {
        lines.push(format!("{} more are wrong", bad.len() - NAMED));
    }
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::{EgressPolicy, GameEgress};

    #[test]
    fn an_entry_reads_back_as_it_is_shown() {
        for (text, shown, origin) in [
            ("api.example.com:443", "api.example.com:443", "https://api.example.com:443"),
            (
                "https://API.example.com:8443",
                "api.example.com:8443",
                "https://api.example.com:8443",
            ),
            ("http://127.0.0.1:9000", "http://127.0.0.1:9000", "http://127.0.0.1:9000"),
            ("HTTP://[::1]:80", "http://[::1]:80", "http://[::1]:80"),
            ("[2606:4700::1111]:443", "[2606:4700::1111]:443", "https://[2606:4700::1111]:443"),
        ] {
            let entry: Entry = text.parse().unwrap();
            assert_eq!(entry.to_string(), shown);
            assert_eq!(entry.origin.to_string(), origin);
            assert_eq!(shown.parse(), Ok(entry.clone()));
            assert!(!entry.allow_private);
        }
    }

    #[test]
    fn what_is_no_entry_is_met_with_what_would_be_one() {
        for (text, part) in [
            ("*.example.com:443", "list each by its whole name"),
            ("api.example.com:*", "without `*`"),
            ("api.example.com", "the port is missing; `api.example.com:443` names the usual one"),
            ("http://api.example.com:", "`http://api.example.com:80` names the usual one"),
            ("api.example.com:443/v1", "no path"),
            ("https://api.example.com/", "no path"),
            ("ftp://api.example.com:21", "the schemes are https:// and http://"),
            ("user@api.example.com:443", "credentials belong in a header"),
            ("api.example.com:65536", "the port is above 65535"),
            ("api.example.com:0", "starts with a zero"),
            ("api.example.com.:443", "ends in a dot"),
            ("127.1:443", "no IPv4 address of four decimal numbers"),
            ("[::0001]:443", "is spelt `[::1]`"),
            ("::1:443", "stands in brackets"),
            ("[fe80::1%eth0]:443", "has a zone"),
            ("b\u{fc}cher.example:443", "xn--"),
            (" api.example.com:443", "is no character of a host"),
            ("", "there is no host"),
        ] {
            let error = text.parse::<Entry>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
            assert!(error.is_ascii(), "{error}");
        }
    }

    #[test]
    fn an_entry_is_a_text_or_a_table() {
        let json =
            r#"["api.example.com:443", {"Entry": "http://h.example:80", "AllowPrivate": true}]"#;
        let entries: Vec<Entry> = serde_json::from_str(json).unwrap();
        assert!(!entries[0].allow_private && entries[1].allow_private);
        let written = serde_json::to_value(&entries).unwrap();
        assert_eq!(written, serde_json::from_str::<serde_json::Value>(json).unwrap());
        let plain: Entry = serde_json::from_str(r#"{"Entry": "http://h.example:80"}"#).unwrap();
        assert_eq!(plain, "http://h.example:80".parse().unwrap());
    }

    #[test]
    fn nothing_else_is_an_entry() {
        const NEITHER: &str = "expected an entry: a text such as `api.example.com:443`, or a table";
        for (json, part) in [
            ("1", NEITHER),
            ("null", NEITHER),
            (r#"["h.example:80", true]"#, NEITHER),
            (r#"["h.example:80"]"#, NEITHER),
            (r#"{"Entry": 1}"#, "expected a string"),
            (r#"{"Entry": ["h.example:80"]}"#, "expected a string"),
            (r#"{"AllowPrivate": true}"#, "missing field `Entry`"),
            (r#"{"Entry": "h.example:80", "AllowPrivate": 1}"#, "expected a boolean"),
            (r#"{"Entry": "h.example:80", "Entry": "i.example:80"}"#, "duplicate field `Entry`"),
            (r#"{"Entry": "h.example:80", "Private": true}"#, "unknown field `Private`"),
        ] {
            let error = serde_json::from_str::<Entry>(json).unwrap_err().to_string();
            assert!(error.contains(part), "{json}: {error}");
            let stored = format!(r#"{{"Allow": [{json}]}}"#);
            let error = serde_json::from_str::<GameEgress>(&stored).unwrap_err().to_string();
            assert!(error.contains(part), "{stored}: {error}");
        }
        let toml = r#"allow = ["a.example:443", ["h.example:80", true]]"#;
        let error = toml::from_str::<EgressPolicy>(toml).unwrap_err();
        assert!(error.message().contains(NEITHER), "{}", error.message());
        assert_eq!(toml.get(error.span().unwrap()), Some(r#"["h.example:80", true]"#));
    }

    #[test]
    fn every_wrong_entry_of_a_list_is_named() {
        let json = r#"{"Allow": ["*:443", "h.example:443", {"Entry": "h.example"}, "x\u001b:1"]}"#;
        let error = serde_json::from_str::<GameEgress>(json).unwrap_err().to_string();
        for part in ["`*:443` is no entry", "`h.example` is no entry", "`x\\u{1b}:1` is no entry"] {
            assert!(error.contains(part), "{error}");
        }
        assert!(!error.contains("`h.example:443` is no entry"));
        let many = vec!["*:443"; 10_000].join("\", \"");
        let error = toml::from_str::<EgressPolicy>(&format!("allow = [\"{many}\"]")).unwrap_err();
        assert!(error.message().ends_with("9968 more are wrong"), "{}", error.message());
    }
}
