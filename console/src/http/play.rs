//! `/matches/{match}/play`: a player's WebSocket. Who may open one, and with what limits; what goes
//! over it is the business of [`crate::socket`].

use axum::{
    extract::{
        FromRequestParts, Request, State, WebSocketUpgrade,
        ws::rejection::WebSocketUpgradeRejection,
    },
    response::Response,
};
use http::{HeaderMap, header, uri::Authority};
use lattice_host::{ConnectError, LiveMatch};
use lattice_policies::{MatchId, Sha256};
use lattice_store::Player;

use super::{
    authority::authority,
    error::{ApiError, ApiResult, Problem, TokenFault},
    layers::bearer,
    path::Path,
};
use crate::{
    app::{App, Stage},
    secrets::PLAYER_TOKEN_PREFIX,
    socket,
};

/// The subprotocol that we speak.
const PROTOCOL: &str = "lattice.v1";
/// What a subprotocol that carries a token starts with: browsers can set no other header.
const TOKEN_PROTOCOL_PREFIX: &str = "lattice.token.";

/// Opens a player's WebSocket: a binary frame each way is one message of the sim's, nothing added.
///
/// The player's token travels as `Authorization: Bearer lap_...` or as the second of two
/// subprotocols, `lattice.v1, lattice.token.lap_...`. Closed with 1000 when the match has ended,
/// 1001 when the server goes down, 1002 for a malformed frame, 1003 for a text frame, 1007 for one
/// that is not UTF-8, 1008 for flooding, 1009 for a message over the limit, 4000 when the match was
/// stopped, 4001 when the sim kicked the player, 4002 for a player who is too slow, 4003 when the
/// player connected anew, 4004 when the match faulted.
#[utoipa::path(
    get, path = "/matches/{match}/play", tag = "matches", params(("match" = String, Path)),
    security(("player" = [])),
    responses((status = 101), (status = "4XX", body = Problem)),
)]
pub(crate) async fn play(
    State(app): State<App>,
    Path(id): Path<String>,
    request: Request,
) -> ApiResult<Response> {
    let id: MatchId = id.parse().map_err(|_| ApiError::NotFound("match"))?;
    check_origin(&app, &request)?;
    let player = player(&app, &id, request.headers()).await?;
    let (mut parts, _) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &app).await;
    let upgrade = upgrade.map_err(|rejection| not_a_websocket(&rejection))?;
    let live = live(&app, &id)?;
    let places = places(&app, &player)?;
    let link = live.connect(player.id, player.name.clone().into()).map_err(not_connected)?;
    let used = (id, player.id);
    app.store(move |store| store.player_used(&used.0, used.1)).await?;

    // A message that is somewhat over the limit is read all the same, and then refused: with bytes
    // left unread the connection would be reset, and the player not hear why.
    let readable = 2 * app.policy.matches.message_in_bytes as usize;
    let upgrade = upgrade
        .protocols([PROTOCOL])
        .max_frame_size(readable)
        .max_message_size(readable)
        .read_buffer_size(16 << 10)
        .write_buffer_size(0)
        .max_write_buffer_size(app.policy.matches.message_out_bytes as usize + (64 << 10));
    Ok(upgrade.on_upgrade(|websocket| async move {
        socket::serve(&app, websocket, link).await;
        drop(places);
    }))
}

fn live(app: &App, id: &MatchId) -> ApiResult<LiveMatch> {
    let not_there = || match *app.stage.borrow() {
        Stage::Starting => ApiError::Busy("the matches of the last run are being brought back"),
        _ => ApiError::Conflict("the match does not run".to_owned()),
    };
    app.fleet.live(id).ok_or_else(not_there)
}

fn places(app: &App, player: &Player) -> ApiResult<impl Send + use<>> {
    let match_id = player.match_id.clone();
    let of_player = app.player_sockets.take((match_id.clone(), player.id));
    let of_match = app.match_sockets.take(match_id);
    let places = of_player.zip(of_match);
    places.ok_or(ApiError::Busy("too many sockets are open to this match or for this player"))
}

/// The player whose token the request carries.
async fn player(app: &App, id: &MatchId, headers: &HeaderMap) -> ApiResult<Player> {
    let no_player = || ApiError::Unauthenticated(TokenFault::NotAPlayer);
    let token = bearer(headers).or_else(|| protocol_token(headers));
    let token =
        token.filter(|token| token.starts_with(PLAYER_TOKEN_PREFIX)).ok_or_else(no_player)?;
    let (id, secret) = (id.clone(), Sha256::of(token.as_bytes()));
    let player = app.store(move |store| store.player_by_secret(&id, secret)).await?;
    player.ok_or_else(no_player)
}

fn protocol_token(headers: &HeaderMap) -> Option<&str> {
    let lists = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter();
    let mut protocols =
        lists.filter_map(|list| list.to_str().ok()).flat_map(|list| list.split(','));
    protocols.find_map(|protocol| protocol.trim().strip_prefix(TOKEN_PROTOCOL_PREFIX))
}

/// A browser says which page opens the socket: ours, or one that the operator allowed. Other
/// clients send no origin.
fn check_origin(app: &App, request: &Request) -> ApiResult<()> {
    let Some(origin) = request.headers().get(header::ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let host = authority(request);
    let own = origin.split_once("://").map(|(_, host)| host);
    let allowed = &app.config.allowed_origins;
    if own.is_some() && own == host.as_ref().map(Authority::as_str)
        || origin == app.config.public_origin
        || allowed.iter().any(|allowed| allowed == origin)
    {
        return Ok(());
    }
    Err(ApiError::Forbidden { needs: "a page of this server, or of an origin that it allows" })
}

fn not_connected(error: ConnectError) -> ApiError {
    match error {
        ConnectError::Full => ApiError::Busy("too many players connect at once"),
        gone => ApiError::Conflict(gone.to_string()),
    }
}

fn not_a_websocket(rejection: &WebSocketUpgradeRejection) -> ApiError {
    ApiError::value("upgrade", format_args!("a WebSocket handshake is expected: {rejection}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_found_among_the_subprotocols() {
        let mut headers = HeaderMap::new();
        assert_eq!(protocol_token(&headers), None);
        let value = "lattice.v1, lattice.token.lap_abc".parse().unwrap();
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, value);
        assert_eq!(protocol_token(&headers), Some("lap_abc"));
    }
}
