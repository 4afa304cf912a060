//! `/games/{game}/matches` and `/matches/{match}`: running sims.

use std::{collections::BTreeMap, fmt};

use axum::{
    Json,
    extract::{Request, State},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use http::StatusCode;
use lattice_host::MatchStatus;
use lattice_policies::{MatchId, escape::guest_text, isolation::Isolation, roles::Action};
use lattice_store::{LogExtent, Match};
use lattice_surface::Gauge;
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    body::{self, Base64},
    caller::Caller,
    error::{ApiError, ApiResult, Problem},
    list::{Listed, PageOf, PageQuery},
    modules::parse_version,
    path::Path,
};
use crate::{
    app::{App, to_its_end},
    history,
    launch::{Order, launch},
    replay, secrets,
};

/// A match to be started.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(crate) struct NewMatch {
    /// By default the highest schedulable one that is no pre-release.
    version: Option<String>,
    /// Ticks a second, 1 to 240; by default 60.
    #[schema(minimum = 1, maximum = 240)]
    tick_hz: Option<u16>,
    /// A decimal string below 2^64, or a whole number up to 2^53-1; drawn by default.
    #[schema(value_type = Option<String>)]
    seed: Option<Seed>,
    /// What the sim reads by `lattice_ms_config`; empty by default.
    #[schema(value_type = Option<String>, format = Byte)]
    config_base64: Option<Base64>,
}

/// A match, with its figures while it runs here.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MatchAnswer {
    #[schema(example = "m_0123456789abcdef")]
    id: String,
    game: String,
    /// What it was started with.
    version: String,
    sha256: String,
    /// `wasm` or `native`.
    packaging: &'static str,
    /// The barriers around a native one's process since it started, or was last taken up again;
    /// null before that, and for wasm.
    #[schema(value_type = Option<Vec<String>>)]
    isolation: Option<Isolation>,
    /// What runs it now, or ran it last, where that is another version.
    #[serde(skip_serializing_if = "Option::is_none")]
    runs: Option<RunsAnswer>,
    tick_hz: u16,
    /// A decimal string: JSON's numbers end at 2^53.
    seed: String,
    /// `starting`, `running`, `stopping`, `finished`, `stopped`, `faulted` or `lost`.
    state: &'static str,
    /// Ticks that have run.
    #[serde(skip_serializing_if = "Option::is_none")]
    tick: Option<i64>,
    /// Why it ended against its will.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    fault: Option<Value>,
    /// What the sim left by `lattice_ms_result`; lists leave it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    result_base64: Option<String>,
    /// What it used over its life, once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    figures: Option<Value>,
    /// Of what came into it: `off`, nothing is kept; `whole`; or `cut`, the log ends before the
    /// match did, as one over its bound does, and one whose process was ended.
    log: &'static str,
    /// The hash of all that the sim said, once it has ended and the log has its end; lists leave
    /// it out.
    #[serde(skip_serializing_if = "Option::is_none")]
    transcript: Option<String>,
    /// Where it goes on from, if it did not begin with `init`.
    #[serde(skip_serializing_if = "Option::is_none")]
    forked_from: Option<ForkedFrom>,
    created_by: String,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<String>,
    #[serde(flatten)]
    live: Option<LiveFigures>,
}

/// A version of the match's game.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RunsAnswer {
    version: String,
    sha256: String,
}

/// The moment of another match that a match goes on from.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ForkedFrom {
    r#match: String,
    /// The tick before which it stood; the fork's first one.
    at: i64,
}

/// How a match that runs is doing, as of its last tick.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct LiveFigures {
    /// Players that have joined and not left.
    players: u32,
    /// Of those, with an open connection.
    connected: u32,
    fuel_last: u64,
    fuel_most: u64,
    fuel_total: u64,
    tick_microseconds_last: u64,
    tick_microseconds_average: u64,
    /// Ticks that began a period or more after their time.
    late_ticks: u64,
    /// Periods in which no tick ran.
    dropped_periods: u64,
    dropped_messages: u64,
    dropped_log_lines: u64,
    /// Web fetches that the egress rules allowed.
    fetches_sent: u64,
    /// Of those, the ones whose response has not come yet.
    fetches_in_flight: u32,
    /// Web fetches that were refused at once.
    fetches_refused: u64,
    memory_bytes: u64,
    /// What the sim set by `lattice_ms_gauge`.
    #[schema(value_type = BTreeMap<String, f64>)]
    gauges: Gauges,
}

impl From<MatchStatus> for LiveFigures {
    fn from(status: MatchStatus) -> Self {
        Self {
            players: status.players,
            connected: status.connected,
            fuel_last: status.fuel_last,
            fuel_most: status.fuel_max,
            fuel_total: status.fuel_total,
            tick_microseconds_last: status.tick_time_last_us,
            tick_microseconds_average: status.tick_time_average_us,
            late_ticks: status.late_ticks,
            dropped_periods: status.dropped_periods,
            dropped_messages: status.dropped_messages,
            dropped_log_lines: status.dropped_log_lines,
            fetches_sent: status.fetches_sent,
            fetches_in_flight: status.fetches_in_flight,
            fetches_refused: status.fetches_refused,
            memory_bytes: status.memory_bytes,
            gauges: shown_gauges(&status.gauges),
        }
    }
}

/// Gauges by their names.
pub(super) type Gauges = BTreeMap<String, f64>;

pub(super) fn shown_gauges(gauges: &[Gauge]) -> Gauges {
    gauges.iter().map(|gauge| (shown(&gauge.name), gauge.value)).collect()
}

/// A gauge's name, which the guest chose. The bound is above what escapes make of the longest.
pub(super) fn shown(name: &str) -> String {
    const MOST_CHARS: usize = 32 << 10;
    guest_text(name.as_bytes(), MOST_CHARS)
}

/// Starts a match.
#[utoipa::path(
    post, path = "/games/{game}/matches", tag = "matches",
    params(("game" = String, Path)), request_body = NewMatch,
    responses((status = 201, body = MatchAnswer), (status = "4XX", body = Problem)),
)]
pub(crate) async fn create(
    State(app): State<App>,
    caller: Caller,
    Path(game): Path<String>,
    request: Request,
) -> ApiResult<(StatusCode, Json<MatchAnswer>)> {
    let (game, permit) = caller.game(&app, &game, |owner| Action::StartMatch { owner }).await?;
    let asked: NewMatch = body::json(request, app.small_body()).await?;
    let order = order(asked, app.policy.matches.config_bytes as usize)?;
    let made = launch(&app, &permit, caller.actor, game, order).await?;
    Ok((StatusCode::CREATED, Json(answer(&app, made))))
}

/// Lists a game's matches, the newest first, without their results.
#[utoipa::path(
    get, path = "/games/{game}/matches", tag = "matches",
    params(("game" = String, Path), PageQuery),
    responses((status = 200, body = Listed<MatchAnswer>), (status = "4XX", body = Problem)),
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(game): Path<String>,
    PageOf(page): PageOf,
) -> ApiResult<Json<Listed<MatchAnswer>>> {
    let (game, _permit) = caller.game(&app, &game, |owner| Action::ReadMatch { owner }).await?;
    let read = page.clone();
    let matches = app.store(move |store| store.matches(&game.id, &read)).await?;
    let key = |found: &Match| found.id.to_string();
    let item = |found| MatchAnswer { result_base64: None, ..answer(&app, found) };
    Ok(Json(Listed::page(matches, &page, key, item)))
}

/// Shows a match.
#[utoipa::path(
    get, path = "/matches/{match}", tag = "matches", params(("match" = String, Path)),
    responses((status = 200, body = MatchAnswer), (status = "4XX", body = Problem)),
)]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<MatchAnswer>> {
    let (found, _permit) =
        caller.match_of_game(&app, &id, |owner| Action::ReadMatch { owner }).await?;
    Ok(Json(whole_answer(&app, found).await?))
}

/// Asks the sim to stop, then stops it. A match that has ended stays as it is.
#[utoipa::path(
    delete, path = "/matches/{match}", tag = "matches", params(("match" = String, Path)),
    responses(
        (status = 202, body = MatchAnswer, description = "it is stopping"),
        (status = 200, body = MatchAnswer, description = "it had ended before"),
        (status = "4XX", body = Problem),
    ),
)]
pub(crate) async fn stop(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<(StatusCode, Json<MatchAnswer>)> {
    let (found, _permit) =
        caller.match_of_game(&app, &id, |owner| Action::StopMatch { owner }).await?;
    let worker = app.clone();
    let (stopping, found) =
        to_its_end(async move { ask_to_stop(&worker, caller, found.id).await }).await?;
    let had_ended = !stopping && found.state.has_ended();
    let status = if had_ended { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(whole_answer(&app, found).await?)))
}

/// Writes down that the match shall stop, and has it stopped also when that can't be written: it is
/// then that it must not go on writing. Gives whether it ran, and the match as it is now.
async fn ask_to_stop(app: &App, caller: Caller, id: MatchId) -> ApiResult<(bool, Match)> {
    let asked = id.clone();
    let written = app.store(move |store| {
        let stopping = store.match_stopping(&caller.actor, &asked)?;
        Ok((stopping, store.match_by_id(&asked)?))
    });
    let written = written.await;
    app.schedule.stop(&app.fleet, &id).map_err(ApiError::internal)?;
    let (stopping, found) = written?;
    Ok((stopping, found.ok_or(ApiError::NotFound("match"))?))
}

/// A match with what its log says of its end.
pub(super) async fn whole_answer(app: &App, found: Match) -> ApiResult<MatchAnswer> {
    let transcript = replay::transcript(app, &found).await?;
    Ok(MatchAnswer { transcript: transcript.map(|hash| hash.to_string()), ..answer(app, found) })
}

/// A match, without what only its log says.
pub(super) fn answer(app: &App, found: Match) -> MatchAnswer {
    let live = app.fleet.live(&found.id).map(|live| live.status());
    let log = match history::extent(app, &found) {
        None => "off",
        Some(LogExtent::Whole) => "whole",
        Some(LogExtent::Cut) => "cut",
    };
    let (version, sha256) = &found.runs;
    let is_another = (version, sha256) != (&found.version, &found.sha256);
    let runs = || RunsAnswer { version: version.to_string(), sha256: sha256.to_string() };
    MatchAnswer {
        id: found.id.to_string(),
        game: found.game.to_string(),
        version: found.version.to_string(),
        sha256: found.sha256.to_string(),
        packaging: found.packaging.text(),
        isolation: found.isolation,
        runs: is_another.then(runs),
        tick_hz: found.tick_hz,
        seed: found.seed.to_string(),
        state: found.state.text(),
        tick: found.ticks.or_else(|| live.as_ref().map(|live| live.ticks)),
        fault: found.fault,
        result_base64: found.result.map(|result| BASE64_STANDARD.encode(result)),
        figures: found.figures,
        log,
        transcript: None,
        forked_from: found.forked_from.map(|(of, at)| ForkedFrom { r#match: of.to_string(), at }),
        created_by: found.created_by,
        created_at: found.created_at.to_string(),
        ended_at: found.ended_at.map(|at| at.to_string()),
        live: live.map(LiveFigures::from),
    }
}

fn order(asked: NewMatch, config_limit: usize) -> ApiResult<Order> {
    const DEFAULT_HZ: u16 = 60;
    let tick_hz = asked.tick_hz.unwrap_or(DEFAULT_HZ);
    if !(1..=240).contains(&tick_hz) {
        return Err(ApiError::value(
            "TickHz",
            format_args!("{tick_hz} does not lie between 1 and 240"),
        ));
    }
    let config = asked.config_base64.map(|config| config.0).unwrap_or_default();
    if config.len() > config_limit {
        let why = format!("the config is {} bytes, and the limit is {config_limit}", config.len());
        return Err(ApiError::value("ConfigBase64", why));
    }
    let version = asked.version.map(|text| parse_version("Version", &text)).transpose()?;
    let seed = asked.seed.map_or_else(secrets::seed, |seed| seed.0);
    Ok(Order { version, tick_hz, seed, config })
}

/// A match's seed as requests may write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seed(u64);

impl<'de> Deserialize<'de> for Seed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Seed;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a decimal string below 2^64, or a whole number from 0 to 2^53-1")
            }
            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Seed, E> {
                const EXACT: u64 = (1 << 53) - 1;
                let unexpected = de::Unexpected::Unsigned(number);
                if number <= EXACT {
                    Ok(Seed(number))
                } else {
                    Err(E::invalid_value(unexpected, &self))
                }
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Seed, E> {
                let digits = text.bytes().all(|byte| byte.is_ascii_digit());
                let seed = text.parse().ok().filter(|_| digits);
                seed.map(Seed).ok_or_else(|| E::custom("a decimal string below 2^64 is expected"))
            }
        }
        deserializer.deserialize_any(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(body: &str) -> Result<Order, String> {
        let asked = body::from_json(body.as_bytes()).map_err(|error| error.to_string())?;
        order(asked, 4).map_err(|error| error.to_string())
    }

    #[test]
    fn a_seed_is_a_decimal_string_or_an_exact_number() {
        assert_eq!(asked(r#"{"Seed":"18446744073709551615"}"#).unwrap().seed, u64::MAX);
        assert_eq!(asked(r#"{"Seed":9007199254740991}"#).unwrap().seed, (1 << 53) - 1);
        for bad in ["9007199254740992", "-1", "1.0", "1e3", "true", r#""""#, r#""+1""#, r#""0x1""#]
        {
            let error = asked(&format!(r#"{{"Seed":{bad}}}"#)).err().unwrap();
            assert!(error.contains("`Seed`"), "{bad}: {error}");
        }
        assert!(asked(r#"{"Seed":"18446744073709551616"}"#).is_err());
    }

    #[test]
    fn the_rate_and_the_config_have_limits() {
        assert_eq!(asked("{}").unwrap().tick_hz, 60);
        assert_eq!(asked(r#"{"TickHz":240}"#).unwrap().tick_hz, 240);
        for bad in ["0", "241", "70000", "1.5"] {
            let error = asked(&format!(r#"{{"TickHz":{bad}}}"#)).err().unwrap();
            assert!(error.contains("`TickHz`"), "{error}");
        }
        assert_eq!(asked(r#"{"ConfigBase64":"AAECAw=="}"#).unwrap().config, [0, 1, 2, 3]);
        let error = asked(r#"{"ConfigBase64":"AAECAwQ="}"#).err().unwrap();
        assert!(error.contains("5 bytes, and the limit is 4"), "{error}");
    }

    #[test]
    fn a_version_that_is_not_semantic_is_refused() {
        let error = asked(r#"{"Version":"1.0"}"#).err().unwrap();
        assert!(error.contains("`Version`"), "{error}");
    }
}
