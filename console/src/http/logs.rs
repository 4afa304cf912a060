//! `/matches/{match}/logs`: what a sim logged; a page of the past, or a live stream.
//! The stream reads the store like everyone else, and is only told when to look.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Json,
    extract::State,
    response::{
        IntoResponse, Response, Sse,
        sse::{Event, KeepAlive},
    },
};
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderMap, header};
use lattice_policies::{MatchId, roles::Action};
use lattice_store::{Page, StoredLog};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, watch};
use utoipa::ToSchema;

use super::{
    caller::Caller,
    error::{ApiError, ApiResult, Problem},
    list::{Listed, PageOf, PageQuery},
    path::Path,
};
use crate::app::App;

/// Lines that a stream reads at once.
const BATCH: u32 = 256;

/// A line of a sim's log.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct LogAnswer {
    /// Its number in the match's log, from 1.
    seq: i64,
    /// The tick that wrote it; -1 before tick 0.
    tick: i64,
    /// `trace`, `debug`, `info`, `warn` or `error`.
    level: &'static str,
    /// Printable ASCII; everything else the sim wrote is escaped.
    text: String,
    /// When it was kept, RFC 3339.
    at: String,
}

impl From<StoredLog> for LogAnswer {
    fn from(line: StoredLog) -> Self {
        const LEVELS: [&str; 5] = ["trace", "debug", "info", "warn", "error"];
        let level = LEVELS[usize::from(line.level).min(LEVELS.len() - 1)];
        let at = line.at.to_string();
        Self { seq: line.seq, tick: line.tick, level, text: line.text, at }
    }
}

/// A match's log: a page of the past, oldest first; or, with `Accept: text/event-stream`, the past
/// and then what comes, as events `log` whose ids are the lines' numbers, and `end` at the end.
/// A stream goes on after the line that `Last-Event-ID` names.
#[utoipa::path(
    get, path = "/matches/{match}/logs", tag = "matches",
    params(("match" = String, Path), PageQuery),
    responses(
        (status = 200, content(
            (Listed<LogAnswer> = "application/json"),
            (String = "text/event-stream"),
        )),
        (status = "4XX", body = Problem),
    ),
)]
pub(crate) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    PageOf(page): PageOf,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (found, _permit) =
        caller.match_of_game(&app, &id, |owner| Action::ReadMatch { owner }).await?;
    let after = page.after.as_deref().map(|after| line_number("After", after)).transpose()?;
    if wants_stream(&headers) {
        let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
        let last = last.map(|id| line_number("Last-Event-ID", id)).transpose()?;
        return follow(app, found.id, last.or(after)).map(IntoResponse::into_response);
    }
    let listed = past(&app, found.id, after, page).await?;
    Ok(Json(listed).into_response())
}

async fn past(
    app: &App,
    id: MatchId,
    after: Option<i64>,
    page: Page,
) -> ApiResult<Listed<LogAnswer>> {
    let limit = page.limit;
    let lines = app.store(move |store| store.logs(&id, after, limit)).await?;
    Ok(Listed::page(lines, &page, |line| line.seq.to_string(), LogAnswer::from))
}

fn wants_stream(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/event-stream"))
}

fn line_number(name: &'static str, text: &str) -> ApiResult<i64> {
    let number = text.parse().ok().filter(|number| *number >= 0);
    number.ok_or_else(|| ApiError::value(name, "the number of a line is expected"))
}

/// Where a stream is.
struct Follower {
    app: App,
    id: MatchId,
    after: Option<i64>,
    changed: watch::Receiver<()>,
    ended: bool,
    _place: OwnedSemaphorePermit,
}

fn follow(
    app: App,
    id: MatchId,
    after: Option<i64>,
) -> ApiResult<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    const KEEP_ALIVE: Duration = Duration::from_secs(15);
    let place = Arc::clone(&app.log_streams).try_acquire_owned();
    let place = place.map_err(|_| ApiError::Busy("too many logs are followed"))?;
    let changed = app.feed.follow(&id);
    let follower = Follower { app, id, after, changed, ended: false, _place: place };
    let events = stream::unfold(follower, next_batch).flat_map(stream::iter).map(Ok);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// The next lines, or the end; waits while there is neither.
async fn next_batch(mut follower: Follower) -> Option<(Vec<Event>, Follower)> {
    if follower.ended {
        return None;
    }
    loop {
        follower.changed.mark_unchanged();
        let (over, lines) = follower.read().await?;
        if let Some(last) = lines.last() {
            follower.after = Some(last.seq);
            return Some((lines.into_iter().filter_map(line_event).collect(), follower));
        }
        if over {
            follower.ended = true;
            return Some((vec![Event::default().event("end").data("{}")], follower));
        }
        follower.changed.changed().await.ok()?;
    }
}

impl Follower {
    /// Whether the match had ended, and its lines after that.
    async fn read(&self) -> Option<(bool, Vec<StoredLog>)> {
        let (id, after) = (self.id.clone(), self.after);
        let read = self.app.store(move |store| {
            let over = store.match_by_id(&id)?.is_none_or(|found| found.state.has_ended());
            Ok((over, store.logs(&id, after, BATCH)?))
        });
        read.await.ok()
    }
}

fn line_event(line: StoredLog) -> Option<Event> {
    let id = line.seq.to_string();
    Event::default().event("log").id(id).json_data(LogAnswer::from(line)).ok()
}
