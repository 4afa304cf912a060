//! The codes that a host function answers with, and that an event's status carries.
//! The header has the same ones, each with the prefix `LATTICE_`; a test holds the two together.

/// What a host function answers below zero; `OK` is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Code {
    Ok = 0,
    /// A value outside its documented range.
    Invalid = -1,
    /// `(ptr, len)` does not lie inside the sim's memory.
    BadPointer = -2,
    /// The buffer cannot hold the event, which stays queued.
    TooSmall = -3,
    NoSuchPlayer = -4,
    /// A per-tick quota, or a count per match, is used up.
    QueueFull = -5,
    /// A single thing over its limit in bytes.
    TooLarge = -6,
    /// The call does not work in this phase of the match.
    NotNow = -7,
    HttpNotAllowed = -100,
    HttpRateLimited = -101,
    HttpBadRequest = -102,
    HttpTooMany = -103,
    HttpFailed = -104,
    HttpTimeout = -105,
}

impl Code {
    pub const ALL: [Code; 14] = [
        Code::Ok,
        Code::Invalid,
        Code::BadPointer,
        Code::TooSmall,
        Code::NoSuchPlayer,
        Code::QueueFull,
        Code::TooLarge,
        Code::NotNow,
        Code::HttpNotAllowed,
        Code::HttpRateLimited,
        Code::HttpBadRequest,
        Code::HttpTooMany,
        Code::HttpFailed,
        Code::HttpTimeout,
    ];

    /// The code as the guest sees it.
    pub const fn value(self) -> i32 {
        self as i32
    }

    /// The header's name of the code, with its prefix.
    pub const fn name(self) -> &'static str {
        match self {
            Code::Ok => "LATTICE_OK",
            Code::Invalid => "LATTICE_INVALID",
            Code::BadPointer => "LATTICE_BAD_POINTER",
            Code::TooSmall => "LATTICE_TOO_SMALL",
            Code::NoSuchPlayer => "LATTICE_NO_SUCH_PLAYER",
            Code::QueueFull => "LATTICE_QUEUE_FULL",
            Code::TooLarge => "LATTICE_TOO_LARGE",
            Code::NotNow => "LATTICE_NOT_NOW",
            Code::HttpNotAllowed => "LATTICE_HTTP_NOT_ALLOWED",
            Code::HttpRateLimited => "LATTICE_HTTP_RATE_LIMITED",
            Code::HttpBadRequest => "LATTICE_HTTP_BAD_REQUEST",
            Code::HttpTooMany => "LATTICE_HTTP_TOO_MANY",
            Code::HttpFailed => "LATTICE_HTTP_FAILED",
            Code::HttpTimeout => "LATTICE_HTTP_TIMEOUT",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_and_names_are_distinct() {
        for (index, code) in Code::ALL.iter().enumerate() {
            for other in &Code::ALL[index + 1..] {
                assert_ne!(code.value(), other.value());
                assert_ne!(code.name(), other.name());
            }
            assert!(code.value() <= 0 && code.name().starts_with("LATTICE_"));
        }
    }
}
