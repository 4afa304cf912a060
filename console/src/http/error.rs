//! The one place where what went wrong becomes HTTP: every refusal of the API is an [`ApiError`],
//! and each becomes an `application/problem+json` of RFC 9457 with our members beside it.
//!
//! Never shows a client what is ours to know: faults of the machine are logged, not described.

use std::{fmt, time::Duration};

use axum::{
    Json,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use lattice_policies::admission::Rejection;
use lattice_store::StoreError;
use serde_json::{Map, Value, json};
use thiserror::Error;
use utoipa::ToSchema;

use super::{body::BodyError, inputs::DifferenceAnswer};
use crate::{
    answers::AdmissionAnswer,
    gate::{BadRecording, NotTheTwin},
};

/// Why a request was not done.
#[derive(Debug, Error)]
pub(crate) enum ApiError {
    #[error(transparent)]
    Body(#[from] BodyError),
    /// A member, a query key or a part of the path whose value will not do.
    #[error("`{name}`: {why}")]
    Value { name: &'static str, why: String },
    /// Every member whose value will not do.
    #[error("{}", .0.join("; "))]
    Values(Vec<String>),
    #[error("{0}")]
    Unauthenticated(TokenFault),
    #[error("this needs {needs}")]
    Forbidden { needs: &'static str },
    #[error("there is no such {0}, or it is not yours to see")]
    NotFound(&'static str),
    /// What is asked for is not there, and something like it is; the text says where.
    #[error("{0}")]
    Elsewhere(String),
    #[error("there is nothing at this path; /openapi.json lists what there is")]
    NoSuchPath,
    #[error("this path does not know the method; the header `allow` says which it knows")]
    NoSuchMethod,
    #[error("{0}")]
    Conflict(String),
    /// The host runs no native sims; why, and what would change it.
    #[error("{0}")]
    NativeTier(String),
    #[error("the module is refused for {} reason(s)", .0.total)]
    Refused(Box<Rejection>),
    /// The scan admits nothing that is known not to compile; should one come, it is refused.
    #[error("the module is valid, but does not compile: {0}")]
    Uncompilable(String),
    #[error("more requests than allowed come from {0}")]
    TooFast(&'static str, Duration),
    #[error("{0}; try again")]
    Busy(&'static str),
    #[error("the request took longer than {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A match's input log is not as it was written; the text says of what match, and where.
    #[error("the input log is damaged: {0}")]
    BadLog(String),
    #[error(transparent)]
    BadRecording(#[from] BadRecording),
    #[error(transparent)]
    NotTheTwin(#[from] NotTheTwin),
    /// A fault of the machine or of the platform; the text goes to the log only.
    #[error("{0}")]
    Internal(String),
}

/// What a refusal looks like: RFC 9457, with further members where an endpoint says so.
#[derive(Debug, ToSchema)]
#[expect(dead_code, reason = "the shape that the API's description shows")]
pub(crate) struct Problem {
    /// `urn:lattice:problem:` and the kind of problem, which programs may match on.
    r#type: String,
    title: String,
    status: u16,
    /// What is wrong with this request, and what would be right.
    detail: String,
}

/// What is wrong with a request's token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum TokenFault {
    #[error("this needs a token: `Authorization: Bearer lat_...`")]
    Missing,
    #[error("the token is unknown, expired or deleted")]
    Unknown,
    #[error("this needs a player's token of this match, one that is not expired")]
    NotAPlayer,
}

/// The result of a handler.
pub(crate) type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    pub(crate) fn value(name: &'static str, why: impl fmt::Display) -> Self {
        Self::Value { name, why: why.to_string() }
    }

    pub(crate) fn internal(cause: impl fmt::Display) -> Self {
        Self::Internal(cause.to_string())
    }

    /// The problem as its answer shows it: the standard members, and ours beside them.
    pub(crate) fn problem(&self) -> Value {
        let (status, kind, title) = self.kind();
        let mut problem = self.members();
        problem.insert("type".into(), format!("urn:lattice:problem:{kind}").into());
        problem.insert("title".into(), title.into());
        problem.insert("status".into(), status.as_u16().into());
        problem.insert("detail".into(), self.detail(status).into());
        Value::Object(problem)
    }

    /// The status, the last part of the problem's type, and its title.
    fn kind(&self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::Body(error) => error.kind(),
            Self::Value { .. } | Self::Values(_) => {
                (S::BAD_REQUEST, "bad-value", "A value will not do")
            }
            Self::Unauthenticated(_) => (S::UNAUTHORIZED, "no-valid-token", "No valid token"),
            Self::Forbidden { .. } => (S::FORBIDDEN, "not-yours", "Not yours to do"),
            Self::NotFound(_) | Self::Elsewhere(_) => (S::NOT_FOUND, "not-found", "Not found"),
            Self::NoSuchPath => (S::NOT_FOUND, "no-such-path", "No such path"),
            Self::NoSuchMethod => (S::METHOD_NOT_ALLOWED, "no-such-method", "No such method"),
            Self::Conflict(_) => (S::CONFLICT, "conflict", "Conflict with what is there"),
            Self::NativeTier(_) => (S::CONFLICT, "native-tier", "No native tier here"),
            Self::Refused(_) => (S::BAD_REQUEST, "module-refused", "The module is refused"),
            Self::Uncompilable(_) => {
                (S::BAD_REQUEST, "uncompilable", "The module does not compile")
            }
            Self::TooFast(..) => (S::TOO_MANY_REQUESTS, "too-fast", "Too many requests"),
            Self::Busy(_) => (S::SERVICE_UNAVAILABLE, "busy", "Too busy"),
            Self::TimedOut(_) => (S::REQUEST_TIMEOUT, "timed-out", "The request took too long"),
            Self::Store(error) => store_kind(error),
            Self::BadLog(_) => (S::INTERNAL_SERVER_ERROR, "bad-log", "The input log is damaged"),
            Self::BadRecording(_) => (S::BAD_REQUEST, "bad-recording", "The recording will not do"),
            Self::NotTheTwin(_) => (S::CONFLICT, "not-the-twin", "Not the same natively"),
            Self::Internal(_) => (S::INTERNAL_SERVER_ERROR, "internal", "A fault of ours"),
        }
    }

    fn detail(&self, status: StatusCode) -> String {
        if status.is_server_error() && !matches!(self, Self::Busy(_) | Self::BadLog(_)) {
            tracing::error!(error = %self, "request failed");
            return "this is not your request's fault; the server's log has the cause".to_owned();
        }
        self.to_string()
    }

    /// Our members beside the standard ones.
    fn members(&self) -> Map<String, Value> {
        match self {
            Self::Refused(rejection) => members(&AdmissionAnswer::from(&**rejection)),
            Self::Body(BodyError::UnknownField { nearest: Some(nearest), .. }) => {
                members(&json!({ "Nearest": nearest }))
            }
            Self::NotTheTwin(found) => {
                members(&json!({ "Difference": DifferenceAnswer::from(found.difference.clone()) }))
            }
            Self::Values(reasons) => members(&json!({ "Reasons": reasons })),
            _ => Map::new(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooFast(_, wait) => Some(*wait),
            Self::Busy(_) => Some(Duration::from_secs(1)),
            _ => None,
        }
    }
}

/// What the store says of a client's request; the rest are faults of the machine.
fn store_kind(error: &StoreError) -> (StatusCode, &'static str, &'static str) {
    use StatusCode as S;
    use StoreError as E;
    match error {
        E::NoSuchGame(_) | E::NoSuchBuild { .. } | E::NoSuchMatch(_) => {
            (S::NOT_FOUND, "not-found", "Not found")
        }
        E::NotSchedulable { .. }
        | E::OtherModule { .. }
        | E::MatchEnded(_)
        | E::TooManyPlayers { .. } => (S::CONFLICT, "conflict", "Conflict with what is there"),
        E::BadCursor(_) => (S::BAD_REQUEST, "bad-value", "A value will not do"),
        E::DiskFull => (S::INSUFFICIENT_STORAGE, "disk-full", "The server's disk is full"),
        E::Busy => (S::SERVICE_UNAVAILABLE, "busy", "Too busy"),
        _ => (S::INTERNAL_SERVER_ERROR, "internal", "A fault of ours"),
    }
}

fn members(value: &impl serde::Serialize) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, ..) = self.kind();
        let mut response = (status, Json(self.problem())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(wait) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(wait)));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// `Retry-After` knows whole seconds only; a wait is rounded up.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0)
}
