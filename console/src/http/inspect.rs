//! `/matches/{match}/inspect`: a match as it stood before a tick, and what differs between two.

pub(crate) mod diff;
mod events;
mod query;

use std::ops::Range;

use axum::{Json, extract::State};
use base64::{Engine, prelude::BASE64_STANDARD};
use lattice_cell::IMAGE_BASE;
use lattice_host::{GlobalValue, Snapshot};
use lattice_policies::{PlayerId, Sha256, admission::Packaging};
use lattice_surface::Surface;
use serde::Serialize;
use utoipa::ToSchema;

use self::{events::EventsAnswer, query::InspectQuery};

use super::{
    caller::Caller,
    error::{ApiError, ApiResult, Problem},
    matches::{Gauges, shown_gauges},
    pairs::Pairs,
    path::Path,
};
use crate::{
    app::{App, blocking},
    inspect,
    past::{Moment, Past},
    symbols::Symbols,
};

/// A match as it stood before a tick.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct InspectAnswer {
    r#match: String,
    version: String,
    #[serde(flatten)]
    moment: MomentAnswer,
    /// The tick before which a match that was told to stop ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    ends_at: Option<i64>,
    /// The mutable globals.
    globals: Vec<GlobalAnswer>,
    gauges: Gauges,
    /// The players who have joined and not left.
    players: Vec<u32>,
    /// Those who have left.
    left: Vec<u32>,
    /// The events that the sim has not pulled yet.
    waiting: EventsAnswer,
    /// The web fetches whose response has not come.
    in_flight: Vec<u32>,
    /// What the sim left by `lattice_ms_result`.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<BytesAnswer>,
    /// What came in around that tick.
    around: EventsAnswer,
    memory: Vec<MemoryAnswer>,
}

/// What names and measures a moment of a match.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MomentAnswer {
    /// The tick that runs next.
    tick: i64,
    /// Names all that a match goes on from: equal in two matches if and only if that is.
    state: String,
    /// The hash of all that the sim has said.
    transcript: String,
    /// The module that runs next.
    module: String,
    /// Used so far.
    fuel: u64,
    /// The size of the sim's memory, in pages of 64 KiB.
    memory_pages: u32,
    /// What the sim's pointers are above the addresses told here, where it is native: there they count
    /// from its image's begin, and have no names.
    #[serde(skip_serializing_if = "Option::is_none")]
    image_base: Option<u64>,
}

/// A mutable global of the module.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GlobalAnswer {
    /// Its number in the module.
    index: u32,
    /// Its name, where the module has one for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// `i32`, `i64`, `f32`, `f64` or `v128`.
    r#type: &'static str,
    value: String,
}

/// How much there is of something, and what it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct BytesAnswer {
    bytes: u64,
    sha256: String,
}

/// Bytes of the sim's memory.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MemoryAnswer {
    address: u64,
    base64: String,
    /// The nearest name to the address, where the module has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    symbol: Option<String>,
}

/// Shows a match as it stood before a tick, by running it again up to there. It uses the machine as
/// a replay does, and asks for the same.
#[utoipa::path(
    get, path = "/matches/{match}/inspect", tag = "matches",
    params(("match" = String, Path), InspectQuery),
    responses(
        (status = 200, body = InspectAnswer),
        (status = "4XX", body = Problem),
        (status = "5XX", body = Problem),
    ),
)]
pub(crate) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    Pairs(pairs): Pairs,
) -> ApiResult<Json<InspectAnswer>> {
    let (past, asked) = past(&app, &caller, &id, || query::read(pairs)).await?;
    let moment = past.moment(&app, asked.at.unwrap_or(past.latest()), None).await?;
    let seen = Seen::of(&app, moment).await?;
    blocking(move || answer(&past, &seen, &asked)).await?.map(Json)
}

/// What is known of a match, for who may have it run again, and what was asked for.
pub(super) async fn past<T>(
    app: &App,
    caller: &Caller,
    id: &str,
    asked: impl FnOnce() -> ApiResult<T>,
) -> ApiResult<(Past, T)> {
    let (found, _permit) = caller.match_to_run(app, id).await?;
    let asked = asked()?;
    Ok((Past::of(app, found).await?, asked))
}

/// A moment, with what can be read in it.
pub(super) struct Seen {
    pub(super) moment: Moment,
    pub(super) surface: Surface,
    pub(super) symbols: Symbols,
    pub(super) globals: Vec<GlobalValue>,
}

impl Seen {
    pub(super) async fn of(app: &App, moment: Moment) -> ApiResult<Self> {
        let names = names(app, &moment).await?;
        let app = app.clone();
        blocking(move || {
            let limits = app.policy.matches.clone().into();
            let malformed = || ApiError::internal("a snapshot's surface can't be read");
            let surface = inspect::surface(&limits, &moment.snapshot).ok_or_else(malformed)?;
            let globals = moment.snapshot.global_values().map_err(ApiError::internal)?;
            Ok(Self { moment, surface, symbols: Symbols::of(&names), globals })
        })
        .await?
    }

    pub(super) fn summary(&self) -> MomentAnswer {
        let Snapshot { module, tick, fuel, ref memory, .. } = *self.moment.snapshot;
        MomentAnswer {
            tick,
            state: self.moment.snapshot.state().to_string(),
            transcript: self.surface.transcript().to_string(),
            module: module.to_string(),
            fuel,
            memory_pages: memory.pages,
            image_base: is_native(&self.moment).then_some(IMAGE_BASE),
        }
    }

    fn globals(&self) -> Vec<GlobalAnswer> {
        let global = |(place, value): (usize, &GlobalValue)| {
            let (index, name) = self.symbols.mutable_global(place);
            let (r#type, value) = (inspect::type_text(*value), inspect::value_text(*value));
            GlobalAnswer { index, name: name.map(str::to_owned), r#type, value }
        };
        self.globals.iter().enumerate().map(global).collect()
    }

    fn memory(&self, at: &Range<u64>) -> ApiResult<MemoryAnswer> {
        let memory = &self.moment.snapshot.memory;
        let outside = || {
            let (tick, size) = (self.moment.snapshot.tick, inspect::size(memory));
            ApiError::value(
                "Memory",
                format_args!("{at:?} is not in it: before tick {tick} it has {size} bytes"),
            )
        };
        let bytes = inspect::read(memory, at.clone()).ok_or_else(outside)?;
        let symbol = self.symbols.nearest(at.start as u32);
        Ok(MemoryAnswer { address: at.start, base64: BASE64_STANDARD.encode(bytes), symbol })
    }
}

fn is_native(moment: &Moment) -> bool {
    moment.program.packaging() == Packaging::Native
}

/// The module whose names are looked up; nothing for a native one.
async fn names(app: &App, moment: &Moment) -> ApiResult<Vec<u8>> {
    let module = moment.snapshot.module;
    if is_native(moment) {
        return Ok(Vec::new());
    }
    Ok(app.store(move |store| store.module(module)).await?.unwrap_or_default())
}

fn answer(past: &Past, seen: &Seen, asked: &InspectQuery) -> ApiResult<InspectAnswer> {
    let surface = &seen.surface;
    let memory = asked.memory.iter().map(|at| seen.memory(at)).collect::<ApiResult<_>>()?;
    let result = surface.result().map(|result| BytesAnswer {
        bytes: result.len() as u64,
        sha256: Sha256::of(result).to_string(),
    });
    let numbers = |players: &mut dyn Iterator<Item = &PlayerId>| players.map(|id| id.0).collect();
    Ok(InspectAnswer {
        r#match: past.found.id.to_string(),
        version: seen.moment.version.to_string(),
        moment: seen.summary(),
        ends_at: seen.moment.snapshot.ends_at,
        globals: seen.globals(),
        gauges: shown_gauges(&surface.gauges()),
        players: numbers(&mut surface.roster().iter()),
        left: numbers(&mut surface.left().iter()),
        waiting: EventsAnswer::waiting(surface.events()),
        in_flight: surface.in_flight(),
        result,
        around: EventsAnswer::around(&past.log, seen.moment.snapshot.tick, asked.around),
        memory,
    })
}
