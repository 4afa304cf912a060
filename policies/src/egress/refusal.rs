//! Why a request may not leave: small enough to be made thousands of times a tick, and equal for
//! equal reasons, so that an audit can count them. Words are found only when somebody reads them.

use std::fmt;

use thiserror::Error;

use super::{headers::HeaderError, origin::Origin, url::UrlError};
use crate::Code;

/// Why the rules said no. Holds no more of the guest's bytes than a host.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    cause: Cause,
    origin: Option<Origin>,
}

/// The kind of a refusal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum Cause {
    #[error("the method is none of GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS")]
    Method,
    #[error(transparent)]
    Url(#[from] UrlError),
    #[error(transparent)]
    Header(#[from] HeaderError),
    #[error("the body is longer than {most} bytes")]
    Body { most: u32 },
    #[error("the allow-list is empty, which denies everything")]
    EmptyList,
    #[error("no entry of the allow-list is exactly this{}", also_listed(.same_host.as_ref()))]
    NotListed {
        /// A listed origin of the host that was asked for.
        same_host: Option<Origin>,
    },
}

fn also_listed(origin: Option<&Origin>) -> String {
    origin.map_or_else(String::new, |origin| format!(", though {origin} is listed"))
}

impl Refusal {
    pub(super) fn new(cause: impl Into<Cause>, origin: Option<Origin>) -> Self {
        Self { cause: cause.into(), origin }
    }

    /// Of a request whose method is none that there is.
    pub fn unknown_method() -> Self {
        Self::new(Cause::Method, None)
    }

    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// What the guest is told: `HttpBadRequest` or `HttpNotAllowed`.
    pub fn code(&self) -> Code {
        match &self.cause {
            Cause::Url(error) => error.code(),
            Cause::Method | Cause::Header(_) | Cause::Body { .. } => Code::HttpBadRequest,
            Cause::EmptyList | Cause::NotListed { .. } => Code::HttpNotAllowed,
        }
    }

    /// What was asked for, when the URL says it.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }
}

/// For the operator.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: {}", self.cause),
            None => self.cause.fmt(f),
        }
    }
}

impl std::error::Error for Refusal {}
