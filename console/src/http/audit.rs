//! `/audit` and `/games/{game}/audit`: what was asked, by whom, with what outcome.

use axum::{Json, extract::State};
use lattice_policies::roles::Action;
use lattice_store::{AuditFilter, AuditRow, Page, SignedHead};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{
    caller::Caller,
    error::{ApiResult, Problem},
    list::{Listed, PageOf, PageQuery},
    path::Path,
};
use crate::app::App;

/// One row of the audit. Each is chained to the one before by its hash.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AuditAnswer {
    /// From 1, without gaps.
    seq: i64,
    /// RFC 3339.
    at: String,
    subject: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<String>,
    action: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    game: Option<String>,
    target: String,
    outcome: String,
    #[schema(value_type = Object)]
    detail: Value,
    /// The hash of the row before.
    previous: String,
    hash: String,
}

/// A signed end of the audit's chain.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct HeadAnswer {
    /// The number of the last row at that time.
    seq: i64,
    /// Of that row.
    hash: String,
    /// RFC 3339.
    at: String,
    /// The signed statement of it, to the byte: a DSSE envelope.
    receipt: String,
}

impl From<SignedHead> for HeadAnswer {
    fn from(signed: SignedHead) -> Self {
        Self {
            seq: signed.head.seq,
            hash: signed.head.hash.to_string(),
            at: signed.at.to_string(),
            receipt: signed.envelope,
        }
    }
}

impl From<AuditRow> for AuditAnswer {
    fn from(row: AuditRow) -> Self {
        Self {
            seq: row.seq,
            at: row.at.to_string(),
            subject: row.actor.subject,
            token: row.actor.token.map(|token| token.to_string()),
            address: row.actor.address,
            request: row.actor.request,
            action: row.action,
            game: row.game.map(|game| game.to_string()),
            target: row.target,
            outcome: row.outcome,
            detail: row.detail,
            previous: row.previous.to_string(),
            hash: row.hash.to_string(),
        }
    }
}

/// The whole platform's audit, newest first.
#[utoipa::path(
    get, path = "/audit", tag = "audit", params(PageQuery),
    responses((status = 200, body = Listed<AuditAnswer>), (status = "4XX", body = Problem)),
)]
pub(crate) async fn all(
    State(app): State<App>,
    caller: Caller,
    PageOf(page): PageOf,
) -> ApiResult<Json<Listed<AuditAnswer>>> {
    caller.permit(&app, Action::ReadAudit { owner: None }).await?;
    rows(&app, AuditFilter::default(), page, AuditAnswer::from).await
}

/// The signed ends of the audit's chain, newest first. Each is kept here, and shows a tail that was
/// cut off later; kept elsewhere too, it also shows a chain that was rewritten with all of them.
#[utoipa::path(
    get, path = "/audit/heads", tag = "audit", params(PageQuery),
    responses((status = 200, body = Listed<HeadAnswer>), (status = "4XX", body = Problem)),
)]
pub(crate) async fn heads(
    State(app): State<App>,
    caller: Caller,
    PageOf(page): PageOf,
) -> ApiResult<Json<Listed<HeadAnswer>>> {
    caller.permit(&app, Action::ReadAudit { owner: None }).await?;
    let listed = app.store(move |store| {
        let heads = store.audit_heads(&page)?;
        Ok(Listed::page(heads, &page, |signed| signed.head.seq.to_string(), HeadAnswer::from))
    });
    listed.await.map(Json)
}

/// A game's audit, newest first. Of a fetch, its owner is told what the sim was told, without what
/// it showed of the platform's network.
#[utoipa::path(
    get, path = "/games/{game}/audit", tag = "audit",
    params(("game" = String, Path), PageQuery),
    responses((status = 200, body = Listed<AuditAnswer>), (status = "4XX", body = Problem)),
)]
pub(crate) async fn of_game(
    State(app): State<App>,
    caller: Caller,
    Path(game): Path<String>,
    PageOf(page): PageOf,
) -> ApiResult<Json<Listed<AuditAnswer>>> {
    let (game, permit) =
        caller.game(&app, &game, |owner| Action::ReadAudit { owner: Some(owner) }).await?;
    let is_operator = permit.owner_filter().is_none();
    let shown = if is_operator { AuditAnswer::from } else { for_owner };
    rows(&app, AuditFilter { game: Some(game.id) }, page, shown).await
}

async fn rows(
    app: &App,
    filter: AuditFilter,
    page: Page,
    shown: fn(AuditRow) -> AuditAnswer,
) -> ApiResult<Json<Listed<AuditAnswer>>> {
    let listed = app.store(move |store| {
        let rows = store.audit(&filter, &page)?;
        Ok(Listed::page(rows, &page, |row| row.seq.to_string(), shown))
    });
    listed.await.map(Json)
}

/// A row for who may know no more of a fetch than its sim: what a lookup, a connection or TLS
/// revealed would map the network that the platform stands in. The hash does not tell it either: it
/// is of a salt too.
fn for_owner(mut row: AuditRow) -> AuditAnswer {
    if row.action == "egress.fetch" {
        let has_response = row.outcome == "ok";
        if !matches!(&*row.outcome, "ok" | "revoked" | "timeout" | "cancelled") {
            "failed".clone_into(&mut row.outcome);
        }
        let of_a_failed = ["Status", "SentBytes", "ReceivedBytes", "TookMs"];
        let of_a_failed = of_a_failed.into_iter().filter(|_| !has_response);
        for revealed in ["Address", "Why", "Salt"].into_iter().chain(of_a_failed) {
            row.detail.as_object_mut().map(|detail| detail.remove(revealed));
        }
    }
    row.into()
}
