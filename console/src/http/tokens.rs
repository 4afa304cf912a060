//! `/tokens`: who may talk to the API. A token's secret is shown once, in the answer that made it.

use axum::{
    Json,
    extract::{Request, State},
};
use http::StatusCode;
use jiff::Timestamp;
use lattice_policies::{
    TokenId,
    roles::{Action, Role},
};
use lattice_store::{NewToken, Token};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    body,
    caller::Caller,
    error::{ApiError, ApiResult, Problem},
    list::Listed,
    path::Path,
    text,
};
use crate::{
    app::App,
    secrets::{self, Secret},
};

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct TokenRequest {
    /// Whom the token stands for; a game's owner is a subject.
    subject: String,
    /// `super-admin`, `developer` or `viewer`.
    role: String,
    /// RFC 3339, in the future; a token without it lasts until it is deleted.
    expires_at: Option<String>,
}

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct TokenAnswer {
    #[schema(example = "t_0123456789abcdef")]
    id: String,
    subject: String,
    role: &'static str,
    created_at: String,
    /// The subject that made it.
    created_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// The secret; in the answer that made it, and never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl From<Token> for TokenAnswer {
    fn from(token: Token) -> Self {
        Self {
            id: token.id.to_string(),
            subject: token.subject,
            role: token.role.text(),
            created_at: token.created_at.to_string(),
            created_by: token.created_by,
            expires_at: token.expires_at.map(|at| at.to_string()),
            token: None,
        }
    }
}

/// Makes a token. Its secret is in this answer only.
#[utoipa::path(
    post, path = "/tokens", tag = "tokens", request_body = TokenRequest,
    responses((status = 201, body = TokenAnswer), (status = "4XX", body = Problem)),
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    request: Request,
) -> ApiResult<(StatusCode, Json<TokenAnswer>)> {
    caller.permit(&app, Action::ManageTokens).await?;
    let asked: TokenRequest = body::json(request, app.small_body()).await?;
    let secret = Secret::api_token();
    let new = new_token(asked, &secret)?;
    let token = app.store(move |store| store.create_token(&caller.actor, &new)).await?;
    let answer = TokenAnswer { token: Some(secret.text().to_owned()), ..token.into() };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Lists all tokens, without their secrets.
#[utoipa::path(
    get, path = "/tokens", tag = "tokens",
    responses((status = 200, body = Listed<TokenAnswer>), (status = "4XX", body = Problem)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
) -> ApiResult<Json<Listed<TokenAnswer>>> {
    caller.permit(&app, Action::ManageTokens).await?;
    let tokens = app.store(lattice_store::Store::tokens).await?;
    Ok(Json(Listed::whole(tokens.into_iter().map(TokenAnswer::from))))
}

/// Deletes a token, which is void at once.
#[utoipa::path(
    delete, path = "/tokens/{token}", tag = "tokens", params(("token" = String, Path)),
    responses((status = 204), (status = "4XX", body = Problem)),
)]
pub(crate) async fn delete(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
) -> ApiResult<StatusCode> {
    caller.permit(&app, Action::ManageTokens).await?;
    let id: TokenId = token.parse().map_err(|_| ApiError::NotFound("token"))?;
    let deleted = app.store(move |store| store.delete_token(&caller.actor, &id)).await?;
    if deleted { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::NotFound("token")) }
}

fn new_token(asked: TokenRequest, secret: &Secret) -> ApiResult<NewToken> {
    Ok(NewToken {
        id: secrets::token_id(),
        secret: secret.sha256(),
        subject: text::subject("Subject", asked.subject)?,
        role: asked.role.parse::<Role>().map_err(|error| ApiError::value("Role", error))?,
        expires_at: asked.expires_at.as_deref().map(future).transpose()?,
    })
}

fn future(text: &str) -> ApiResult<Timestamp> {
    let at: Timestamp = text.parse().map_err(|_| {
        ApiError::value(
            "ExpiresAt",
            "a time as of RFC 3339, such as 2030-01-31T12:00:00Z, is expected",
        )
    })?;
    if at <= Timestamp::now() {
        return Err(ApiError::value("ExpiresAt", "this time is past"));
    }
    Ok(at)
}
