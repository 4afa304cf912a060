//! The headers that a guest asks for: checked names, visible values, and none that the host owns
//! or that could speak for another. Never joins, folds or repairs a line.

use thiserror::Error;

use super::{HEADER_BLOCK_BYTES, HEADER_VALUE_BYTES, HEADERS};
use crate::escape::guest_text;

/// The longest name of a header in bytes.
const NAME_BYTES: usize = 256;

/// The header lines of a request, as they come in.
#[derive(Debug, Clone, Copy)]
pub enum HeaderLines<'a> {
    /// Lines `name: value`, each ended by a line feed, which the last may lack.
    Block(&'a [u8]),
    /// One header each. A line feed inside is a control character like any other.
    Lines(&'a [&'a [u8]]),
}

/// Why a request's headers are refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum HeaderError {
    #[error("there are more than {HEADERS} headers")]
    TooMany,
    #[error("the headers have more than {HEADER_BLOCK_BYTES} bytes together")]
    TooLong,
    #[error("a header has a name of more than {NAME_BYTES} bytes")]
    NameTooLong,
    #[error("a header has a value of more than {HEADER_VALUE_BYTES} bytes")]
    ValueTooLong,
    #[error("a header line has no colon; headers are lines `name: value`")]
    NoColon,
    #[error("a header has no name before its colon")]
    NoName,
    #[error("a header's name has `{}`; names have letters, digits and !#$%&'*+-.^_`|~", guest_text(&[*.0], 8))]
    NameByte(u8),
    #[error("a header's value has `{}`; values have visible ASCII characters and spaces between them", guest_text(&[*.0], 8))]
    ValueByte(u8),
    #[error("the header {0} is the platform's to set, or nobody's")]
    Reserved(&'static str),
}

/// Headers that were checked.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Headers {
    /// Names in lower case, values without the space around them.
    pub list: Vec<(String, String)>,
    /// Whether an Accept-Encoding was left out: the platform asks for the identity, and passes on
    /// what comes without decoding it.
    pub stripped: bool,
}

/// Names that a guest may not send, in lower case; a star stands for any ending. They frame the
/// message or belong to one connection (RFC 9110, section 7.6; RFC 9112; RFC 7540, section 3.2.1),
/// or a peer would believe them of the platform: who asks for whom, and the header by which a
/// cloud's metadata service tells a program from a confused proxy.
const RESERVED: [&str; 21] = [
    "host",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "connection",
    "keep-alive",
    "upgrade",
    "http2-settings",
    "expect",
    "max-forwards",
    "proxy-*",
    "forwarded",
    "x-forwarded*",
    "via",
    "x-real-ip",
    "metadata*",
    "x-google-metadata*",
    "x-aws-ec2-*",
    "x-aliyun-ecs-metadata*",
    "x-lattice-*",
];

pub(super) fn parse(lines: HeaderLines<'_>) -> Result<Headers, HeaderError> {
    match lines {
        HeaderLines::Block([]) => Ok(Headers::default()),
        HeaderLines::Block(block) if block.len() > HEADER_BLOCK_BYTES => Err(HeaderError::TooLong),
        HeaderLines::Block(block) => {
            let block = block.strip_suffix(b"\n").unwrap_or(block);
            parse_lines(block.split(|byte| *byte == b'\n'))
        }
        HeaderLines::Lines(lines) => {
            // Each with the line feed that it would have in a block.
            let bytes = lines.iter().map(|line| line.len() + 1).sum::<usize>();
            let lines = lines.iter().copied();
            if bytes > HEADER_BLOCK_BYTES { Err(HeaderError::TooLong) } else { parse_lines(lines) }
        }
    }
}

fn parse_lines<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Result<Headers, HeaderError> {
    let mut headers = Headers::default();
    for (index, line) in lines.enumerate() {
        if index == HEADERS {
            return Err(HeaderError::TooMany);
        }
        let (name, value) = parse_line(line)?;
        if name == "accept-encoding" {
            headers.stripped = true;
        } else {
            headers.list.push((name, value));
        }
    }
    Ok(headers)
}

fn parse_line(line: &[u8]) -> Result<(String, String), HeaderError> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or(HeaderError::NoColon)?;
    let name = parse_name(&line[..colon])?;
    Ok((name, parse_value(&line[colon + 1..])?))
}

/// A token (RFC 9110, section 5.6.2) that is not reserved.
fn parse_name(name: &[u8]) -> Result<String, HeaderError> {
    if name.is_empty() {
        return Err(HeaderError::NoName);
    }
    if name.len() > NAME_BYTES {
        return Err(HeaderError::NameTooLong);
    }
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if let Some(byte) = name.iter().find(|byte| !is_token(**byte)) {
        return Err(HeaderError::NameByte(*byte));
    }
    let name: String = name.iter().map(|byte| char::from(byte.to_ascii_lowercase())).collect();
    match reserved(&name) {
        Some(reserved) => Err(HeaderError::Reserved(reserved)),
        None => Ok(name),
    }
}

fn reserved(name: &str) -> Option<&'static str> {
    RESERVED.into_iter().find(|reserved| match reserved.strip_suffix('*') {
        Some(start) => name.get(..start.len()).is_some_and(|name| reads_as(name, start)),
        None => reads_as(name, reserved),
    })
}

/// A server that makes variables of headers reads `_` as `-` (RFC 3875, section 4.1.18).
fn reads_as(name: &str, reserved: &str) -> bool {
    let read = |byte: u8| if byte == b'_' { b'-' } else { byte };
    name.len() == reserved.len()
        && name.bytes().zip(reserved.bytes()).all(|(byte, reserved)| read(byte) == reserved)
}

/// A field value (RFC 9110, section 5.5) without the bytes that it discourages.
fn parse_value(value: &[u8]) -> Result<String, HeaderError> {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|byte| !is_space(byte)).unwrap_or(value.len());
    let end = value.iter().rposition(|byte| !is_space(byte)).map_or(start, |last| last + 1);
    let value = &value[start..end];
    if let Some(byte) = value.iter().find(|byte| !matches!(byte, b' '..=b'~')) {
        return Err(HeaderError::ValueByte(*byte));
    }
    if value.len() > HEADER_VALUE_BYTES {
        return Err(HeaderError::ValueTooLong);
    }
    Ok(value.iter().map(|byte| char::from(*byte)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(block: &[u8]) -> Result<Headers, HeaderError> {
        parse(HeaderLines::Block(block))
    }

    fn line(line: &[u8]) -> Result<Headers, HeaderError> {
        parse(HeaderLines::Lines(&[line]))
    }

    fn list(headers: &Headers) -> Vec<(&str, &str)> {
        headers.list.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    #[test]
    fn lines_become_names_and_values() {
        let headers = block(b"X-Score: 12\nContent-Type:\t text/plain; q=1 \nEmpty:\n").unwrap();
        let expected = [("x-score", "12"), ("content-type", "text/plain; q=1"), ("empty", "")];
        assert_eq!(list(&headers), expected);
        assert!(!headers.stripped);
        assert_eq!(
            block(b"a: 1\na: 2").unwrap().list.len(),
            2,
            "the last line feed may be missing"
        );
        assert_eq!(block(b""), Ok(Headers::default()));
        assert_eq!(parse(HeaderLines::Lines(&[])), Ok(Headers::default()));
        assert_eq!(list(&line(b"Cookie: a=b:c").unwrap()), [("cookie", "a=b:c")]);
    }

    #[test]
    fn a_line_is_never_ended_from_inside() {
        for (text, byte) in [
            (&b"X: a\r\nHost: evil"[..], b'\r'),
            (b"X: a\nY: b", b'\n'),
            (b"X: a\rY: b", b'\r'),
            (b"X: \0", 0),
            (b"X: a\x0bb", 0x0b),
            (b"X: a\tb", b'\t'),
            (b"X: a\x7f", 0x7f),
            (b"X: \x80", 0x80),
            (b"X: caf\xc3\xa9", 0xc3),
        ] {
            assert_eq!(line(text), Err(HeaderError::ValueByte(byte)), "{}", text.escape_ascii());
        }
        assert_eq!(block(b"X: a\r\nY: b\r\n"), Err(HeaderError::ValueByte(b'\r')));
        assert_eq!(block(b"X: a\nHost: evil\n"), Err(HeaderError::Reserved("host")));
    }

    #[test]
    fn a_name_is_a_token() {
        for (text, byte) in [
            (&b" X: b"[..], b' '),
            (b"\tX: b", b'\t'),
            (b"X : b", b' '),
            (b"X\r\nY: b", b'\r'),
            (b"X\0: b", 0),
            (b"X(1): b", b'('),
            (b"\xc3\xa9: b", 0xc3),
        ] {
            assert_eq!(line(text), Err(HeaderError::NameByte(byte)), "{}", text.escape_ascii());
        }
        assert_eq!(line(b": b"), Err(HeaderError::NoName));
        assert_eq!(line(b":authority: evil"), Err(HeaderError::NoName));
        for text in [&b""[..], b"X", b"GET / HTTP/1.1"] {
            assert_eq!(line(text), Err(HeaderError::NoColon), "{}", text.escape_ascii());
        }
        assert_eq!(block(b"X: a\n\nbody: b\n"), Err(HeaderError::NoColon), "an empty line");
        assert_eq!(block(b"\n"), Err(HeaderError::NoColon));
        assert_eq!(block(b"X: a\n folded: b\n"), Err(HeaderError::NameByte(b' ')));
    }

    #[test]
    fn what_is_the_platforms_or_nobodys_is_refused_in_any_spelling() {
        for name in [
            "Host",
            "Content-Length",
            "Transfer-Encoding",
            "TE",
            "Trailer",
            "Connection",
            "Keep-Alive",
            "Upgrade",
            "HTTP2-Settings",
            "Expect",
            "Max-Forwards",
            "Proxy-Connection",
            "Proxy-Authorization",
            "Forwarded",
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "Via",
            "X-Real-IP",
            "Metadata",
            "Metadata-Flavor",
            "X-Google-Metadata-Request",
            "X-aws-ec2-metadata-token",
            "X-aws-ec2-metadata-token-ttl-seconds",
            "X-aliyun-ecs-metadata-token",
            "X-Lattice-Game",
            "X-Lattice-Tenant",
        ] {
            for name in [name.to_owned(), name.to_uppercase(), name.replace('-', "_")] {
                let refused = line(format!("{name}: x").as_bytes());
                assert!(matches!(refused, Err(HeaderError::Reserved(_))), "{name}: {refused:?}");
            }
        }
        for name in ["Hosts", "Cookie", "Authorization", "Origin", "Viable", "X-Metadata", "Proxy"]
        {
            assert!(line(format!("{name}: x").as_bytes()).is_ok(), "{name}");
        }
    }

    #[test]
    fn an_encoding_is_not_the_guests_to_choose() {
        let headers = block(b"Accept-Encoding: gzip\nX: a\naccept-encoding: br\n").unwrap();
        assert_eq!(list(&headers), [("x", "a")]);
        assert!(headers.stripped);
        assert_eq!(line(b"Accept-Encoding: g\0"), Err(HeaderError::ValueByte(0)));
    }

    #[test]
    fn headers_are_bounded_in_number_and_bytes() {
        assert_eq!(block(&b"a: b\n".repeat(HEADERS)).unwrap().list.len(), HEADERS);
        assert_eq!(block(&b"a: b\n".repeat(HEADERS + 1)), Err(HeaderError::TooMany));
        let long =
            |name: usize, value: usize| format!("{:n<name$}:{:v<value$}", "", "").into_bytes();
        assert!(line(&long(NAME_BYTES, HEADER_VALUE_BYTES)).is_ok());
        assert_eq!(line(&long(NAME_BYTES + 1, 0)), Err(HeaderError::NameTooLong));
        assert_eq!(line(&long(1, HEADER_VALUE_BYTES + 1)), Err(HeaderError::ValueTooLong));
        let half = long(1, HEADER_BLOCK_BYTES / 2 - 3);
        let exact = [&half[..], b"\n", &half, b"\n"].concat();
        assert_eq!(exact.len(), HEADER_BLOCK_BYTES);
        assert!(block(&exact).is_ok());
        assert!(parse(HeaderLines::Lines(&[&half, &half])).is_ok());
        assert_eq!(block(&[&exact[..], b"a"].concat()), Err(HeaderError::TooLong));
        assert_eq!(parse(HeaderLines::Lines(&[&half, &half, b""])), Err(HeaderError::TooLong));
    }
}
