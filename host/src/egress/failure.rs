//! Why a fetch has no response. The guest learns a code alone; the words are the operator's.

use std::{error::Error as StdError, io, net::SocketAddr};

use lattice_policies::{
    Code,
    egress::{AddressRefusal, FetchLimits, Refusal},
    escape::guest_text,
};
use thiserror::Error;

/// Characters of a record's detail: some of it is what the peer said.
const DETAIL_CHARS: usize = 500;

/// How a fetch ended, as audit and metrics call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// A response came, whatever its status.
    Ok,
    /// The rules changed while it waited.
    Revoked,
    Lookup,
    Address,
    Connect,
    Tls,
    Http,
    Limit,
    Timeout,
    Cancelled,
    /// A bug of ours.
    Fault,
}

impl Ending {
    /// All names, in the order of the variants.
    pub const NAMES: [&'static str; 11] = [
        "ok",
        "revoked",
        "lookup",
        "address",
        "connect",
        "tls",
        "http",
        "limit",
        "timeout",
        "cancelled",
        "fault",
    ];

    pub const fn as_str(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// What a time-out was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Stage {
    #[error("lookup, connection and TLS")]
    Connect,
    #[error("the head of the response")]
    Head,
    #[error("the whole fetch")]
    Whole,
}

/// A limit that the response was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum Limit {
    #[error("the body is over {0} bytes")]
    Body(u32),
    #[error(
        "the head is over {bytes} bytes or {headers} headers, or tells a length beyond all bounds"
    )]
    Head { bytes: u32, headers: u32 },
    #[error("more than {0} informational responses")]
    Informational(u32),
    #[error("over {0} bytes came on the connection")]
    Wire(u64),
}

#[derive(Debug, Error)]
pub(super) enum Failure {
    #[error("the rules have changed since it was asked for: {0}")]
    Revoked(Refusal),
    #[error("the name cannot be looked up: {0}")]
    Lookup(String),
    #[error(transparent)]
    Address(#[from] AddressRefusal),
    #[error("no connection: {}", tries(.0))]
    Connect(Vec<(SocketAddr, io::Error)>),
    #[error("TLS: {0}")]
    Tls(String),
    #[error("HTTP: {0}")]
    Http(String),
    #[error("{0}")]
    Limit(Limit),
    #[error("{stage} took over {ms} ms")]
    Timeout { stage: Stage, ms: u32 },
    /// It had its game's turn and waited too long for the host: it counts as refused.
    #[error("the host's places or its audit were taken for too long")]
    Busy,
    #[error("the match is gone")]
    Cancelled,
    #[error("a fault of the host's own: {0}")]
    Fault(&'static str),
}

impl Failure {
    /// A response whose head is too large, in whichever way.
    pub(super) fn large_head(limits: &FetchLimits) -> Self {
        let FetchLimits { response_header_bytes: bytes, response_headers: headers, .. } = *limits;
        Self::Limit(Limit::Head { bytes, headers })
    }

    /// An error of the HTTP library, with what it says of its causes.
    pub(super) fn http(error: &hyper::Error) -> Self {
        let mut words = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            words = format!("{words}: {error}");
            cause = error.source();
        }
        Self::Http(words)
    }

    pub(super) fn ending(&self) -> Ending {
        match self {
            Self::Revoked(_) => Ending::Revoked,
            Self::Lookup(_) => Ending::Lookup,
            Self::Address(_) => Ending::Address,
            Self::Connect(_) => Ending::Connect,
            Self::Tls(_) => Ending::Tls,
            Self::Http(_) => Ending::Http,
            Self::Limit(_) => Ending::Limit,
            Self::Timeout { .. } => Ending::Timeout,
            Self::Busy | Self::Cancelled => Ending::Cancelled,
            Self::Fault(_) => Ending::Fault,
        }
    }

    /// What the guest is told. Names, addresses, connections and TLS are not told apart.
    pub(super) fn code(&self) -> Code {
        match self {
            Self::Revoked(refusal) => refusal.code(),
            Self::Timeout { .. } => Code::HttpTimeout,
            Self::Busy => Code::HttpRateLimited,
            _ => Code::HttpFailed,
        }
    }

    /// What the operator is told, as printable ASCII.
    pub(super) fn detail(&self) -> String {
        guest_text(self.to_string().as_bytes(), DETAIL_CHARS)
    }
}

fn tries(tries: &[(SocketAddr, io::Error)]) -> String {
    let each = tries.iter().map(|(address, error)| format!("{address}: {error}"));
    each.collect::<Vec<_>>().join("; ")
}
