//! Games: a tenant's products, each owned by a subject.

use jiff::Timestamp;
use lattice_policies::GameId;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde_json::json;

use crate::{
    Actor, AuditEntry, Page, Store, StoreError, audit,
    columns::{now, parsed},
};

/// A tenant's product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Game {
    pub id: GameId,
    pub name: String,
    /// The subject that owns it.
    pub owner: String,
    /// Whether its builds start matches only once they were verified against a native transcript.
    pub native_gate: bool,
    pub created_at: Timestamp,
}

impl Store {
    /// Makes a game of that id, which the caller drew.
    pub fn create_game(
        &self,
        actor: &Actor,
        id: &GameId,
        name: &str,
        owner: &str,
    ) -> Result<Game, StoreError> {
        self.write(|tx| {
            tx.prepare_cached(
                "INSERT INTO game (id, name, owner, created_at) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![id.as_str(), name, owner, now()])?;
            let entry = AuditEntry {
                action: "game.create",
                game: Some(id),
                target: id.as_str(),
                outcome: "ok",
                detail: json!({"Name": name, "Owner": owner}),
            };
            audit::append(tx, actor, &entry)?;
            must_find(tx, id)
        })
    }

    /// Shuts (`true`) or opens the game's gate, for the builds that are there as for those to come.
    /// [`StoreError::NoSuchGame`].
    pub fn set_native_gate(
        &self,
        actor: &Actor,
        id: &GameId,
        shut: bool,
    ) -> Result<Game, StoreError> {
        self.write(|tx| {
            let changes = must_find(tx, id)?.native_gate != shut;
            tx.prepare_cached("UPDATE game SET native_gate = ?2 WHERE id = ?1")?
                .execute(params![id.as_str(), shut])?;
            let entry = AuditEntry {
                action: "game.gate",
                game: Some(id),
                target: id.as_str(),
                outcome: if changes { "ok" } else { "unchanged" },
                detail: json!({"NativeGate": shut}),
            };
            audit::append(tx, actor, &entry)?;
            must_find(tx, id)
        })
    }

    /// The game of that id, if there is one.
    pub fn game(&self, id: &GameId) -> Result<Option<Game>, StoreError> {
        self.read(|db| find(db, id))
    }

    /// The games of one owner, or all, oldest first.
    pub fn games(&self, owner: Option<&str>, page: &Page) -> Result<Vec<Game>, StoreError> {
        self.read(|db| {
            let after = page.after.as_deref().map_or(Ok(0), |id| place(db, id))?;
            let limit = page.bounded();
            match owner {
                Some(owner) => db
                    .prepare_cached(
                        "SELECT * FROM game WHERE n > ?1 AND owner = ?3 ORDER BY n LIMIT ?2",
                    )?
                    .query_and_then(params![after, limit, owner], game)?
                    .collect(),
                None => db
                    .prepare_cached("SELECT * FROM game WHERE n > ?1 ORDER BY n LIMIT ?2")?
                    .query_and_then([after, limit.into()], game)?
                    .collect(),
            }
        })
    }
}

pub(crate) fn must_find(db: &Connection, id: &GameId) -> Result<Game, StoreError> {
    find(db, id)?.ok_or_else(|| StoreError::NoSuchGame(id.clone()))
}

fn find(db: &Connection, id: &GameId) -> Result<Option<Game>, StoreError> {
    db.prepare_cached("SELECT * FROM game WHERE id = ?1")?
        .query_and_then([id.as_str()], game)?
        .next()
        .transpose()
}

/// Where a game stands in the list of all.
fn place(db: &Connection, id: &str) -> Result<i64, StoreError> {
    db.prepare_cached("SELECT n FROM game WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?
        .ok_or_else(|| StoreError::BadCursor(id.to_owned()))
}

fn game(row: &Row<'_>) -> Result<Game, StoreError> {
    Ok(Game {
        id: parsed(row, "id")?,
        name: row.get("name")?,
        owner: row.get("owner")?,
        native_gate: row.get("native_gate")?,
        created_at: parsed(row, "created_at")?,
    })
}
