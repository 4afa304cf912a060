//! The guest's URL, by a strict grammar of our own: RFC 3986 with an authority, for `http` and
//! `https` alone. What parsers are known to read differently is refused, and the request is later
//! built from the parts found here, never from the guest's text.

use thiserror::Error;

use super::{
    URL_BYTES,
    origin::{AuthorityError, Origin, Scheme, parse_authority},
};
use crate::{Code, escape::guest_text};

/// What a URL asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub origin: Origin,
    /// Starts with `/`; has no fragment, which is the client's own (RFC 3986, section 3.5).
    pub path_and_query: String,
}

/// Why a URL is refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum UrlError {
    #[error("the URL is longer than {URL_BYTES} bytes")]
    TooLong,
    #[error("the URL has `{}`, which RFC 3986 knows percent-encoded only", guest_text(&[*.0], 8))]
    Byte(u8),
    #[error("the URL has a `%` that no two hexadecimal digits follow")]
    Percent,
    #[error("the URL has a second `#`")]
    SecondFragment,
    #[error("the URL does not start with https:// or http://")]
    Scheme,
    #[error("in the URL, {0}")]
    Authority(#[from] AuthorityError),
}

impl UrlError {
    /// What the guest is told.
    pub fn code(&self) -> Code {
        match self {
            UrlError::Authority(error) => error.code(),
            _ => Code::HttpBadRequest,
        }
    }
}

pub(super) fn parse(url: &[u8]) -> Result<Target, UrlError> {
    let url = check_characters(url)?;
    let (scheme, rest) = url.split_once("://").ok_or(UrlError::Scheme)?;
    let scheme = Scheme::named(scheme).ok_or(UrlError::Scheme)?;
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (host, port) = parse_authority(authority)?;
    check_percent(rest)?;
    let origin = Origin { scheme, host, port: port.unwrap_or(scheme.default_port()) };
    Ok(Target { origin, path_and_query: path_and_query(rest)? })
}

/// Only characters of RFC 3986 get any further, so that no step behind meets another.
fn check_characters(url: &[u8]) -> Result<&str, UrlError> {
    if url.len() > URL_BYTES {
        return Err(UrlError::TooLong);
    }
    if let Some(byte) = url.iter().find(|byte| !is_uri_byte(**byte)) {
        return Err(UrlError::Byte(*byte));
    }
    str::from_utf8(url).map_err(|error| UrlError::Byte(url[error.valid_up_to()]))
}

/// RFC 3986, sections 2.2 and 2.3, and the percent sign.
fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}

fn check_percent(text: &str) -> Result<(), UrlError> {
    let is_escape = |behind: &str| {
        let digits = behind.as_bytes().iter().take(2);
        digits.filter(|byte| byte.is_ascii_hexdigit()).count() == 2
    };
    if text.split('%').skip(1).all(is_escape) { Ok(()) } else { Err(UrlError::Percent) }
}

fn path_and_query(rest: &str) -> Result<String, UrlError> {
    let (sent, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    if fragment.contains('#') {
        return Err(UrlError::SecondFragment);
    }
    Ok(if sent.starts_with('/') { sent.to_owned() } else { format!("/{sent}") })
}
