//! What is told of a game's egress. The game's own stands as it was set, so that it can be changed
//! and set again; what else holds stands beside it, and never in its place.

use lattice_policies::{
    GameId,
    egress::{Entry, FetchLimits, GameEgress},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::given::{EgressEntry, NewEgress};
use crate::{app::App, egress::Holding};

/// What holds for a game now: the list and the limits that it has of its own, as they can be put
/// back, and beside them what can only be read.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct EgressAnswer {
    #[schema(example = "g_0123456789abcdef", read_only)]
    game: String,
    /// Counts the changes; 0 as long as nothing was set.
    #[schema(read_only)]
    revision: i64,
    /// The subject that set it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(read_only)]
    updated_by: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(read_only)]
    updated_at: Option<String>,
    /// What every game may fetch from, beside its own list.
    #[schema(value_type = Vec<EgressEntry>, read_only)]
    allow_every_game: Vec<Entry>,
    /// Every limit as it holds: the game's own, or else the platform's.
    #[schema(read_only)]
    limits: Limits,
    /// What the game has of its own: a limit that is missing here is the platform's.
    #[serde(flatten)]
    #[schema(value_type = NewEgress)]
    own: GameEgress,
}

/// Every limit of a game's fetches.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
#[schema(as = EgressLimits)]
struct Limits {
    requests_per_second: u32,
    burst: u32,
    in_flight: u32,
    queue: u32,
    connect_ms: u32,
    headers_ms: u32,
    whole_ms: u32,
    request_body_bytes: u32,
    response_body_bytes: u32,
    response_header_bytes: u32,
    response_headers: u32,
}

impl EgressAnswer {
    pub(super) fn new(app: &App, game: &GameId, Holding { stored, rules }: Holding) -> Self {
        Self {
            game: game.to_string(),
            revision: stored.as_ref().map_or(0, |stored| stored.revision),
            updated_by: stored.as_ref().map(|stored| stored.updated_by.clone()),
            updated_at: stored.as_ref().map(|stored| stored.updated_at.to_string()),
            allow_every_game: app.policy.egress.allow.clone(),
            limits: (*rules.limits()).into(),
            own: stored.map(|stored| stored.policy).unwrap_or_default(),
        }
    }
}

impl From<FetchLimits> for Limits {
    fn from(limits: FetchLimits) -> Self {
        // Taken apart, so that no limit can be forgotten here.
        let FetchLimits {
            requests_per_second,
            burst,
            in_flight,
            queue,
            connect_ms,
            headers_ms,
            whole_ms,
            request_body_bytes,
            response_body_bytes,
            response_header_bytes,
            response_headers,
        } = limits;
        Self {
            requests_per_second,
            burst,
            in_flight,
            queue,
            connect_ms,
            headers_ms,
            whole_ms,
            request_body_bytes,
            response_body_bytes,
            response_header_bytes,
            response_headers,
        }
    }
}
