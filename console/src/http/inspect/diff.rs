//! `/matches/{match}/inspect/diff`: what differs between two ticks of a match.

use std::collections::BTreeSet;

use axum::{Json, extract::State};
use lattice_host::GlobalValue;
use lattice_policies::PlayerId;
use lattice_surface::Gauge;
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    MomentAnswer, Seen,
    events::hex,
    past,
    query::{self, DiffQuery},
};
use crate::{
    app::{App, blocking},
    http::{
        caller::Caller,
        error::{ApiResult, Problem},
        matches::shown,
        pairs::Pairs,
        path::Path,
    },
    inspect::{self, Differences},
};

/// What differs between a match before one tick and before another.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DiffAnswer {
    r#match: String,
    from: MomentAnswer,
    to: MomentAnswer,
    memory: MemoryDiff,
    /// The mutable globals that differ, by their numbers.
    globals: Vec<GlobalDiff>,
    /// The gauges that differ, by their names.
    gauges: Vec<GaugeDiff>,
    /// The players who are there now and were not before.
    joined: Vec<u32>,
    /// The players who were there before and are not now.
    left: Vec<u32>,
}

/// Where the sim's memory differs. Stretches with 8 bytes or less between them are one.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MemoryDiff {
    /// How many stretches there are; 256 at most are shown.
    count: u64,
    /// Bytes of all of them.
    bytes: u64,
    ranges: Vec<RangeDiff>,
}

/// A stretch of memory that differs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct RangeDiff {
    address: u64,
    length: u64,
    /// The nearest name to the address, where the module has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    symbol: Option<String>,
    /// The first 32 bytes, in hexadecimal; zeros where the memory was smaller.
    before: String,
    after: String,
}

/// A global that differs; absent is what the module that ran then does not have.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GlobalDiff {
    /// Its number in the later module.
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

/// A gauge that differs; absent is one that was not set.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GaugeDiff {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<f64>,
}

/// Shows what differs between a match before one tick and before another, by running it again up to
/// both. It asks for what a replay does.
#[utoipa::path(
    get, path = "/matches/{match}/inspect/diff", tag = "matches",
    params(("match" = String, Path), DiffQuery),
    responses(
        (status = 200, body = DiffAnswer),
        (status = "4XX", body = Problem),
        (status = "5XX", body = Problem),
    ),
)]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Pairs(pairs): Pairs,
) -> ApiResult<Json<DiffAnswer>> {
    let (past, DiffQuery { from, to }) =
        past(&app, &caller, &id, || query::read_diff(pairs)).await?;
    let before = past.moment(&app, from, None).await?;
    let after = past.moment(&app, to, Some(&before)).await?;
    let (before, after) = (Seen::of(&app, before).await?, Seen::of(&app, after).await?);
    let id = past.found.id.to_string();
    Ok(Json(blocking(move || answer(id, &before, &after)).await?))
}

fn answer(r#match: String, before: &Seen, after: &Seen) -> DiffAnswer {
    let players = |of: &Seen, not: &Seen| {
        let missing = of.surface.roster().difference(not.surface.roster());
        missing.map(|player: &PlayerId| player.0).collect()
    };
    DiffAnswer {
        r#match,
        from: before.summary(),
        to: after.summary(),
        memory: memory(before, after),
        globals: globals(before, after),
        gauges: gauges(&before.surface.gauges(), &after.surface.gauges()),
        joined: players(after, before),
        left: players(before, after),
    }
}

fn memory(before: &Seen, after: &Seen) -> MemoryDiff {
    let (old, new) = (&before.moment.snapshot.memory, &after.moment.snapshot.memory);
    let Differences { first, count, bytes } = inspect::differences(old, new);
    let range = |one: inspect::Difference| RangeDiff {
        address: one.at.start,
        length: one.at.end - one.at.start,
        symbol: after.symbols.nearest(one.at.start as u32),
        before: hex(&one.before),
        after: hex(&one.after),
    };
    MemoryDiff { count, bytes, ranges: first.into_iter().map(range).collect() }
}

fn globals(before: &Seen, after: &Seen) -> Vec<GlobalDiff> {
    let text = |value: &GlobalValue| inspect::value_text(*value);
    let mut found = Vec::new();
    for place in 0..before.globals.len().max(after.globals.len()) {
        let (old, new) = (before.globals.get(place), after.globals.get(place));
        if old != new {
            let (index, name) = after.symbols.mutable_global(place);
            let (before, after) = (old.map(text), new.map(text));
            found.push(GlobalDiff { index, name: name.map(str::to_owned), before, after });
        }
    }
    found
}

fn gauges(before: &[Gauge], after: &[Gauge]) -> Vec<GaugeDiff> {
    let value = |gauges: &[Gauge], name: &str| {
        gauges.iter().find(|gauge| gauge.name == name).map(|gauge| gauge.value)
    };
    let names: BTreeSet<_> = before.iter().chain(after).map(|gauge| gauge.name.as_str()).collect();
    let pair = |name| GaugeDiff {
        name: shown(name),
        before: value(before, name),
        after: value(after, name),
    };
    let bits = |value: Option<f64>| value.map(f64::to_bits);
    let differs = |gauge: &GaugeDiff| bits(gauge.before) != bits(gauge.after);
    names.into_iter().map(pair).filter(differs).collect()
}
