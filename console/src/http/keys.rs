//! `/keys`: what receipts are checked with.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use super::{error::ApiResult, list::Listed};
use crate::{app::App, receipt::PublicKey};

/// A key that signs receipts, or did.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct KeyAnswer {
    /// The SHA-256 of the public key's 32 bytes, by which receipts name it.
    id: String,
    /// The Ed25519 public key.
    pem: String,
    /// Whether it signs now.
    signs: bool,
}

/// Lists the host's public keys, the old ones included. They are no secret; whom to believe that
/// these are the host's, TLS says, or whoever runs it.
#[utoipa::path(
    get, path = "/keys", tag = "keys", security(()),
    responses((status = 200, body = Listed<KeyAnswer>)),
)]
pub(crate) async fn list(State(app): State<App>) -> ApiResult<Json<Listed<KeyAnswer>>> {
    let signs = app.keys.host.public().id();
    let answer = |key: &PublicKey| KeyAnswer {
        id: key.id().to_string(),
        pem: key.pem(),
        signs: key.id() == signs,
    };
    Ok(Json(Listed::whole(app.keys.public.iter().map(answer))))
}
