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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::HostError;

    /// The origin and what follows it.
    fn read(url: &str) -> (String, String) {
        let target = parse(url.as_bytes()).unwrap();
        (target.origin.to_string(), target.path_and_query)
    }

    #[test]
    fn a_url_becomes_an_origin_and_a_path() {
        for (url, origin, path) in [
            ("https://h.example/v1/x", "https://h.example:443", "/v1/x"),
            ("https://h.example:443/v1/x", "https://h.example:443", "/v1/x"),
            ("https://h.example:/", "https://h.example:443", "/"),
            ("HTTPS://H.Example/A", "https://h.example:443", "/A"),
            ("http://h.example:8080", "http://h.example:8080", "/"),
            ("http://h.example", "http://h.example:80", "/"),
            ("https://h.example?a=1", "https://h.example:443", "/?a=1"),
            ("https://h.example/a?b#c?d/@e", "https://h.example:443", "/a?b"),
            ("https://h.example#@other.example/", "https://h.example:443", "/"),
            ("https://h.example//a/../b/%2e%2e", "https://h.example:443", "//a/../b/%2e%2e"),
            (
                "https://h.example/?u=http://169.254.169.254/",
                "https://h.example:443",
                "/?u=http://169.254.169.254/",
            ),
            ("https://h.example/?list[]=1&t=%41", "https://h.example:443", "/?list[]=1&t=%41"),
            ("http://[::1]:9000/x", "http://[::1]:9000", "/x"),
        ] {
            assert_eq!(read(url), (origin.to_owned(), path.to_owned()), "{url}");
        }
    }

    #[test]
    fn only_two_schemes_with_an_authority_are_read() {
        for url in [
            "",
            "h.example",
            "//h.example/",
            "/path",
            "https:h.example/",
            "https:/h.example/",
            "file:///etc/passwd",
            "gopher://h.example:443/_x",
            "ftp://h.example/",
            "wss://h.example/",
            "javascript://h.example/",
            "data:text/plain,https://h.example/",
            "https+unix://h.example/",
            "xhttps://h.example/",
            "://h.example/",
        ] {
            assert_eq!(parse(url.as_bytes()), Err(UrlError::Scheme), "{url}");
        }
        for url in ["https://", "https:///h.example/", "https://?q", "https://:443/"] {
            let empty = UrlError::Authority(AuthorityError::Host(HostError::Empty));
            assert_eq!(parse(url.as_bytes()), Err(empty), "{url}");
        }
    }

    #[test]
    fn no_byte_that_another_parser_drops_or_maps_gets_in_anywhere() {
        let places = ["*https://h.example/", "ht*tps://h.example/", "https:*//h.example/"];
        let places = places.iter().chain(&["https://h.ex*ample/", "https://h.example:4*43/"]);
        let places = places.chain(&[
            "https://h.example/a*b?c",
            "https://h.example/?a*",
            "https://h.example/#*",
        ]);
        for place in places {
            for byte in (0..=b' ').chain(*b"\\\"<>^`{|}\x7f").chain(0x80..=0xff) {
                let (before, behind) = place.split_once('*').unwrap();
                let url = [before.as_bytes(), &[byte], behind.as_bytes()].concat();
                assert_eq!(parse(&url), Err(UrlError::Byte(byte)), "{place}");
            }
        }
    }

    #[test]
    fn a_percent_sign_starts_an_escape() {
        for url in ["https://h.example/%", "https://h.example/%4", "https://h.example/?%4g"] {
            assert_eq!(parse(url.as_bytes()), Err(UrlError::Percent), "{url}");
        }
        assert_eq!(parse(b"https://h.example/#%zz"), Err(UrlError::Percent));
        assert_eq!(parse(b"https://h.example/#a#b"), Err(UrlError::SecondFragment));
    }

    #[test]
    fn a_url_has_an_end() {
        let url = |length: usize| format!("{:a<length$}", "https://h.example/");
        assert_eq!(read(&url(URL_BYTES)).1.len(), URL_BYTES - "https://h.example".len());
        assert_eq!(parse(url(URL_BYTES + 1).as_bytes()), Err(UrlError::TooLong));
    }
}
