//! Finds out whose token a request carries. Refuses nothing: what needs a principal asks for one,
//! and the health checks, the pages and the players' sockets need none.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header};
use lattice_policies::{Sha256, roles::Principal};

use crate::{app::App, http::error::ApiError, secrets::API_TOKEN_PREFIX};

/// What a request proves of its sender.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    None,
    /// A bearer token that the store does not know, or no longer.
    Unknown,
    Api(Principal),
}

pub(super) async fn identify(State(app): State<App>, mut request: Request, next: Next) -> Response {
    match credential(&app, request.headers()).await {
        Ok(credential) => {
            request.extensions_mut().insert(credential);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    }
}

/// The token of an `Authorization: Bearer` header; the scheme's case does not matter.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

async fn credential(app: &App, headers: &HeaderMap) -> Result<Credential, ApiError> {
    if !headers.contains_key(header::AUTHORIZATION) {
        return Ok(Credential::None);
    }
    let Some(token) = bearer(headers).filter(|token| token.starts_with(API_TOKEN_PREFIX)) else {
        return Ok(Credential::Unknown);
    };
    let secret = Sha256::of(token.as_bytes());
    let found = app.store(move |store| store.token_by_secret(secret)).await?;
    Ok(found.map_or(Credential::Unknown, |token| {
        Credential::Api(Principal { subject: token.subject, role: token.role, token: token.id })
    }))
}
