//! `/games` and `/games/{game}`: a tenant's products.

use axum::{
    Json,
    extract::{Request, State},
};
use http::StatusCode;
use lattice_policies::roles::Action;
use lattice_store::Game;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    body,
    caller::Caller,
    error::{ApiResult, Problem},
    list::{Listed, PageOf, PageQuery},
    path::Path,
    text,
};
use crate::{app::App, secrets};

/// A game to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct NewGame {
    /// What people call it: 1 to 100 characters, no control characters.
    name: String,
}

/// A tenant's product.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GameAnswer {
    #[schema(example = "g_0123456789abcdef")]
    id: String,
    name: String,
    /// The subject that owns it.
    owner: String,
    /// Whether matches start only from builds that were verified against a native transcript.
    native_transcript: bool,
    /// RFC 3339.
    created_at: String,
}

impl From<Game> for GameAnswer {
    fn from(game: Game) -> Self {
        Self {
            id: game.id.to_string(),
            name: game.name,
            owner: game.owner,
            native_transcript: game.native_gate,
            created_at: game.created_at.to_string(),
        }
    }
}

/// Makes a game, owned by the caller's subject.
#[utoipa::path(
    post, path = "/games", tag = "games", request_body = NewGame,
    responses((status = 201, body = GameAnswer), (status = "4XX", body = Problem)),
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    request: Request,
) -> ApiResult<(StatusCode, Json<GameAnswer>)> {
    caller.permit(&app, Action::CreateGame).await?;
    let new: NewGame = body::json(request, app.small_body()).await?;
    let name = text::name("Name", new.name)?;
    let game = app.store(move |store| {
        store.create_game(&caller.actor, &secrets::game_id(), &name, &caller.principal.subject)
    });
    Ok((StatusCode::CREATED, Json(game.await?.into())))
}

/// Lists the games that the caller may see, oldest first.
#[utoipa::path(
    get, path = "/games", tag = "games", params(PageQuery),
    responses((status = 200, body = Listed<GameAnswer>), (status = "4XX", body = Problem)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    PageOf(page): PageOf,
) -> ApiResult<Json<Listed<GameAnswer>>> {
    let permit = caller.permit(&app, Action::ListGames).await?;
    let listed = app.store(move |store| {
        let games = store.games(permit.owner_filter(), &page)?;
        Ok(Listed::page(games, &page, |game| game.id.to_string(), GameAnswer::from))
    });
    listed.await.map(Json)
}

/// Shows a game.
#[utoipa::path(
    get, path = "/games/{game}", tag = "games", params(("game" = String, Path)),
    responses((status = 200, body = GameAnswer), (status = "4XX", body = Problem)),
)]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(game): Path<String>,
) -> ApiResult<Json<GameAnswer>> {
    let (game, _permit) = caller.game(&app, &game, |owner| Action::ReadGame { owner }).await?;
    Ok(Json(game.into()))
}
