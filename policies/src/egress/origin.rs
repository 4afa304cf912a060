//! Scheme, host and port: what an entry lists, and what a request is compared by.
//! Reads the authority of a URL (RFC 3986, section 3.2) as entries and requests share it.

use std::fmt;

use thiserror::Error;

use super::host::{self, Host, HostError};
use crate::Code;

/// How a request travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Without encryption; an entry must say so.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// The scheme of that name, which has no case (RFC 3986, section 3.1).
    pub fn named(name: &str) -> Option<Self> {
        [Scheme::Http, Scheme::Https]
            .into_iter()
            .find(|scheme| scheme.as_str().eq_ignore_ascii_case(name))
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }

    /// The port of a URL that names none.
    pub const fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A scheme, a host and a port. Two origins are the same only if all three are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    pub scheme: Scheme,
    pub host: Host,
    pub port: u16,
}

/// As a URL, always with the port: `https://api.example.com:443`.
impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

/// Why a text is no host with an optional port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum AuthorityError {
    #[error("there is a user before an `@`; credentials belong in a header")]
    Userinfo,
    #[error(transparent)]
    Host(#[from] HostError),
    #[error(transparent)]
    Port(#[from] PortError),
}

impl AuthorityError {
    /// What the guest is told.
    pub fn code(&self) -> Code {
        match self {
            AuthorityError::Host(error) => error.code(),
            AuthorityError::Userinfo | AuthorityError::Port(_) => Code::HttpBadRequest,
        }
    }
}

/// Why a text is no port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum PortError {
    #[error("the port is no decimal number")]
    NotDecimal,
    #[error("the port starts with a zero")]
    LeadingZero,
    #[error("the port is above 65535")]
    TooLarge,
}

/// Reads `host`, `host:` or `host:port`. The last two spell out that the port may be left out.
pub(super) fn parse_authority(text: &str) -> Result<(Host, Option<u16>), AuthorityError> {
    if text.contains('@') {
        return Err(AuthorityError::Userinfo);
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => split_brackets(rest)?,
        None => split_name(text)?,
    };
    let port = port.filter(|port| !port.is_empty()).map(parse_port).transpose()?;
    Ok((host, port))
}

fn split_brackets(rest: &str) -> Result<(Host, Option<&str>), HostError> {
    let (address, behind) = rest.split_once(']').ok_or(HostError::Brackets)?;
    let port = behind.strip_prefix(':');
    if port.is_none() && !behind.is_empty() {
        return Err(HostError::Brackets);
    }
    Ok((host::parse_v6(address)?, port))
}

fn split_name(text: &str) -> Result<(Host, Option<&str>), HostError> {
    let Some((name, port)) = text.split_once(':') else { return Ok((host::parse(text)?, None)) };
    if port.contains(':') {
        return Err(HostError::NoBrackets);
    }
    Ok((host::parse(name)?, Some(port)))
}

/// Without sign, leading zero or wrap, so that no other program reads another number. Port 0 is
/// none that a peer can listen on.
fn parse_port(text: &str) -> Result<u16, PortError> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(PortError::NotDecimal);
    }
    if text.starts_with('0') {
        return Err(PortError::LeadingZero);
    }
    text.parse().map_err(|_| PortError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_a_plain_decimal_number() {
        let name = || Host::Name("h.example".to_owned());
        for (text, port) in [
            ("h.example", None),
            ("h.example:", None),
            ("h.example:1", Some(1)),
            ("h.example:443", Some(443)),
            ("h.example:65535", Some(65_535)),
        ] {
            assert_eq!(parse_authority(text), Ok((name(), port)), "{text}");
        }
        for (port, error) in [
            ("0", PortError::LeadingZero),
            ("0443", PortError::LeadingZero),
            ("65536", PortError::TooLarge),
            ("65979", PortError::TooLarge),
            ("4294967739", PortError::TooLarge),
            ("18446744073709552059", PortError::TooLarge),
            ("+443", PortError::NotDecimal),
            ("-1", PortError::NotDecimal),
            ("%34%34%33", PortError::NotDecimal),
            ("0x1bb", PortError::NotDecimal),
            ("443 ", PortError::NotDecimal),
            ("\u{ff14}\u{ff14}\u{ff13}", PortError::NotDecimal),
        ] {
            let text = format!("h.example:{port}");
            assert_eq!(parse_authority(&text), Err(error.into()), "{text}");
        }
    }

    #[test]
    fn an_ipv6_address_and_its_port_are_told_apart_by_brackets() {
        let host = Host::V6("::1".parse().unwrap());
        assert_eq!(parse_authority("[::1]"), Ok((host.clone(), None)));
        assert_eq!(parse_authority("[::1]:8080"), Ok((host, Some(8_080))));
        for text in ["::1", "::1:8080", "h.example:443:443"] {
            assert_eq!(parse_authority(text), Err(HostError::NoBrackets.into()), "{text}");
        }
        for text in ["[::1", "[::1]8080", "[::1]]", "[[::1]]", "[h.example]"] {
            assert_eq!(parse_authority(text), Err(HostError::Brackets.into()), "{text}");
        }
    }

    #[test]
    fn nobody_stands_before_the_host() {
        for text in ["user@h.example", "user:pw@h.example", "@h.example", "h.example:443@evil.test"]
        {
            assert_eq!(parse_authority(text), Err(AuthorityError::Userinfo), "{text}");
        }
    }

    #[test]
    fn an_origin_is_shown_with_its_port() {
        let origin = |host| Origin { scheme: Scheme::Https, host, port: 443 };
        let name = Host::Name("h.example".to_owned());
        assert_eq!(origin(name).to_string(), "https://h.example:443");
        assert_eq!(origin(Host::V6("::1".parse().unwrap())).to_string(), "https://[::1]:443");
    }
}
