//! The headers that a guest asks for: checked names, visible values, and none that the host owns
//! or that could speak for another. Never joins, folds or repairs a line.

use thiserror::Error;

use super::{HEADER_BLOCK_BYTES, HEADER_VALUE_BYTES, HEADERS};
use crate::escape::guest_text;

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
    // A server that makes variables of headers reads `_` as `-` (RFC 3875, section 4.1.18).
    let name = name.replace('_', "-");
    RESERVED.into_iter().find(|reserved| match reserved.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == *reserved,
    })
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
