//! Who asks, and whether they may: the one way from a request to a `Permit`.
//! A denial is put on record; what is not the caller's to know is answered as if it were not there.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use http::request::Parts;
use lattice_policies::{
    GameId, MatchId,
    escape::guest_text,
    roles::{Action, Denial, Permit, Principal, authorize},
};
use lattice_store::{Actor, AuditEntry, Game, Match};
use serde_json::json;

use super::{
    error::{ApiError, ApiResult, TokenFault},
    layers::{Credential, RequestId},
};
use crate::app::App;

/// The bearer of a valid API token, and what the audit keeps of the request.
pub(crate) struct Caller {
    pub(crate) principal: Principal,
    pub(crate) actor: Actor,
    request_line: String,
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, ApiError> {
        let principal = match parts.extensions.get::<Credential>() {
            Some(Credential::Api(principal)) => principal.clone(),
            Some(Credential::Unknown) => {
                return Err(ApiError::Unauthenticated(TokenFault::Unknown));
            }
            _ => return Err(ApiError::Unauthenticated(TokenFault::Missing)),
        };
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let actor = Actor {
            subject: principal.subject.clone(),
            token: Some(principal.token.clone()),
            address: peer.map(|ConnectInfo(peer)| peer.ip().to_string()),
            request: parts.extensions.get::<RequestId>().map(|id| id.0.clone()),
        };
        let path = parts.uri.path();
        let request_line = format!("{} {}", parts.method, guest_text(path.as_bytes(), PATH_CHARS));
        Ok(Self { principal, actor, request_line })
    }
}

/// Characters of a request's path that the audit keeps of a denial.
const PATH_CHARS: usize = 256;

/// Names an action on a game by the game's owner.
type OnGame = fn(&str) -> Action<'_>;

impl Caller {
    /// Permits an action that is about no particular game.
    pub(crate) async fn permit(&self, app: &App, action: Action<'_>) -> ApiResult<Permit> {
        self.decide(app, action, None, "thing").await
    }

    /// The game of that id, and the permit to do that with it.
    pub(crate) async fn game(
        &self,
        app: &App,
        id: &str,
        action: OnGame,
    ) -> ApiResult<(Game, Permit)> {
        let id: GameId = id.parse().map_err(|_| ApiError::NotFound("game"))?;
        let game = app.store(move |store| store.game(&id)).await?;
        let game = game.ok_or(ApiError::NotFound("game"))?;
        let permit = self.decide(app, action(&game.owner), Some(&game.id), "game").await?;
        Ok((game, permit))
    }

    /// The match of that id, and the permit to do that with it.
    pub(crate) async fn match_of_game(
        &self,
        app: &App,
        id: &str,
        action: OnGame,
    ) -> ApiResult<(Match, Permit)> {
        let (found, game) = find_match(app, id).await?;
        let permit = self.decide(app, action(&game.owner), Some(&game.id), "match").await?;
        Ok((found, permit))
    }

    /// The match of that id, and the permit to have it run: again, on from one of its ticks, or as
    /// another version. It uses the machine as a match does, so it asks for who may start one; who
    /// may not even read it is not told that it is there.
    pub(crate) async fn match_to_run(&self, app: &App, id: &str) -> ApiResult<(Match, Permit)> {
        let (found, game) = find_match(app, id).await?;
        let owner = game.owner.as_str();
        self.decide(app, Action::ReadMatch { owner }, Some(&game.id), "match").await?;
        let start = Action::StartMatch { owner };
        let permit = self.decide(app, start, Some(&game.id), "match").await?;
        Ok((found, permit))
    }

    async fn decide(
        &self,
        app: &App,
        action: Action<'_>,
        game: Option<&GameId>,
        thing: &'static str,
    ) -> ApiResult<Permit> {
        match authorize(&self.principal, action) {
            Ok(permit) => Ok(permit),
            Err(Denial::Hidden) => Err(ApiError::NotFound(thing)),
            Err(Denial::Forbidden { needs }) => {
                self.record_denial(app, game.cloned(), needs).await?;
                Err(ApiError::Forbidden { needs })
            }
        }
    }

    async fn record_denial(
        &self,
        app: &App,
        game: Option<GameId>,
        needs: &'static str,
    ) -> ApiResult<()> {
        let (actor, target) = (self.actor.clone(), self.request_line.clone());
        let detail = json!({ "Needs": needs, "Role": self.principal.role.text() });
        app.store(move |store| {
            let entry = AuditEntry {
                action: "request.permit",
                game: game.as_ref(),
                target: &target,
                outcome: "denied",
                detail,
            };
            store.record(&actor, &entry)
        })
        .await
    }
}

/// The match of that id and its game, whoever asks.
async fn find_match(app: &App, id: &str) -> ApiResult<(Match, Game)> {
    let id: MatchId = id.parse().map_err(|_| ApiError::NotFound("match"))?;
    let found = app.store(move |store| {
        let Some(found) = store.match_by_id(&id)? else { return Ok(None) };
        Ok(store.game(&found.game)?.map(|game| (found, game)))
    });
    found.await?.ok_or(ApiError::NotFound("match"))
}
