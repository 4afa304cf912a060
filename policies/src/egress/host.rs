//! The host of a URL or an entry: a name in DNS letters, or an address in its one canonical
//! spelling. Never decodes, maps or completes anything: what two programs could read in two ways
//! is refused.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use thiserror::Error;

use crate::{Code, escape::guest_text};

/// The longest name in bytes, without a final dot (RFC 1035, section 2.3.4).
const NAME_BYTES: usize = 253;
/// The longest label in bytes (RFC 1035, section 2.3.4).
const LABEL_BYTES: usize = 63;

/// Where a request goes to, without its port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// A name of labels, in lower case.
    Name(String),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl Host {
    /// The address that the host is spelt as, if it is no name.
    pub fn literal(&self) -> Option<IpAddr> {
        match *self {
            Host::Name(_) => None,
            Host::V4(address) => Some(address.into()),
            Host::V6(address) => Some(address.into()),
        }
    }
}

/// As in a URL: an IPv6 address stands in brackets.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name(name) => f.write_str(name),
            Host::V4(address) => address.fmt(f),
            Host::V6(address) => write!(f, "[{address}]"),
        }
    }
}

/// Why a text is no host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum HostError {
    #[error("there is no host")]
    Empty,
    #[error("the host is longer than {NAME_BYTES} bytes")]
    TooLong,
    #[error("`{}` is no character of a host, which has letters, digits, hyphens and dots (and its xn-- spelling where it has others)", guest_text(&[*.0], 8))]
    Byte(u8),
    #[error("the host has an empty label: two dots in a row, or one at its start")]
    EmptyLabel,
    #[error("the host has a label of more than {LABEL_BYTES} bytes")]
    LabelTooLong,
    #[error("a label of the host starts or ends with a hyphen")]
    Hyphen,
    #[error("brackets stand around IPv6 addresses alone, such as [2001:4860:4860::8888]")]
    Brackets,
    #[error(
        "there is more than one colon; an IPv6 address stands in brackets, such as [2001:4860:4860::8888]"
    )]
    NoBrackets,
    #[error("the host `{0}` ends in a dot, which is another spelling than any entry has")]
    TrailingDot(String),
    #[error(
        "the host `{0}` ends in a number and is no IPv4 address of four decimal numbers from 0 to 255"
    )]
    Numeric(String),
    #[error("the host `[{written}]` is spelt `[{canonical}]`")]
    NotCanonical { written: String, canonical: Ipv6Addr },
    #[error("the host `[{}]` has a zone, which means something on one machine only", guest_text(.0.as_bytes(), 64))]
    Zone(String),
}

impl HostError {
    /// What the guest is told. A host that is well-formed by RFC 3986, but spelt as no entry can
    /// be, is simply not on the list.
    pub fn code(&self) -> Code {
        match self {
            HostError::TrailingDot(_)
            | HostError::Numeric(_)
            | HostError::NotCanonical { .. }
            | HostError::Zone(_) => Code::HttpNotAllowed,
            _ => Code::HttpBadRequest,
        }
    }
}

/// Reads a host that stands in no brackets: a name, or an IPv4 address.
pub(super) fn parse(text: &str) -> Result<Host, HostError> {
    let name = check_length(text)?.to_ascii_lowercase();
    let absolute = name.strip_suffix('.').filter(|rest| !rest.is_empty());
    absolute.unwrap_or(&name).split('.').try_for_each(check_label)?;
    if absolute.is_some() {
        return Err(HostError::TrailingDot(name));
    }
    if let Ok(address) = name.parse() {
        return Ok(Host::V4(address));
    }
    if name.rsplit('.').next().is_some_and(is_numeric) {
        return Err(HostError::Numeric(name));
    }
    Ok(Host::Name(name))
}

/// Reads what stands between brackets.
pub(super) fn parse_v6(text: &str) -> Result<Host, HostError> {
    let written = check_length(text)?.to_ascii_lowercase();
    let zone = written.split_once('%');
    let address = zone.map_or(written.as_str(), |(address, _)| address);
    let canonical: Ipv6Addr = address.parse().map_err(|_| HostError::Brackets)?;
    if zone.is_some() {
        return Err(HostError::Zone(written));
    }
    // The standard library writes addresses as RFC 5952 wants them.
    if canonical.to_string() != written {
        return Err(HostError::NotCanonical { written, canonical });
    }
    Ok(Host::V6(canonical))
}

fn check_length(text: &str) -> Result<&str, HostError> {
    match text.len() {
        0 => Err(HostError::Empty),
        1..=NAME_BYTES => Ok(text),
        _ => Err(HostError::TooLong),
    }
}

fn check_label(label: &str) -> Result<(), HostError> {
    let is_ldh = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
    if let Some(byte) = label.bytes().find(|byte| !is_ldh(byte)) {
        return Err(HostError::Byte(byte));
    }
    match label.len() {
        0 => Err(HostError::EmptyLabel),
        1..=LABEL_BYTES if label.starts_with('-') || label.ends_with('-') => Err(HostError::Hyphen),
        1..=LABEL_BYTES => Ok(()),
        _ => Err(HostError::LabelTooLong),
    }
}

/// Whether some program would read a host that ends in this label as an IPv4 address: `inet_aton`
/// and the URL standard of browsers take octal, hexadecimal and short forms.
fn is_numeric(label: &str) -> bool {
    label.starts_with("0x") || label.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(outcome: Result<Host, HostError>) -> Code {
        outcome.unwrap_err().code()
    }

    #[test]
    fn a_name_is_read_in_lower_case() {
        let longest = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61));
        for (text, name) in [
            ("api.example.com", "api.example.com"),
            ("API.Example.COM", "api.example.com"),
            ("XN--BCHER-KVA.example", "xn--bcher-kva.example"),
            ("localhost", "localhost"),
            ("1.2.3.4.example", "1.2.3.4.example"),
            ("0xbad.example", "0xbad.example"),
            ("127.0.0.1a", "127.0.0.1a"),
            (&longest, &longest),
        ] {
            assert_eq!(parse(text), Ok(Host::Name(name.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused_for_what_it_is() {
        let long_label = format!("{}.example", "a".repeat(64));
        let too_long = format!("{}.example", "a.".repeat(124));
        for (text, error) in [
            ("", HostError::Empty),
            (".", HostError::EmptyLabel),
            ("..", HostError::EmptyLabel),
            ("api..example", HostError::EmptyLabel),
            (".example", HostError::EmptyLabel),
            ("example..", HostError::EmptyLabel),
            ("-api.example", HostError::Hyphen),
            ("api-.example", HostError::Hyphen),
            ("a_b.example", HostError::Byte(b'_')),
            ("api%2eexample", HostError::Byte(b'%')),
            ("\u{430}pi.example", HostError::Byte(0xd0)),
            ("api.exa\u{ad}mple", HostError::Byte(0xc2)),
            (&long_label, HostError::LabelTooLong),
            (&too_long, HostError::TooLong),
        ] {
            assert_eq!(parse(text), Err(error.clone()), "{text}");
            assert_eq!(error.code(), Code::HttpBadRequest, "{text}");
        }
    }

    #[test]
    fn an_ipv4_address_has_one_spelling() {
        assert_eq!(parse("93.184.216.34"), Ok(Host::V4(Ipv4Addr::new(93, 184, 216, 34))));
        assert_eq!(parse("0.0.0.0"), Ok(Host::V4(Ipv4Addr::UNSPECIFIED)));
        for text in [
            "127.1",
            "2130706433",
            "0",
            "0177.0.0.1",
            "127.0.0.01",
            "0x7f.1",
            "0x7f000001",
            "0XA9FEA9FE",
            "127.0.0.0x",
            "425.510.425.510",
            "127.0.0.256",
            "1.2.3.4.5",
            "example.42",
            "99999999999999999999",
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(error, HostError::Numeric(text.to_lowercase()), "{text}");
            assert_eq!(error.code(), Code::HttpNotAllowed, "{text}");
        }
    }

    #[test]
    fn a_dot_at_the_end_is_another_spelling() {
        for text in ["api.example.com.", "127.0.0.1.", "localhost."] {
            assert_eq!(parse(text), Err(HostError::TrailingDot(text.to_owned())));
            assert_eq!(code(parse(text)), Code::HttpNotAllowed);
        }
    }

    #[test]
    fn an_ipv6_address_has_one_spelling() {
        for text in ["::1", "::", "2001:4860:4860::8888", "::ffff:127.0.0.1", "2001:DB8::A"] {
            assert_eq!(parse_v6(text), Ok(Host::V6(text.parse().unwrap())), "{text}");
        }
        for (text, canonical) in [
            ("0:0:0:0:0:0:0:1", "::1"),
            ("::0001", "::1"),
            ("::ffff:a9fe:a9fe", "::ffff:169.254.169.254"),
            ("64:ff9b::169.254.169.254", "64:ff9b::a9fe:a9fe"),
            ("2001:db8:0:0:1::1", "2001:db8::1:0:0:1"),
            ("::127.0.0.1", "::7f00:1"),
        ] {
            let canonical = canonical.parse().unwrap();
            let error = HostError::NotCanonical { written: text.to_owned(), canonical };
            assert_eq!(error.code(), Code::HttpNotAllowed);
            assert_eq!(parse_v6(text), Err(error));
        }
    }

    #[test]
    fn brackets_hold_nothing_but_an_address() {
        for text in ["api.example.com", "127.0.0.1", "v1.fe80", ":::", "::1::", "12345::", "[::1"] {
            assert_eq!(parse_v6(text), Err(HostError::Brackets), "{text}");
        }
        assert_eq!(parse_v6(""), Err(HostError::Empty));
        for text in ["fe80::1%25eth0", "fe80::1%eth0", "fe80::1%"] {
            assert_eq!(parse_v6(text), Err(HostError::Zone(text.to_owned())));
            assert_eq!(code(parse_v6(text)), Code::HttpNotAllowed);
        }
    }
}
