//! The command line's way to a console: one request at a time over HTTP or HTTPS.
//! Never knows what the answers mean.
#![allow(
    clippy::disallowed_types,
    reason = "the command line is a client of the API, nobody's guest"
)]

use std::{error::Error, fmt::Display, io};

use bytes::Bytes;
use clap::Args;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, Full, Limited, combinators::BoxBody};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::Value;
use thiserror::Error;

/// What a request carries.
pub(crate) type Body = BoxBody<Bytes, io::Error>;

/// Bytes of an answer at most; the largest is a page of a log.
const ANSWER_BYTES: usize = 64 << 20;

/// Which console a command talks to, and as whom.
#[derive(Debug, Clone, Args)]
pub(crate) struct Remote {
    /// The console's address
    #[arg(long, value_name = "URL", env = "LATTICE_URL", default_value = "http://127.0.0.1:3004")]
    pub(crate) url: String,
    /// An API token (lat_...); the environment keeps it out of the list of processes
    #[arg(long, value_name = "TOKEN", env = "LATTICE_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
}

/// Why there is no answer, or why it is not the one that was asked for.
#[derive(Debug, Error)]
pub(crate) enum ClientError {
    #[error("`{0}` is not the address of a console: write it as http://127.0.0.1:3004")]
    BadUrl(String),
    #[error("the token has characters that no token has: it is lat_ and 43 letters or digits")]
    BadToken,
    #[error("the system's certificates cannot be read, so https cannot be trusted: {0}")]
    Certificates(io::Error),
    #[error("{url} cannot be reached: {cause}; is `lattice serve` running there?")]
    Unreachable { url: String, cause: String },
    #[error("the connection to {url} broke: {cause}")]
    Broken { url: String, cause: String },
    #[error("{status}: {detail}")]
    Refused { status: StatusCode, detail: String },
    #[error("{url} answered something that is not JSON; is it a console?")]
    NotJson { url: String },
}

/// A connection to one console.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    base: String,
    authorization: Option<HeaderValue>,
    transport: Transport,
}

#[derive(Debug, Clone)]
enum Transport {
    Plain(legacy::Client<HttpConnector, Body>),
    Tls(legacy::Client<HttpsConnector<HttpConnector>, Body>),
}

/// A whole answer, whatever its status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    url: String,
}

impl Client {
    pub(crate) fn new(remote: &Remote) -> Result<Self, ClientError> {
        let base = remote.url.trim_end_matches('/').to_owned();
        let bad_url = || ClientError::BadUrl(remote.url.clone());
        let uri: Uri = base.parse().map_err(|_| bad_url())?;
        let transport = match uri.scheme_str() {
            Some("http") => Transport::Plain(builder().build_http()),
            Some("https") => Transport::Tls(builder().build(tls()?)),
            _ => return Err(bad_url()),
        };
        let authorization = remote.token.as_deref().map(bearer).transpose()?;
        Ok(Self { base, authorization, transport })
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Answer, ClientError> {
        self.ask(Method::GET, path, None, empty()).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Result<Answer, ClientError> {
        self.ask(Method::DELETE, path, None, empty()).await
    }

    pub(crate) async fn post(&self, path: &str, json: &Value) -> Result<Answer, ClientError> {
        self.ask(Method::POST, path, Some("application/json"), full(json)).await
    }

    pub(crate) async fn put(&self, path: &str, json: &Value) -> Result<Answer, ClientError> {
        self.ask(Method::PUT, path, Some("application/json"), full(json)).await
    }

    /// Sends a body that is no JSON, and says what it is.
    pub(crate) async fn put_bytes(
        &self,
        path: &str,
        content: &'static str,
        body: Body,
    ) -> Result<Answer, ClientError> {
        self.ask(Method::PUT, path, Some(content), body).await
    }

    /// Begins a request whose answer is read as it comes.
    pub(crate) async fn stream(
        &self,
        path: &str,
        accept: &'static str,
    ) -> Result<Incoming, ClientError> {
        let mut request = self.request(Method::GET, path, None, empty())?;
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static(accept));
        let response = self.send(request, path).await?;
        if response.status().is_success() {
            return Ok(response.into_body());
        }
        self.collect(response, path).await?.success()?;
        Err(self.broken(path, &"it answered with a status that no stream has"))
    }

    /// The error for a stream of `path` that ended in the middle.
    pub(crate) fn broken(&self, path: &str, cause: &dyn Display) -> ClientError {
        ClientError::Broken { url: self.url(path), cause: cause.to_string() }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        content: Option<&'static str>,
        body: Body,
    ) -> Result<Answer, ClientError> {
        let request = self.request(method, path, content, body)?;
        let response = self.send(request, path).await?;
        self.collect(response, path).await
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        content: Option<&'static str>,
        body: Body,
    ) -> Result<Request<Body>, ClientError> {
        let url = self.url(path);
        let mut request = Request::builder().method(method).uri(&url);
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if let Some(content) = content {
            request = request.header(header::CONTENT_TYPE, content);
        }
        request.body(body).map_err(|_| ClientError::BadUrl(url))
    }

    async fn send(
        &self,
        request: Request<Body>,
        path: &str,
    ) -> Result<Response<Incoming>, ClientError> {
        let sent = match &self.transport {
            Transport::Plain(client) => client.request(request).await,
            Transport::Tls(client) => client.request(request).await,
        };
        sent.map_err(|error| {
            let cause = root(&error);
            if error.is_connect() {
                ClientError::Unreachable { url: self.base.clone(), cause }
            } else {
                self.broken(path, &cause)
            }
        })
    }

    async fn collect(
        &self,
        response: Response<Incoming>,
        path: &str,
    ) -> Result<Answer, ClientError> {
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| self.broken(path, &error))?.to_bytes();
        Ok(Answer { status: head.status, body, url: self.url(path) })
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

impl Answer {
    /// The answer, if it is a success; else the reason that the console gave.
    pub(crate) fn success(self) -> Result<Self, ClientError> {
        if self.status.is_success() {
            return Ok(self);
        }
        Err(ClientError::Refused { status: self.status, detail: self.problem() })
    }

    pub(crate) fn json(&self) -> Result<Value, ClientError> {
        serde_json::from_slice(&self.body)
            .map_err(|_| ClientError::NotJson { url: self.url.clone() })
    }

    /// The body as it came, for whoever wants it raw.
    pub(crate) fn raw(&self) -> String {
        String::from_utf8_lossy(&self.body).trim_end().to_owned()
    }

    /// RFC 9457's `detail`, else its `title`, else what the status says.
    fn problem(&self) -> String {
        let problem = self.json().unwrap_or_default();
        let member = |name: &str| problem[name].as_str().map(super::terminal::printable);
        member("detail").or_else(|| member("title")).unwrap_or_else(|| format!("from {}", self.url))
    }
}

/// Every item of a list, page after page. A server that names a page twice is not followed.
pub(crate) async fn every_item(client: &Client, path: &str) -> Result<Vec<Value>, ClientError> {
    let mut items = Vec::new();
    let mut page = path.to_owned();
    loop {
        let mut answer = client.get(&page).await?.success()?.json()?;
        items.extend(answer["Items"].as_array_mut().map(std::mem::take).unwrap_or_default());
        match answer["Next"].as_str().map(|next| format!("{path}?After={}", segment(next))) {
            Some(next) if next != page => page = next,
            _ => return Ok(items),
        }
    }
}

/// A segment of a path in which nothing can be read as something else.
pub(crate) fn segment(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let escape =
        |byte: u8| if plain(byte) { char::from(byte).into() } else { format!("%{byte:02X}") };
    text.bytes().map(escape).collect()
}

fn full(json: &Value) -> Body {
    Full::new(Bytes::from(json.to_string())).map_err(|never| match never {}).boxed()
}

fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}

/// No connection is kept for the next request: the server may close it in the meantime, and an
/// upload cannot be sent twice.
fn builder() -> legacy::Builder {
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    builder.pool_max_idle_per_host(0);
    builder
}

fn tls() -> Result<HttpsConnector<HttpConnector>, ClientError> {
    let builder = HttpsConnectorBuilder::new();
    let trusting = builder.with_native_roots().map_err(ClientError::Certificates)?;
    Ok(trusting.https_only().enable_http1().build())
}

fn bearer(token: &str) -> Result<HeaderValue, ClientError> {
    let mut value =
        HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| ClientError::BadToken)?;
    value.set_sensitive(true);
    Ok(value)
}

/// The innermost cause, which is the one that says something.
fn root(error: &dyn Error) -> String {
    error.source().map_or_else(|| error.to_string(), root)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(url: &str, token: Option<&str>) -> Remote {
        Remote { url: url.into(), token: token.map(str::to_owned) }
    }

    #[test]
    fn an_address_or_a_token_that_cannot_be_one_is_named() {
        for url in ["", "127.0.0.1:3004", "ftp://example.org", "http://a b"] {
            let error = Client::new(&remote(url, None)).unwrap_err();
            assert!(error.to_string().contains(&format!("`{url}`")), "{error}");
        }
        let error = Client::new(&remote("http://127.0.0.1:3004/", Some("a\nb"))).unwrap_err();
        assert!(!error.to_string().contains("a\nb"), "a secret is not repeated: {error}");
    }

    #[test]
    fn a_segment_cannot_leave_its_place() {
        assert_eq!(segment("1.0.0-beta"), "1.0.0-beta");
        assert_eq!(segment("../x?y#z"), "..%2Fx%3Fy%23z");
    }
}
