//! The methods that a fetch may have. What would open a tunnel (CONNECT) or echo the request's
//! headers (TRACE) is none of them.

use std::fmt;

/// A method of RFC 9110, or PATCH of RFC 5789.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
}

impl Method {
    /// In the order of their numbers in the surface, from 0.
    pub const ALL: [Method; 7] = [
        Method::Get,
        Method::Head,
        Method::Post,
        Method::Put,
        Method::Patch,
        Method::Delete,
        Method::Options,
    ];

    /// The method that a sim means by a number.
    pub fn numbered(number: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// The method of that exact name: methods are case-sensitive (RFC 9110, section 9.1).
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == name)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Head => "HEAD",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Patch => "PATCH",
            Method::Delete => "DELETE",
            Method::Options => "OPTIONS",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_surface() {
        let names = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        for (number, name) in (0..).zip(names) {
            assert_eq!(Method::numbered(number).unwrap().as_str(), name);
            assert_eq!(Method::named(name), Method::numbered(number));
        }
        assert_eq!(Method::numbered(7), None);
        assert_eq!(Method::numbered(u32::MAX), None);
    }

    #[test]
    fn only_the_exact_name_is_a_method() {
        for name in ["", "get", "Get", " GET", "GET ", "CONNECT", "TRACE", "PRI", "GET / HTTP/1.1"]
        {
            assert_eq!(Method::named(name), None, "{name:?}");
        }
    }
}
