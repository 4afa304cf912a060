//! `/matches/{match}/players`: tokens for the players of a match.

use axum::{
    Json,
    extract::{Request, State},
};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use lattice_policies::{MatchId, roles::Action};
use lattice_store::NewPlayer;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    authority::authority,
    body,
    caller::Caller,
    error::{ApiError, ApiResult, Problem},
    path::Path,
    text,
};
use crate::{app::App, secrets::Secret};

/// A player to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct PlayerRequest {
    /// What the sim is told of the player: 1 to 100 characters; by default `player`.
    name: Option<String>,
}

/// A player's way into a match.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct PlayerAnswer {
    /// Given from 1, and never again in this match.
    player: u32,
    name: String,
    /// The secret, shown once; good for reconnecting.
    token: String,
    /// Opens the game's page. The token stands behind the `#`, which no server is sent.
    url: String,
    /// Until when the token must have been used once.
    expires_at: String,
}

/// Makes a player of a match, and the token to play with.
#[utoipa::path(
    post, path = "/matches/{match}/players", tag = "matches",
    params(("match" = String, Path)), request_body = PlayerRequest,
    responses((status = 201, body = PlayerAnswer), (status = "4XX", body = Problem)),
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    request: Request,
) -> ApiResult<(StatusCode, Json<PlayerAnswer>)> {
    let (found, _permit) =
        caller.match_of_game(&app, &id, |owner| Action::AddPlayer { owner }).await?;
    let origin = origin(&app, &request);
    let asked: PlayerRequest = body::json(request, app.small_body()).await?;
    let name = asked.name.map(|name| text::name("Name", name)).transpose()?;
    let name = name.unwrap_or_else(|| "player".to_owned());
    if found.state.has_ended() {
        return Err(ApiError::Conflict(format!("the match is {}", found.state.text())));
    }
    let secret = Secret::player_token();
    let url = url(&origin, &found.id, &secret);
    let player = insert(&app, caller, found.id, name, &secret).await?;
    let answer = PlayerAnswer {
        player: player.id.0,
        name: player.name,
        token: secret.text().to_owned(),
        url,
        expires_at: player.expires_at.to_string(),
    };
    Ok((StatusCode::CREATED, Json(answer)))
}

async fn insert(
    app: &App,
    caller: Caller,
    match_id: MatchId,
    name: String,
    secret: &Secret,
) -> ApiResult<lattice_store::Player> {
    let life = SignedDuration::from_secs(app.config.player_token_ttl_s as i64);
    let expires_at = Timestamp::now().saturating_add(life).map_err(ApiError::internal)?;
    let (secret, most) = (secret.sha256(), app.policy.matches.players);
    app.store(move |store| {
        let new = NewPlayer { match_id: &match_id, name: &name, secret, expires_at, most };
        store.insert_player(&caller.actor, &new)
    })
    .await
}

fn url(origin: &str, id: &MatchId, secret: &Secret) -> String {
    format!("{origin}/play/{id}/#token={}", secret.text())
}

/// The origin that the client itself used, unless the operator says what the public one is.
fn origin(app: &App, request: &Request) -> String {
    if !app.config.public_origin.is_empty() {
        return app.config.public_origin.clone();
    }
    authority(request)
        .map_or_else(|| format!("http://{}", app.address), |host| format!("http://{host}"))
}
