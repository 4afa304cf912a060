//! What each game may fetch from the web, as it was last set; each change with its audit row.
//! Never judges an entry or a limit: the egress rules do, with what holds for all games beside it.

use jiff::Timestamp;
use lattice_policies::{GameId, egress::GameEgress};
use rusqlite::{Connection, Row, params};
use serde_json::{Value, json};

use crate::{
    Actor, AuditEntry, Store, StoreError, audit,
    columns::{json as canonical, now, parsed},
    games,
};

/// A game's own egress policy.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEgress {
    /// Counts the changes of this game's policy, from 1.
    pub revision: i64,
    pub policy: GameEgress,
    /// The subject that set it.
    pub updated_by: String,
    pub updated_at: Timestamp,
}

impl Store {
    /// What was last set for the game; `None` if nothing was. What no longer reads as a policy of
    /// this platform is [`StoreError::Corrupt`]; it can still be replaced.
    pub fn egress(&self, game: &GameId) -> Result<Option<StoredEgress>, StoreError> {
        self.read(|db| {
            db.prepare_cached("SELECT * FROM egress_policy WHERE game = ?1")?
                .query_and_then([game.as_str()], stored_egress)?
                .next()
                .transpose()
        })
    }

    /// Replaces the game's policy: the next revision. The audit keeps what was before and what is.
    pub fn set_egress(
        &self,
        actor: &Actor,
        game: &GameId,
        policy: &GameEgress,
    ) -> Result<StoredEgress, StoreError> {
        let after = serde_json::to_value(policy)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        self.write(|tx| {
            games::must_find(tx, game)?;
            let before = as_kept(tx, game)?;
            let stored = replace(tx, actor, game, &canonical(&after))?;
            let detail = json!({"Revision": stored.revision, "Before": before, "After": after});
            let (action, target, outcome) = ("egress.set", game.as_str(), "ok");
            let entry = AuditEntry { action, game: Some(game), target, outcome, detail };
            audit::append(tx, actor, &entry)?;
            Ok(stored)
        })
    }
}

/// The policy as it stands in its row, whether or not it can still be one.
fn as_kept(tx: &Connection, game: &GameId) -> Result<Option<Value>, StoreError> {
    tx.prepare_cached("SELECT policy FROM egress_policy WHERE game = ?1")?
        .query_and_then([game.as_str()], |row| parsed(row, "policy"))?
        .next()
        .transpose()
}

fn replace(
    tx: &Connection,
    actor: &Actor,
    game: &GameId,
    policy: &str,
) -> Result<StoredEgress, StoreError> {
    tx.prepare_cached(
        "INSERT INTO egress_policy (game, revision, policy, updated_by, updated_at)
         VALUES (?1, 1, ?2, ?3, ?4)
         ON CONFLICT DO UPDATE SET revision = revision + 1, policy = excluded.policy,
            updated_by = excluded.updated_by, updated_at = excluded.updated_at
         RETURNING *",
    )?
    .query_and_then(params![game.as_str(), policy, actor.subject, now()], stored_egress)?
    .next()
    .ok_or(rusqlite::Error::QueryReturnedNoRows)?
}

fn stored_egress(row: &Row<'_>) -> Result<StoredEgress, StoreError> {
    let policy: Value = parsed(row, "policy")?;
    let policy = serde_json::from_value(policy).map_err(|error| {
        StoreError::Corrupt(format!("the stored egress policy is none of this platform: {error}"))
    })?;
    Ok(StoredEgress {
        revision: row.get("revision")?,
        policy,
        updated_by: row.get("updated_by")?,
        updated_at: parsed(row, "updated_at")?,
    })
}
